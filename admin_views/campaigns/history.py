"""What was done to a campaign, and its sendings."""

from typing import Any

from flask import render_template
from sqlalchemy import func, select

from admin_views.campaigns.blueprint import bp
from admin_views.security import requires
from ctm.campaigns import operations
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import AuditEntry, Mailing, Message
from ctm.permissions import Permission

SHOWN = 200
ACTIONS = {
    "campaign.create": _l("created"),
    "campaign.update": _l("settings changed"),
    "campaign.duplicate": _l("copied from another campaign"),
    "campaign.attach": _l("file added"),
    "campaign.detach": _l("file taken away"),
    "campaign.add_clients": _l("clients added"),
    "campaign.remove_clients": _l("clients taken out"),
    "campaign.set_status": _l("list status set by hand"),
    "campaign.test": _l("test mail sent"),
    "campaign.start": _l("sending started"),
    "campaign.pause": _l("paused"),
    "campaign.resume": _l("resumed"),
    "campaign.stop": _l("stopped"),
    "campaign.release": _l("confirmed after a restore"),
    "campaign.schedule": _l("start planned"),
    "campaign.unschedule": _l("planned start given up"),
    "campaign.overdue": _l("planned start missed"),
    "campaign.retry_failed": _l("failed mails queued again"),
}


@bp.get("/<int:campaign_id>/history")
@requires(Permission.VIEW_CAMPAIGNS)
def history(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    entries = db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.object_type == "campaigns", AuditEntry.object_id == campaign.id)
        .order_by(AuditEntry.id.desc())
        .limit(SHOWN)
    ).all()
    counted = (
        select(Message.mailing_id, func.count().label("mails"))
        .where(Message.campaign_id == campaign.id)
        .group_by(Message.mailing_id)
        .subquery()
    )
    runs = db.session.execute(
        select(Mailing, counted.c.mails)
        .outerjoin(counted, counted.c.mailing_id == Mailing.id)
        .where(Mailing.campaign_id == campaign.id)
        .order_by(Mailing.id.desc())
        .limit(SHOWN)
    ).all()
    return render_template(
        "campaigns/history.html", campaign=campaign, entries=entries, runs=runs, actions=ACTIONS
    )
