"""Two processes with schedulers: one runs the jobs, and the other when the first is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from ctm.config import ROOT
from ctm.extensions import db

BEAT, LEASE = 0.3, 2.0
ROOM = 3.0  # for a busy machine, beside the lease and a beat


def can_be_written() -> bool:
    """Whether no process holds SQLite's write lock at this moment."""
    if db.engine.dialect.name != "sqlite":
        return True
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            return False
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA busy_timeout=15000")
    return True


class Pair:
    """Two processes and what their jobs noted: ``(word, pid, seconds)``."""

    def __init__(self, app: Flask, notes: Path) -> None:
        names = ("CTM_INSTANCE", "CTM_DATABASE_URL", "CTM_LANGUAGE")
        environ = os.environ | {name: str(app.config[name]) for name in names}
        command = [sys.executable, "-m", "tests.jobs.ticking", str(notes), str(BEAT), str(LEASE)]
        self._notes = notes
        self.processes = [subprocess.Popen(command, cwd=ROOT, env=environ) for _ in range(2)]

    def read(self) -> list[tuple[str, int, float]]:
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        found = (line.split() for line in lines)
        return [(word, int(pid), float(at)) for word, pid, at in found]

    def begun(self, since: float = 0.0) -> list[tuple[int, float]]:
        return [(pid, at) for word, pid, at in self.read() if word == "begin" and at > since]

    def wait(self, condition: str, since: float = 0.0, seconds: float = 30) -> int:
        """Wait until a job has begun since then; returns by whom. ``condition`` says so."""
        end = time.monotonic() + seconds
        while not self.begun(since):
            assert time.monotonic() < end, f"it never happened: {condition}"
            time.sleep(0.02)
        return self.begun(since)[0][0]

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 40
        while sum(word == "ready" for word, _pid, _at in self.read()) < 2:
            assert time.monotonic() < end, "they do not start"
            time.sleep(0.05)

    def other(self, pid: int) -> int:
        (found,) = {process.pid for process in self.processes} - {pid}
        return found

    def clashes(self) -> list[tuple[str, int, float]]:
        """Jobs that began while another process's was under way, not counting the dead."""
        under_way: dict[int, float] = {}
        found = []
        for word, pid, at in sorted(self.read(), key=lambda note: note[2]):
            if word == "begin":
                living = [each for each in under_way if each != pid and self._alive(each)]
                if living:
                    found.append((word, pid, at))
                under_way[pid] = at
            elif word == "end":
                under_way.pop(pid, None)
        return found

    def _alive(self, pid: int) -> bool:
        return any(each.pid == pid and each.poll() is None for each in self.processes)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def pair(app: Flask, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(app, tmp_path / "notes")
    made.wait_until_ready()
    yield made
    made.close()


def test_the_other_takes_over_within_the_lease_when_the_holder_is_killed(pair: Pair) -> None:
    first = pair.wait("one runs the jobs")
    time.sleep(3 * BEAT)
    assert {pid for pid, _at in pair.begun()} == {first}
    killed_at = time.monotonic()
    os.kill(first, signal.SIGKILL)
    after = killed_at + 0.05
    assert pair.wait("the other runs them", after) == pair.other(first)
    taken_at = pair.begun(after)[0][1]
    assert LEASE - 2 * BEAT - 0.5 <= taken_at - killed_at <= LEASE + BEAT + ROOM
    assert pair.clashes() == []


def test_a_holder_that_was_asleep_begins_nothing_that_the_other_runs(pair: Pair) -> None:
    first = pair.wait("one runs the jobs")
    while True:  # between two jobs, and not while it holds SQLite's one write lock
        os.kill(first, signal.SIGSTOP)
        ended = [note for note in pair.read() if note[1] == first][-1][0] == "end"
        if ended and can_be_written():
            break
        os.kill(first, signal.SIGCONT)
        time.sleep(0.03)
    asleep_at = time.monotonic()
    second = pair.wait("the other runs them", asleep_at)
    assert second == pair.other(first)
    os.kill(first, signal.SIGCONT)
    time.sleep(4 * BEAT)
    assert {pid for pid, _at in pair.begun(asleep_at)} == {second}
    assert pair.clashes() == []
