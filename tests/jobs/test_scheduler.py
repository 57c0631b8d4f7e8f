"""The scheduler runs the table's jobs while it holds the lease."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from ctm import jobruns, leases
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.i18n import _l
from ctm.jobruns import Job
from ctm.models import JobRun
from jobs import schedule
from jobs.scheduler import LEASE, Scheduler


def job(name: str, run: Callable[[], object], seconds: float = 0.05) -> Job:
    return Job(name, seconds, run, _l("A test job"))


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        db.session.rollback()
        time.sleep(0.02)


@pytest.fixture
def start(app: Flask) -> Iterator[Callable[..., Scheduler]]:
    running: list[Scheduler] = []

    def begin(*jobs: Job, lease: float = 5.0) -> Scheduler:
        scheduler = Scheduler(app, jobs, beat=0.1, lease=lease)
        scheduler.start()
        running.append(scheduler)
        return scheduler

    yield begin
    for scheduler in running:
        if scheduler.holds or scheduler._engine.running:
            scheduler.stop()


def test_a_failing_job_is_remembered_and_tried_again_and_the_others_go_on(
    start: Callable[..., Scheduler],
) -> None:
    good: list[int] = []
    bad: list[int] = []

    def fail() -> None:
        bad.append(1)
        raise ValueError("the moon is full")

    start(job("bad", fail), job("good", lambda: good.append(1)))
    wait_for(lambda: len(bad) >= 3 and len(good) >= 3)
    wait_for(lambda: db.session.get(JobRun, "bad") is not None)
    failed = db.session.get(JobRun, "bad")
    assert failed.last_error == "ValueError: the moon is full"
    assert failed.failures >= 1
    wait_for(lambda: db.session.get(JobRun, "good") is not None)
    assert db.session.get(JobRun, "good").failures == 0


def test_a_job_that_leaves_a_broken_transaction_does_not_spoil_the_next_run(
    start: Callable[..., Scheduler],
) -> None:
    runs: list[str] = []

    def half_done() -> None:
        db.session.add(JobRun(job=None))
        runs.append("run")
        db.session.flush()

    start(job("half", half_done))
    wait_for(lambda: len(runs) >= 2)


def test_only_the_holder_of_the_lease_runs_jobs(start: Callable[..., Scheduler]) -> None:
    first: list[int] = []
    second: list[int] = []
    one = start(job("count", lambda: first.append(1)))
    wait_for(lambda: one.holds and len(first) > 1)
    two = start(job("count", lambda: second.append(1)))
    time.sleep(0.5)
    assert not two.holds
    assert second == []


def test_another_takes_over_when_the_holder_stops(start: Callable[..., Scheduler]) -> None:
    second: list[int] = []
    one = start(job("count", lambda: None))
    wait_for(lambda: one.holds)
    two = start(job("count", lambda: second.append(1)))
    one.stop()
    wait_for(lambda: two.holds and len(second) > 0)
    assert leases.holder(LEASE) == two._holder


def test_another_takes_over_when_the_holder_died_without_a_word(
    app: Flask, start: Callable[..., Scheduler]
) -> None:
    leases.acquire(LEASE, "a process that was killed", 0.6)
    two = start(job("count", lambda: None))
    time.sleep(0.2)
    assert not two.holds
    wait_for(lambda: two.holds)


def test_stopping_waits_for_the_job_under_way(start: Callable[..., Scheduler]) -> None:
    began, ended = threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        time.sleep(0.4)
        ended.set()

    scheduler = start(job("slow", slow, 60))
    assert began.wait(5)
    scheduler.stop()
    assert ended.is_set()
    assert leases.holder(LEASE) is None
    db.session.rollback()
    assert db.session.get(JobRun, "slow").runs == 1


def test_stopping_during_a_beat_ends(
    start: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine holds its locks while it waits for the beat, which looks at the engine's jobs."""
    beating, stopping = threading.Event(), threading.Event()
    acquire = leases.acquire

    def slowly(*arguments: Any) -> bool:
        beating.set()
        assert stopping.wait(10)
        time.sleep(0.2)
        return acquire(*arguments)

    monkeypatch.setattr("jobs.scheduler.leases.acquire", slowly)
    scheduler = start(job("count", lambda: None))
    assert beating.wait(5)
    stop = threading.Thread(target=scheduler.stop, daemon=True)
    stop.start()
    stopping.set()
    stop.join(10)
    assert not stop.is_alive(), "it waits for ever"
    assert leases.holder(LEASE) is None


def test_a_job_never_runs_twice_at_once(start: Callable[..., Scheduler]) -> None:
    inside = threading.Semaphore(1)
    clashes: list[int] = []
    runs: list[int] = []

    def alone() -> None:
        if not inside.acquire(blocking=False):
            clashes.append(1)
            return
        time.sleep(0.15)
        runs.append(1)
        inside.release()

    start(job("alone", alone, 0.03))
    wait_for(lambda: len(runs) >= 3)
    assert clashes == []


def test_a_failure_after_a_good_run_shows_until_the_next_good_run(app: Flask) -> None:
    table = (job("one", lambda: None),)
    app.extensions["ctm.jobs"] = table
    jobruns.succeeded("one", utcnow(), utcnow())
    assert not jobruns.states()[0].failing
    jobruns.failed("one", utcnow(), "no")
    assert jobruns.states()[0].failing
    jobruns.succeeded("one", utcnow(), utcnow())
    assert not jobruns.states()[0].failing


def test_the_table_has_a_name_an_interval_and_words_for_every_job(app: Flask) -> None:
    names = [entry.name for entry in schedule.TABLE]
    assert len(names) == len(set(names))
    assert all(entry.seconds > 0 and str(entry.description) for entry in schedule.TABLE)
    assert jobruns.table() == schedule.TABLE


@pytest.mark.parametrize("entry", schedule.TABLE, ids=lambda entry: entry.name)
def test_every_job_runs_on_an_empty_database(app: Flask, entry: Job) -> None:
    entry.run()
