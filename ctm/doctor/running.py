"""What should be at work, and what waits for a person; the clock they all go by."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app
from sqlalchemy import func, select, text

from ctm import jobruns, leases, machinery
from ctm.clock import utcnow
from ctm.doctor.checks import ADVICE, OK, PROBLEM, Check
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing import undecided
from ctm.models import AuditEntry, Message, Worker

TOLERANCE = timedelta(minutes=1)
MOST = 100_000


def clock() -> list[Check]:
    found = []
    name = current_app.config["CTM_TIMEZONE"]
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(
            Check(
                "clock",
                PROBLEM,
                _("The time zone %(name)s is not known on this machine.", name=name[:60]),
                _("Set CTM_TIMEZONE to a name like Europe/Rome; install tzdata if it is missing."),
            )
        )
    return found + _against_the_database()


def _against_the_database() -> list[Check]:
    now = utcnow()
    newest = [
        db.session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1)),
        db.session.scalar(select(Message.created_at).order_by(Message.id.desc()).limit(1)),
    ]
    ahead = max((moment - now for moment in newest if moment is not None), default=timedelta())
    if db.engine.dialect.name == "postgresql":
        theirs = db.session.scalar(text("SELECT timezone('UTC', clock_timestamp())"))
        ahead = max(ahead, abs(theirs - utcnow())) if theirs else ahead
    db.session.rollback()
    if ahead > TOLERANCE:
        return [
            Check(
                "clock",
                PROBLEM,
                _(
                    "This machine's clock is wrong: it is %(count)s seconds away from the newest "
                    "entry of the database.",
                    count=int(ahead.total_seconds()),
                ),
                _("Switch on time synchronisation: timedatectl set-ntp true"),
            )
        ]
    return [Check("clock", OK, _("Clock and time zone are right, as far as the data can tell."))]


def processes() -> list[Check]:
    return [*_worker(), *_scheduler(), *_jobs()]


def _worker() -> Iterator[Check]:
    seen = db.session.scalar(select(func.max(Worker.seen_at)))
    if seen is not None and seen > utcnow() - machinery.WORKER_SILENT:
        yield Check("processes", OK, _("A sending worker is at work."))
    else:
        yield Check(
            "processes",
            PROBLEM,
            _("No sending worker is at work: mails wait."),
            _("Start CTM, or a worker by itself: flask --app app worker"),
        )


def _scheduler() -> Iterator[Check]:
    if leases.holder("scheduler") is not None:
        yield Check("processes", OK, _("The scheduled jobs are run."))
    else:
        yield Check(
            "processes",
            PROBLEM,
            _("No process runs the scheduled jobs: imports and planned starts wait."),
            _("Start CTM; one web process must have CTM_SCHEDULER=1."),
        )


def _jobs() -> Iterator[Check]:
    for state in jobruns.states():
        if state.failing and state.run is not None:
            yield Check(
                "processes",
                PROBLEM,
                _(
                    "The job “%(name)s” failed the last time: %(words)s",
                    name=state.job.description,
                    words=state.run.last_error[:200],
                ),
                _("Look for it in instance/logs; it is tried again by itself."),
            )


def mails() -> list[Check]:
    some = select(Message.id).where(undecided.waiting()).limit(MOST).subquery()
    count = db.session.scalar(select(func.count()).select_from(some)) or 0
    if not count:
        return [Check("mails", OK, _("No mail waits to be decided."))]
    return [
        Check(
            "mails",
            ADVICE,
            _("Of %(count)s mails nobody knows whether they left.", count=count),
            _("Decide them under “To decide”: send again, or leave."),
        )
    ]
