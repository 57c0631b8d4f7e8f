"""The list of campaigns, and what is done to a whole one."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from admin_views.campaigns.blueprint import bp
from admin_views.security import requires
from ctm import counters, sql
from ctm.campaigns import deletion, operations
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Campaign
from ctm.permissions import Permission

PAGE = 50


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_CAMPAIGNS)
def index_view() -> Any:
    text = request.args.get("q", "").strip()[:100]
    page = max(0, request.args.get("page", 0, type=int) or 0)
    query = select(Campaign)
    if text:
        query = query.where(sql.holds(Campaign.name, text))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    newest = query.order_by(Campaign.id.desc()).options(joinedload(Campaign.account))
    campaigns = db.session.scalars(newest.limit(PAGE).offset(min(page, 10_000) * PAGE)).all()
    return render_template(
        "campaigns/list.html",
        campaigns=campaigns,
        counts=counters.read_many([campaign.id for campaign in campaigns]),
        total=total,
        page=page,
        pages=-(-total // PAGE),
        q=text,
    )


@bp.get("/<int:campaign_id>")
@requires(Permission.VIEW_CAMPAIGNS)
def show(campaign_id: int) -> Any:
    """A campaign opens on what one does next: a draft on its settings, others on the sending."""
    campaign = operations.get(campaign_id)
    place = "campaigns.emailing" if campaign.state == "draft" else "campaigns.mailing"
    return redirect(url_for(place, campaign_id=campaign.id))


@bp.post("/<int:campaign_id>/duplicate")
@requires(Permission.EDIT_CAMPAIGNS)
def duplicate(campaign_id: int) -> Any:
    copy = operations.duplicate(operations.get(campaign_id), current_user)
    flash(_("This is a copy, without clients: rename it and choose who gets it."), "good")
    return redirect(url_for("campaigns.emailing", campaign_id=copy.id))


@bp.post("/<int:campaign_id>/delete")
@requires(Permission.EDIT_CAMPAIGNS)
def delete(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    try:
        task = deletion.delete(campaign, current_user)
    except CtmError as error:
        flash(str(error), "bad")
        return redirect(url_for("campaigns.show", campaign_id=campaign_id))
    if task is not None:
        return redirect(url_for("tasks.show", task_id=task.id))
    flash(_("The campaign “%(name)s” is deleted.", name=campaign.name), "good")
    return redirect(url_for("campaigns.index_view"))
