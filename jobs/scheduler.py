"""APScheduler, reconciled with the table of jobs while this process holds the lease.

Every process that serves runs a :class:`Scheduler`; the lease in the database lets one of them
schedule. It renews the lease with every beat; if it dies, another takes over when the
lease has run out.
"""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from ctm import audit, jobruns, leases, logs
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.jobruns import Job

log = logging.getLogger(__name__)

LEASE = "scheduler"
BEAT_SECONDS = 10.0
LEASE_SECONDS = 35.0


def _awake_or_asleep() -> float:
    """Seconds that count on while the machine sleeps: what a lease is measured with."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Scheduler:
    """Runs the jobs of a table on their time, if it holds the lease.

    A process that was stopped or asleep for longer than its lease begins no job until it holds
    one again. A job that raises is logged and remembered, and runs again on its next turn. A job
    never runs twice at once. Good runs are written with the next beat, so that an idle office
    does not write to its database every second.
    """

    def __init__(
        self,
        app: Flask,
        jobs: Sequence[Job],
        *,
        beat: float = BEAT_SECONDS,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._app = app
        self._jobs = {job.name: job for job in jobs}
        self._beat_seconds = beat
        self._lease_seconds = lease
        self._holder = leases.this_process()
        self._good: dict[str, tuple[datetime, datetime, int]] = {}
        self._lock = threading.Lock()
        self._reconciling = threading.Lock()
        self._stopping = False
        self._engine = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4), "beat": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self.holds = False
        self._until = 0.0

    def start(self) -> None:
        self._engine.add_job(
            self._beat,
            "interval",
            seconds=self._beat_seconds,
            id="beat",
            executor="beat",
            next_run_time=datetime.now(UTC),
        )
        self._engine.start()

    def stop(self) -> None:
        """Let the jobs under way finish, write what they did, give the lease back.

        While it waits for them the engine keeps its locks: a beat under way must not want them.
        """
        with self._reconciling:
            self._stopping = True
        self._engine.shutdown(wait=True)
        with self._app.app_context():
            try:
                self._write_good_runs()
                leases.release(LEASE, self._holder)
            except Exception:
                log.exception("the scheduler's lease could not be given back")
        self.holds = False

    def _beat(self) -> None:
        held, asked = False, _awake_or_asleep()
        with self._app.app_context():
            try:
                held = leases.acquire(LEASE, self._holder, self._lease_seconds)
                self._write_good_runs()
            except Exception:
                log.exception("the scheduler cannot reach its lease")
        if held != self.holds:
            log.info("this process %s the scheduled jobs", "runs" if held else "no longer runs")
        self.holds, self._until = held, asked + self._lease_seconds
        with self._reconciling:
            if not self._stopping:
                self._reconcile()

    def _reconcile(self) -> None:
        """Make the engine's jobs those of the table, or none without the lease."""
        wanted = self._jobs if self.holds else {}
        present = {job.id for job in self._engine.get_jobs()} - {"beat"}
        for name in present - wanted.keys():
            self._engine.remove_job(name)
        for name in wanted.keys() - present:
            self._engine.add_job(
                self._run,
                "interval",
                args=[wanted[name]],
                seconds=wanted[name].seconds,
                id=name,
                next_run_time=datetime.now(UTC),
            )

    def _run(self, job: Job) -> None:
        if not self.holds or _awake_or_asleep() >= self._until:
            return
        started = utcnow()
        with self._app.app_context(), logs.bind(job=job.name, job_run=logs.new_id()):
            audit.act_as(None)
            try:
                job.run()
            except Exception as error:
                log.exception("job %s failed", job.name)
                db.session.rollback()
                self._note_failure(job, started, error)
            else:
                with self._lock:
                    runs = self._good.get(job.name, (started, started, 0))[2]
                    self._good[job.name] = (started, utcnow(), runs + 1)

    def _note_failure(self, job: Job, started: datetime, error: Exception) -> None:
        try:
            jobruns.failed(job.name, started, f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("the failure of job %s could not be written", job.name)
            db.session.rollback()

    def _write_good_runs(self) -> None:
        with self._lock:
            good, self._good = self._good, {}
        for name, (started, finished, runs) in good.items():
            jobruns.succeeded(name, started, finished, runs)
