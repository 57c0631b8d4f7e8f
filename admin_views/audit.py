"""The audit log: who did what, when."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask_admin import Admin
from flask_babel import to_utc
from sqlalchemy import Select, select

from admin_views import audit_words
from admin_views.security import requires
from ctm import users
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import AuditEntry
from ctm.permissions import Permission

bp = Blueprint("audit", __name__, url_prefix="/audit")

PAGE = 100
FILTERS = ("user", "action", "since", "until")


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
    app.add_template_filter(audit_words.action, "audit_action")
    app.add_template_filter(audit_words.actor, "audit_actor")


@bp.get("/")
@requires(Permission.VIEW_AUDIT)
def index_view() -> Any:
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(PAGE + 1)
    entries = list(db.session.scalars(_narrow(query)))
    shown = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return render_template(
        "audit/list.html",
        entries=entries[:PAGE],
        more=len(entries) > PAGE,
        shown=shown,
        users=users.every(),
        areas=audit_words.AREAS,
    )


def _narrow(query: Select[AuditEntry]) -> Select[AuditEntry]:
    """By user, action and days, as the address says.

    :raises InvalidInput: a part cannot be read; leaving it out would show more than was asked.
    """
    user_id, before = _number("user"), _number("before")
    if user_id is not None:
        query = query.where(AuditEntry.user_id == user_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    action = request.args.get("action", "").strip()[:60]
    if action:
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    since, until = _day("since"), _day("until")
    if since:
        query = query.where(AuditEntry.at >= to_utc(since))
    if until:
        query = query.where(AuditEntry.at < to_utc(until + timedelta(days=1)))
    return query


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise InvalidInput(_("“%(text)s” is not a number.", text=text[:40]))
    return int(text)


def _day(name: str) -> datetime | None:
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        day = datetime.min
    if not 1970 < day.year < 9000:
        raise InvalidInput(_("“%(text)s” is not a date like 2026-03-31.", text=text[:40]))
    return day
