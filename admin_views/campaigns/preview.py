"""The mail as a chosen client will read it, and a test mail to oneself."""

from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.campaigns.blueprint import bp, number
from admin_views.security import requires
from ctm.campaigns import content, operations
from ctm.clients import operations as clients
from ctm.errors import CtmError
from ctm.i18n import _
from ctm.mailing.testmail import send_test
from ctm.models import Campaign, Client
from ctm.permissions import Permission, require_account


def _chosen(campaign: Campaign) -> Client | None:
    """The client asked for, or the campaign's first."""
    asked = number("client")
    if not asked:
        asked = content.neighbours(campaign, None)[1]
    return clients.get(asked) if asked else None


@bp.get("/<int:campaign_id>/preview")
@requires(Permission.VIEW_CAMPAIGNS)
def preview(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    client = _chosen(campaign)
    shown, problem = None, ""
    try:
        shown = content.preview_for(campaign, client)
    except CtmError as error:
        problem = str(error)
    before, after = content.neighbours(campaign, client)
    return render_template(
        "campaigns/preview.html",
        campaign=campaign,
        client=client,
        shown=shown,
        problem=problem,
        before=before,
        after=after,
    )


@bp.get("/<int:campaign_id>/preview/html")
@requires(Permission.VIEW_CAMPAIGNS)
def preview_html(campaign_id: int) -> Any:
    """The HTML alone, for a sandboxed frame."""
    campaign = operations.get(campaign_id)
    html = content.preview_for(campaign, _chosen(campaign)).html or ""
    remote = " https: http:" if request.args.get("images") == "1" else ""
    g.csp = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src data: 'self'{remote}; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return Response(html, content_type="text/html; charset=utf-8")


@bp.post("/<int:campaign_id>/test")
@requires(Permission.EDIT_CAMPAIGNS)
def test(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    to = request.form.get("to", "").strip() or current_user.email
    try:
        require_account(current_user, campaign.account)
        send_test(campaign, to, _chosen(campaign), current_user)
    except CtmError as error:
        flash(str(error), "bad")
    else:
        flash(_("A test mail for %(to)s is on its way.", to=to), "good")
    return redirect(
        url_for("campaigns.preview", campaign_id=campaign_id, client=number("client") or None)
    )
