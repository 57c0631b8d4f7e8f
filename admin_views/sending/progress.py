"""How the mails that were sent from a list go; the page changes by itself."""

from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, url_for
from flask_babel import format_datetime
from flask_login import current_user

from admin_views.security import requires
from admin_views.sending.blueprint import MAY_SEND, bp
from ctm.clock import utcnow
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _, _n
from ctm.mailing import pace
from ctm.mailing.listmail import progress as going
from ctm.mailing.listmail import queueing
from ctm.mailing.listmail.recipients import REASONS
from ctm.models import Mailing, MailingState, Task, TaskState
from ctm.permissions import Permission, allows, require_account

STACKED = ("read", "sent", "failed", "uncertain", "queued")


@bp.get("/mailing/<int:mailing_id>")
@requires(Permission.VIEW_MAIL)
def progress(mailing_id: int) -> Any:
    mailing = going.get(mailing_id)
    figures = going.figures(mailing)
    return render_template(
        "sending/progress.html",
        mailing=mailing,
        figures=figures,
        bar=_bar(figures),
        left_out=going.left_out(mailing),
        reasons=REASONS,
        latest=going.latest(mailing),
        task=going.task_of(mailing, queueing.TASK),
        words=_words(mailing),
        moving=mailing.state in going.MOVING,
        may_run=_may_run(mailing),
    )


def _bar(figures: dict[str, int]) -> list[tuple[str, int]]:
    shown = figures | {"sent": figures["sent"] - figures["read"]}
    return [(name, shown[name]) for name in STACKED]


def _may_run(mailing: Mailing) -> bool:
    """Its author and managers may stop it."""
    mine = mailing.author_id == current_user.id and allows(current_user, MAY_SEND)
    return mine or allows(current_user, Permission.RUN_CAMPAIGNS)


def _words(mailing: Mailing) -> str:
    """What the mails wait for."""
    task = going.task_of(mailing, queueing.TASK)
    if task is not None and mailing.state == MailingState.QUEUEING:
        return _preparing(task)
    account = mailing.account
    if mailing.state != MailingState.RUNNING:
        return ""
    if account.stopped_at:
        return _("The account is stopped: %(why)s", why=account.stopped_reason)
    limits = pace.read_limits(account.limits or [])
    _allowed, free_at = pace.allowance(db.session, account.id, limits, utcnow(), 1)
    if free_at is not None and free_at > utcnow():
        at = format_datetime(free_at, "short")
        return _("The account has sent what its limits allow: it goes on at %(at)s.", at=at)
    return ""


def _preparing(task: Task) -> str:
    if task.state == TaskState.FAILED:
        return task.error
    return _(
        "The mails are being prepared: %(done)s of %(total)s.", done=task.done, total=task.total
    )


@bp.get("/mailing/<int:mailing_id>/live.json")
@requires(Permission.VIEW_MAIL)
def live(mailing_id: int) -> Any:
    mailing = going.get(mailing_id)
    figures = going.figures(mailing)
    words = _words(mailing)
    return jsonify(
        figures
        | {
            "state": mailing.state,
            "bar": _bar(figures),
            "words": words,
            "latest": render_template("campaigns/_latest.html", latest=going.latest(mailing)),
        }
    )


@bp.post("/mailing/<int:mailing_id>/<any(stop, retry):action>")
@requires(MAY_SEND)
def run(mailing_id: int, action: str) -> Any:
    mailing = going.get(mailing_id)
    if not _may_run(mailing):
        abort(403)
    try:
        if action == "stop":
            count = going.stop(mailing)
            words = _n(
                "Stopped: %(num)s mail cancelled.", "Stopped: %(num)s mails cancelled.", count
            )
        else:
            require_account(current_user, mailing.account)
            count = going.retry_failed(mailing)
            words = _n("%(num)s mail is leaving.", "%(num)s mails are leaving.", count)
        flash(str(words), "good")
    except CtmError as error:
        flash(str(error), "bad")
    return redirect(url_for("sending.progress", mailing_id=mailing_id))
