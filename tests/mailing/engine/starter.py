"""Workers as processes of their own that start at once.

A starter imports the program once and forks a worker for each that is asked for: real processes
that can be killed, stopped and waited for, without the second that an import takes.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).resolve().parents[3]


class Started:
    """A worker that runs."""

    def __init__(self, starter: "Starter", pid: int) -> None:
        self._starter = starter
        self.pid = pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, "it had ended already"

    def wait(self) -> int:
        """Its exit status (negative: the signal it died of) once it has ended."""
        return self._starter.ask(f"wait {self.pid}")

    def running(self) -> bool:
        return bool(self._starter.ask(f"running {self.pid}"))


class Starter:
    """Starts workers of one application's settings."""

    def __init__(self, app: Flask, **more: str) -> None:
        names = ("CTM_INSTANCE", "CTM_PUBLIC_URL", "CTM_LANGUAGE", "CTM_DATABASE_URL")
        environ = os.environ | {name: str(app.config[name]) for name in names} | more
        environ["CTM_ALLOW_PRIVATE_HOSTS"] = "1"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mailing.engine.starter"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def ask(self, question: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self) -> Started:
        return Started(self, self.ask("start"))

    def start_doomed(self, writes: int, microseconds: int) -> Started:
        """A worker that is killed so long after it has written to its journal so many times.

        So how far it gets does not depend on how busy the machine is.
        """
        return Started(self, self.ask(f"doomed {writes} {microseconds}"))

    def close(self) -> None:
        """End the starter and whatever it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@contextmanager
def starting(app: Flask, **more: str) -> Iterator[Starter]:
    starter = Starter(app, **more)
    try:
        yield starter
    finally:
        starter.close()


def _doom(writes: int, seconds: float) -> None:
    """Let the kernel kill this process (SIGKILL) some time after its journal's next writes."""
    from ctm.mailing.journal import Journal

    if not writes:
        _kill_in(seconds)
        return
    append, left = Journal._append, iter(range(writes - 1, -1, -1))

    def counted(journal: Journal, line: bytes) -> None:
        append(journal, line)
        if next(left, None) == 0:
            _kill_in(seconds)

    Journal._append = counted  # type: ignore[method-assign]


def _kill_in(seconds: float) -> None:
    """timer_create(2) with SIGKILL: no code of this process runs when the time has come."""

    class SigEvent(ctypes.Structure):
        _fields_ = [("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int)]
        _fields_ += [("padding", ctypes.c_char * 48)]

    event, timer = SigEvent(signo=signal.SIGKILL, notify=0), ctypes.c_void_p()
    whole, rest = divmod(seconds, 1)
    once = (ctypes.c_long * 4)(0, 0, int(whole), max(1, int(rest * 1e9)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) or (
        libc.timer_settime(timer, 0, once, None)
    ):
        raise OSError(ctypes.get_errno(), "no timer")


def _main() -> None:
    from app import create_app
    from ctm.mailing.engine import standing
    from ctm.mailing.engine.command import run_worker

    patience = os.environ.get("WORKER_SURE_FOR")
    overrides: dict[str, Any] = {}
    if patience:
        standing.SURE_FOR, standing.BEAT_EVERY = float(patience), float(patience) / 2
        milliseconds = int(float(patience) * 1000)
        limit = f"-c idle_in_transaction_session_timeout={milliseconds}"
        overrides["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"options": limit}}
    app = create_app(overrides)
    ended: dict[int, int] = {}

    def work() -> None:
        with app.app_context():
            run_worker(until_idle=True)

    def start(writes: int = 0, microseconds: int = 0) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            sys.stdin.close()
            if microseconds:
                _doom(writes, microseconds / 1e6)
            work()
            status = 0
        finally:
            os._exit(status)

    def wait(pid: int, options: int = 0) -> int | None:
        if pid not in ended:
            found, status = os.waitpid(pid, options)
            if not found:
                return None
            ended[pid] = os.waitstatus_to_exitcode(status)
        return ended[pid]

    answers: dict[str, Any] = {
        "start": start,
        "doomed": start,
        "wait": wait,
        "running": lambda pid: int(wait(pid, os.WNOHANG) is None),
    }
    for line in sys.stdin:
        word, *numbers = line.split()
        sys.stdout.write(f"{answers[word](*map(int, numbers))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
