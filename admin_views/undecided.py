"""Mails whose fate is unknown: send again, or let them be (X2)."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from admin_views.security import requires
from ctm.campaigns import operations
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l, _n
from ctm.mailing import undecided
from ctm.models import Campaign, Message
from ctm.permissions import Permission

bp = Blueprint("undecided", __name__, url_prefix="/undecided")
SHOWN = 200
MOST_AT_ONCE = 10_000


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
@requires(Permission.DECIDE_MAIL)
def index() -> Any:
    query = select(Message).where(undecided.waiting())
    messages = db.session.scalars(
        query.options(
            joinedload(Message.client), joinedload(Message.mailing), joinedload(Message.account)
        )
        .order_by(Message.id)
        .limit(SHOWN)
    ).all()
    groups = db.session.execute(
        select(Campaign.id, Campaign.name, func.count())
        .join(Message, Message.campaign_id == Campaign.id)
        .where(undecided.waiting())
        .group_by(Campaign.id, Campaign.name)
        .order_by(Campaign.name)
    ).all()
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return render_template(
        "undecided/index.html",
        messages=messages,
        groups=groups,
        total=total,
        names={campaign_id: name for campaign_id, name, _count in groups},
    )


def _chosen() -> list[int]:
    campaign_id = request.form.get("campaign_id", type=int)
    if campaign_id:
        campaign = operations.get(campaign_id)
        query = select(Message.id).where(undecided.waiting(), Message.campaign_id == campaign.id)
        return list(db.session.scalars(query.limit(MOST_AT_ONCE)))
    given = request.form.getlist("ids")
    if not given:
        raise InvalidInput(_l("Choose at least one mail first."))
    if len(given) > SHOWN or not all(each.isdecimal() and len(each) < 16 for each in given):
        raise InvalidInput(_l("The selection cannot be read. Choose the mails again."))
    query = select(Message.id).where(undecided.waiting(), Message.id.in_(map(int, given)))
    return list(db.session.scalars(query))


@bp.post("/resend")
@requires(Permission.DECIDE_MAIL)
def resend() -> Any:
    count = undecided.resend(_chosen())
    words = _n("%(num)s mail leaves again.", "%(num)s mails leave again.", count)
    flash(words, "good" if count else "warning")
    return redirect(url_for("undecided.index"))


@bp.post("/leave")
@requires(Permission.DECIDE_MAIL)
def leave() -> Any:
    count = undecided.leave(_chosen())
    words = _n("%(num)s mail is left as it is.", "%(num)s mails are left as they are.", count)
    flash(words, "good" if count else "warning")
    return redirect(url_for("undecided.index"))
