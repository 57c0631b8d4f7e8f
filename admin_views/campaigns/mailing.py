"""The MAILING screen (G6, G7, X1): forecast, start, pause, resume, stop, and how it goes."""

from datetime import datetime
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import format_datetime, to_utc
from flask_login import current_user

from admin_views.campaigns.blueprint import bp
from admin_views.campaigns.live import answer as live_answer
from admin_views.security import requires
from ctm import counters
from ctm.campaigns import deletion, operations
from ctm.clock import utcnow
from ctm.errors import CtmError, InvalidInput
from ctm.i18n import _, _l, _n
from ctm.mailing import control, recipients, returning
from ctm.mailing.tracking import statistics
from ctm.models import Campaign, CampaignState
from ctm.permissions import Permission, require_account

PAGE = 100
MOST_PAGES = 10_000
MOVING = (CampaignState.RUNNING, CampaignState.PAUSED)


@bp.get("/<int:campaign_id>/mailing")
@requires(Permission.VIEW_CAMPAIGNS)
def mailing(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    if campaign.state == CampaignState.DELETING:
        under_way = deletion.is_under_way(campaign)
        return render_template("campaigns/deleting.html", campaign=campaign, under_way=under_way)
    moving = campaign.state in MOVING
    figures = statistics.summary(campaign.id)
    held = returning.hold_of(campaign)
    expected = None if moving else control.forecast(campaign, wait=False)
    if expected and expected.counting:
        control.count_later(campaign, current_user)
    return render_template(
        "campaigns/mailing.html",
        campaign=campaign,
        moving=moving,
        phase=_phase(campaign),
        figures=figures,
        bar=statistics.bar(figures),
        standings=statistics.standings(campaign.id),
        latest=statistics.latest(campaign),
        expected=expected,
        members=counters.read(campaign.id).get("members", 0),
        queueing=moving and control.is_queueing(campaign),
        retrying=moving and control.is_retrying(campaign),
        reasons=recipients.REASONS,
        account_words=account_words(campaign),
        held=held,
        held_words=returning.words(held) if held else "",
    )


def _phase(campaign: Campaign) -> str:
    """What the page would be drawn anew for."""
    moving = campaign.state in MOVING
    if moving:
        busy = control.is_queueing(campaign) or control.is_retrying(campaign)
        return f"{campaign.state} queueing" if busy else campaign.state
    return f"{campaign.state} counting" if control.is_counting(campaign) else campaign.state


def account_words(campaign: Campaign) -> str:
    """How the campaign's account is, when that matters now."""
    account = campaign.account
    if account is None or campaign.state != CampaignState.RUNNING:
        return ""
    if account.stopped_at:
        return _("The account is stopped: %(why)s", why=account.stopped_reason)
    if not account.active:
        return _("The account is not active: no mail leaves.")
    if account.retry_at and account.retry_at > utcnow():
        at = format_datetime(account.retry_at, "short")
        return _("The server is left alone until %(at)s: %(why)s", at=at, why=account.last_error)
    held = statistics.cached(campaign.id, "waiting", lambda: control.waiting(campaign))
    return held.words(format_datetime(held.until, "short")) if held else ""


@bp.get("/<int:campaign_id>/live.json")
@requires(Permission.VIEW_CAMPAIGNS)
def live(campaign_id: int) -> Response:
    """The figures for pages that update themselves; cheap to ask again."""
    part = "mailing" if request.args.get("part") == "mailing" else ""
    state = operations.get(campaign_id).state  # figures from before START are not those after it
    kind = f"live {part} {state}"
    return live_answer(campaign_id, kind, lambda: _figures(campaign_id, part))


def _figures(campaign_id: int, part: str) -> dict[str, Any]:
    campaign = operations.get(campaign_id)
    figures = statistics.summary(campaign_id)
    standings = statistics.standings(campaign_id)
    values = dict(figures) | {
        "state": campaign.state,
        "phase": _phase(campaign),
        "bar": statistics.bar(figures),
        "account": account_words(campaign),
        "standings": render_template("campaigns/_standings.html", standings=standings),
    }
    if part == "mailing":
        values["latest"] = render_template(
            "campaigns/_latest.html", latest=statistics.latest(campaign)
        )
    return values


@bp.get("/<int:campaign_id>/left-out/<reason>")
@requires(Permission.VIEW_CAMPAIGNS)
def left_out(campaign_id: int, reason: str) -> Any:
    if reason not in recipients.REASONS:
        abort(404)
    campaign = operations.get(campaign_id)
    page = min(max(0, request.args.get("page", 0, type=int) or 0), MOST_PAGES)
    rows = control.left_out(campaign, reason, PAGE + 1, page * PAGE)
    return render_template(
        "campaigns/left_out.html",
        campaign=campaign,
        reason=recipients.REASONS[reason],
        name=reason,
        rows=rows[:PAGE],
        page=page,
        more=len(rows) > PAGE,
    )


def _started(campaign: Campaign) -> str:
    queued = statistics.summary(campaign.id)["queued"]
    return str(_n("%(num)s mail is leaving.", "%(num)s mails are leaving.", queued))


def _start(campaign: Campaign) -> str:
    control.start(campaign)
    return _started(campaign)


def _pause(campaign: Campaign) -> str:
    control.pause(campaign)
    return _("Paused. Resume whenever you like: nothing is lost.")


def _resume(campaign: Campaign) -> str:
    control.resume(campaign)
    return _started(campaign)


def _release(campaign: Campaign) -> str:
    returning.release(campaign)
    return _("Confirmed. The campaign may send again: resume or start it.")


def _stop(campaign: Campaign) -> str:
    count = control.stop(campaign)
    return str(_n("Stopped: %(num)s mail cancelled.", "Stopped: %(num)s mails cancelled.", count))


def _schedule(campaign: Campaign) -> str:
    text = request.form.get("at", "")
    try:
        at = to_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise InvalidInput(_l("Choose a day and a time."), "at") from None
    at = at.replace(tzinfo=None)
    control.schedule(campaign, at)
    return _("The campaign starts by itself on %(at)s.", at=format_datetime(at, "short"))


def _unschedule(campaign: Campaign) -> str:
    control.unschedule(campaign)
    return _("The planned start is given up.")


def _retry(campaign: Campaign) -> str:
    control.retry_failed(campaign)
    return _started(campaign)


ACTIONS = {
    "start": _start,
    "pause": _pause,
    "resume": _resume,
    "release": _release,
    "stop": _stop,
    "schedule": _schedule,
    "unschedule": _unschedule,
    "retry": _retry,
}

SENDING = ("start", "resume", "release", "schedule", "retry")


@bp.post("/<int:campaign_id>/mailing/<action>")
@requires(Permission.RUN_CAMPAIGNS)
def run(campaign_id: int, action: str) -> Any:
    if action not in ACTIONS:
        abort(404)
    campaign = operations.get(campaign_id)
    try:
        if action in SENDING:
            require_account(current_user, campaign.account)
        flash(ACTIONS[action](campaign), "good")
    except CtmError as error:
        flash(str(error), "bad")
    return redirect(url_for("campaigns.mailing", campaign_id=campaign_id))
