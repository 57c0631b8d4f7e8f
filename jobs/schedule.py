"""The table of jobs, as data. Each is a few lines that call ctm."""

from datetime import timedelta

from flask import Flask

from ctm import leases, practice, tasks
from ctm.backup import routine
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.i18n import _l
from ctm.jobruns import Job
from ctm.mailing import control, pace, recovery, retention
from ctm.mailing.engine.command import journals_folder
from ctm.mailing.listmail import drafts


def settle_lost_workers() -> None:
    """What a dead worker left is settled: sent, to be sent again, or to be decided."""
    recovery.settle_lost(db.engine, journals_folder())


def clean_up() -> None:
    """Forget what nobody needs any more."""
    practice.trim()
    leases.delete_expired(timedelta(days=1))
    tasks.delete_old(timedelta(days=30))
    drafts.forget_old(timedelta(days=60))
    retention.purge()
    pace.forget_past(utcnow() - timedelta(days=400))


TABLE: tuple[Job, ...] = (
    Job("run_tasks", 2, tasks.run_waiting, _l("Do the long work that waits: imports, exports")),
    Job("start_campaigns", 15, control.start_due, _l("Start the campaigns whose time has come")),
    Job("finish_campaigns", 5, control.finish_done, _l("Close the campaigns that are done")),
    Job("settle_lost", 20, settle_lost_workers, _l("Settle the mails of workers that died")),
    Job("back_up", 60, routine.run_due, _l("Make the daily backup when its time has come")),
    Job("clean_up", 3600, clean_up, _l("Forget old practice mail, leases and finished tasks")),
)


def init_app(app: Flask) -> None:
    """Let the application know its jobs; the system page shows them."""
    app.extensions["ctm.jobs"] = TABLE
