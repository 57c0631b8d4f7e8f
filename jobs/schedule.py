"""The table of jobs, as data. Each is a few lines that call ctm."""

from datetime import timedelta

from flask import Flask

from ctm import leases, practice
from ctm.i18n import _l
from ctm.jobruns import Job


def clean_up() -> None:
    """Forget what nobody needs any more."""
    practice.trim()
    leases.delete_expired(timedelta(days=1))


TABLE: tuple[Job, ...] = (
    Job("clean_up", 3600, clean_up, _l("Forget old practice mail, leases and finished tasks")),
)


def init_app(app: Flask) -> None:
    """Let the application know its jobs; the system page shows them."""
    app.extensions["ctm.jobs"] = TABLE
