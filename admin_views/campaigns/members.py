"""The clients of a campaign: where each stands, and what became of its mails."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import get_locale
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from admin_views.campaigns.blueprint import bp, number
from admin_views.security import requires
from ctm import counters, exporting, paging
from ctm.campaigns import members, operations
from ctm.clients import words
from ctm.errors import CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l, _n
from ctm.models import Campaign, CampaignMember, Client, ListStatus, Message, Outcome
from ctm.paging import Order
from ctm.permissions import Permission

PAGE = 50
CAP = 10_000
ORDER = Order((CampaignMember.id,))
FILTERS = ("q", "status", "outcome")
OUTCOMES = {
    "": _l("no mail yet"),
    Outcome.SENT.value: _l("sent"),
    Outcome.READ.value: _l("read"),
    Outcome.CLICKED.value: _l("clicked"),
    Outcome.REMOVED.value: _l("removed"),
    Outcome.FAILED.value: _l("failed"),
    Outcome.BOUNCED.value: _l("bounced"),
    Outcome.REPLIED.value: _l("replied"),
}


def _query(campaign: Campaign) -> Select[Any]:
    """The members the address asks for; what cannot be read is refused."""
    query = select(CampaignMember).where(CampaignMember.campaign_id == campaign.id)
    status = request.args.get("status", "")
    if status:
        if not status.isdecimal() or len(status) > 9:
            raise InvalidInput(_l("There is no such list status."))
        wanted = CampaignMember.list_status_id == int(status)
        query = query.where(wanted if int(status) else CampaignMember.list_status_id.is_(None))
    outcome = request.args.get("outcome", "")
    if outcome:
        known = "" if outcome == "none" else outcome
        if known not in OUTCOMES:
            raise InvalidInput(_l("There is no such outcome."))
        query = query.where(CampaignMember.outcome == known)
    text = request.args.get("q", "").strip()[:100]
    if text:
        query = query.join(Client, Client.id == CampaignMember.client_id)
        query = query.where(words.matches(words.read(text)))
    return query


@bp.get("/<int:campaign_id>/clients", endpoint="members")
@requires(Permission.VIEW_CAMPAIGNS)
def show(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    query = _query(campaign)
    bounded = query.with_only_columns(CampaignMember.id).limit(CAP).subquery()
    total = db.session.scalar(select(func.count()).select_from(bounded)) or 0
    ids = query.with_only_columns(CampaignMember.id)
    place = paging.read_place(request.args.get("at", ""), ORDER)
    page = paging.pick(ids, ORDER, place, PAGE)
    rows = db.session.scalars(
        select(CampaignMember)
        .where(CampaignMember.id.in_([row[0] for row in page.rows]))
        .options(joinedload(CampaignMember.client), joinedload(CampaignMember.list_status))
        .order_by(CampaignMember.id)
    ).all()
    return render_template(
        "campaigns/members.html",
        campaign=campaign,
        rows=rows,
        mails=_mails([row.id for row in rows]),
        counts=counters.read(campaign.id),
        statuses=_statuses(),
        outcomes=OUTCOMES,
        total=total,
        capped=total == CAP,
        page=page,
        args={name: request.args[name] for name in FILTERS if request.args.get(name)},
    )


def _statuses() -> Any:
    return db.session.scalars(
        select(ListStatus).order_by(ListStatus.position, ListStatus.name)
    ).all()


def _mails(member_ids: list[int]) -> dict[int, list[Message]]:
    """The mails of these members, one query."""
    found: dict[int, list[Message]] = defaultdict(list)
    query = select(Message).where(Message.member_id.in_(member_ids)).order_by(Message.id)
    for message in db.session.scalars(query.limit(PAGE * 20)):
        if message.member_id is not None:
            found[message.member_id].append(message)
    return found


def _chosen() -> list[int]:
    given = request.form.getlist("ids")
    if not all(each.isdecimal() and len(each) < 16 for each in given):
        raise InvalidInput(_l("The selection cannot be read. Choose the clients again."))
    if not given:
        raise InvalidInput(_l("Choose at least one client first."))
    return [int(each) for each in given]


def _back(campaign_id: int) -> Any:
    return redirect(url_for("campaigns.members", campaign_id=campaign_id))


@bp.post("/<int:campaign_id>/clients/status")
@requires(Permission.SET_LIST_STATUS)
def set_status(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    try:
        asked = number("list_status_id")
        status = db.session.get(ListStatus, asked) if asked else None
        if asked and status is None:
            raise InvalidInput(_l("There is no such list status."))
        count = members.set_status(campaign, _chosen(), status)
    except CtmError as error:
        flash(str(error), "bad")
    else:
        name = status.name if status else _("none")
        done = _n(
            "%(num)s client is “%(name)s” now.",
            "%(num)s clients are “%(name)s” now.",
            count,
            name=name,
        )
        flash(done, "good")
    return _back(campaign_id)


@bp.post("/<int:campaign_id>/clients/remove")
@requires(Permission.EDIT_CAMPAIGNS)
def remove(campaign_id: int) -> Any:
    try:
        count = members.remove(operations.get(campaign_id), _chosen())
    except CtmError as error:
        flash(str(error), "bad")
    else:
        done = _n(
            "%(num)s client taken out of the campaign.",
            "%(num)s clients taken out of the campaign.",
            count,
        )
        flash(done, "good")
    return _back(campaign_id)


@bp.get("/<int:campaign_id>/clients/export.<kind>")
@requires(Permission.EXPORT)
def export(campaign_id: int, kind: str) -> Any:
    """The filtered list as CSV or XLSX."""
    if kind not in exporting.CONTENT_TYPES:
        abort(404)
    campaign = operations.get(campaign_id)
    columns = [_("Client"), "EMAIL1", "EMAIL2", "EMAIL3", _("List status"), _("Outcome")]
    columns += [_("By hand"), _("Changed")]
    out = tempfile.TemporaryFile()  # noqa: SIM115 - sent and closed with the answer
    exporting.write(kind, out, columns, _rows(campaign), str(get_locale()))
    out.seek(0)
    return send_file(
        out,
        mimetype=exporting.CONTENT_TYPES[kind],
        as_attachment=True,
        download_name=f"campaign-{campaign.id}-clients.{kind}",
    )


def _rows(campaign: Campaign) -> Iterator[list[Any]]:
    columns = (
        Client.display_name,
        Client.email1,
        Client.email2,
        Client.email3,
        ListStatus.name,
        CampaignMember.outcome,
        CampaignMember.by_hand,
        CampaignMember.changed_at,
    )
    query = _query(campaign)
    if not request.args.get("q", "").strip():
        query = query.join(Client, Client.id == CampaignMember.client_id)
    query = (
        query.outerjoin(ListStatus, ListStatus.id == CampaignMember.list_status_id)
        .with_only_columns(*columns)
        .order_by(CampaignMember.id)
    )
    for row in db.session.execute(query.execution_options(yield_per=1000)):
        values = list(row)
        values[5] = str(OUTCOMES.get(values[5], values[5]))
        yield values
