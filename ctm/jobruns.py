"""The table of jobs as the rest of CTM sees it, and what is remembered of their runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from flask_babel import LazyString
from sqlalchemy import select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import JobRun


@dataclass(frozen=True)
class Job:
    """One scheduled job: ``run`` is called every ``seconds``, inside the application context."""

    name: str
    seconds: float
    run: Callable[[], object]
    description: LazyString


@dataclass(frozen=True)
class JobState:
    """A job and its last run, for the system page."""

    job: Job
    run: JobRun | None

    @property
    def failing(self) -> bool:
        """Whether the last run failed."""
        last = self.run
        return (
            last is not None
            and last.last_error_at is not None
            and (last.finished_at is None or last.last_error_at >= last.finished_at)
        )


def table() -> tuple[Job, ...]:
    """The jobs of this installation (from ``jobs.schedule``)."""
    jobs: tuple[Job, ...] = current_app.extensions.get("ctm.jobs", ())
    return jobs


def succeeded(name: str, started: datetime, finished: datetime, runs: int = 1) -> None:
    """Remember ``runs`` good runs, the last of which is given."""
    row = _row(name)
    row.started_at, row.finished_at = started, finished
    row.runs += runs
    db.session.commit()


def failed(name: str, started: datetime, error: str) -> None:
    """Remember a run that failed, with its words."""
    row = _row(name)
    row.started_at = started
    row.last_error = error[:2000]
    row.last_error_at = utcnow()
    row.runs += 1
    row.failures += 1
    db.session.commit()


def states() -> list[JobState]:
    """Every job with its last run."""
    runs = {run.job: run for run in db.session.scalars(select(JobRun))}
    return [JobState(job, runs.get(job.name)) for job in table()]


def _row(name: str) -> JobRun:
    row = db.session.get(JobRun, name)
    if row is None:
        row = JobRun(job=name, runs=0, failures=0, last_error="")
        db.session.add(row)
    return row
