"""Who gets a campaign's mail, and who is left out and why, decided in one query.

Each chosen address field of each member is a candidate. Left out, first reason first:
``inactive`` client, ``invalid`` address, ``removed`` or ``suppressed``, ``already_sent`` in this
campaign, ``duplicate`` of an earlier candidate. A member without any address is ``no_address``.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Select,
    String,
    Subquery,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from ctm import sql
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import (
    Campaign,
    CampaignMember,
    Client,
    Contact,
    Message,
    MessageState,
    Suppression,
)

REASONS = {
    "no_address": _l("no e-mail address"),
    "inactive": _l("client not active"),
    "invalid": _l("address not valid"),
    "removed": _l("removed itself"),
    "suppressed": _l("address suppressed"),
    "already_sent": _l("already handled in this campaign"),
    "duplicate": _l("same address as another recipient"),
}

ALLOWED_AGAIN = (MessageState.CANCELLED, MessageState.SKIPPED)


@dataclass(frozen=True)
class Tally:
    """How many mails go, and how many candidates are left out for each reason."""

    will_go: int = 0
    clients: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def _fields(campaign: Campaign) -> list[tuple[str, ColumnElement[str]]]:
    chosen = [
        (campaign.use_email1, "email1", Client.email1),
        (campaign.use_email2, "email2", Client.email2),
        (campaign.use_email3, "email3", Client.email3),
    ]
    return [(name, column.expression) for wanted, name, column in chosen if wanted]


def _from_clients(
    members: ColumnElement[bool], rank: int, name: str, column: ColumnElement[str]
) -> Select[Any]:
    return (
        select(
            CampaignMember.id.label("member_id"),
            CampaignMember.client_id,
            literal(rank).label("rank"),
            literal(name, String).label("source"),
            func.trim(column).label("address"),
            Client.display_name.label("name"),
            Client.active.label("active"),
        )
        .join(Client, Client.id == CampaignMember.client_id)
        .where(members, column != "")
    )


def _from_contacts(members: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            CampaignMember.id.label("member_id"),
            CampaignMember.client_id,
            (10 + Contact.id).label("rank"),
            literal("contact", String).label("source"),
            func.trim(Contact.email).label("address"),
            func.trim(Contact.first_name + " " + Contact.last_name).label("name"),
            and_(Client.active, Contact.active).label("active"),
        )
        .join(Client, Client.id == CampaignMember.client_id)
        .join(Contact, Contact.client_id == Client.id)
        .where(members, Contact.email != "")
    )


def _first_look(campaign: Campaign, members: ColumnElement[bool]) -> Subquery:
    """The candidates among these members with ``first_reason``: what speaks against each alone."""
    parts = [
        _from_clients(members, rank, name, column)
        for rank, (name, column) in enumerate(_fields(campaign))
    ]
    if campaign.use_contacts:
        parts.append(_from_contacts(members))
    if not parts:
        parts = [_from_clients(members, 0, "email1", Client.email1.expression).where(null())]
    found = union_all(*parts).subquery()
    key = func.lower(found.c.address)
    return (
        select(found, key.label("key"), _reason(campaign, found, key).label("first_reason"))
        .outerjoin(Suppression, Suppression.address == key)
        .subquery()
    )


def judged(campaign: Campaign) -> Subquery:
    """All candidates with ``reason`` (empty: gets a mail). Columns: member_id, client_id, rank,
    source, address, name, key, reason."""
    first = _first_look(campaign, CampaignMember.campaign_id == campaign.id)
    order = func.row_number().over(
        partition_by=[first.c.key, first.c.first_reason],
        order_by=[first.c.member_id, first.c.rank],
    )
    ranked = select(first, order.label("turn")).subquery()
    reason = case(
        (and_(ranked.c.first_reason == "", ranked.c.turn > 1), "duplicate"),
        else_=ranked.c.first_reason,
    )
    return select(ranked, reason.label("reason")).subquery()


def of_span(campaign: Campaign, after: int, upto: int) -> ColumnElement[bool]:
    """The members after one and up to another."""
    return (CampaignMember.campaign_id == campaign.id) & CampaignMember.id.between(after + 1, upto)


def chosen(campaign: Campaign, after: int, upto: int | None) -> Subquery:
    """The candidates that nothing speaks against, of the members after one and up to another;
    ``upto`` nothing is all.

    In the order of ``member_id`` and ``rank`` the first of several with one address gets the
    mail: their ``key`` is the same. Columns as in :func:`judged`, without ``reason``.
    """
    members = CampaignMember.campaign_id == campaign.id
    if upto is not None:
        members = of_span(campaign, after, upto)
    first = _first_look(campaign, members)
    return select(first).where(first.c.first_reason == "").subquery()


def _reason(campaign: Campaign, found: Subquery, key: ColumnElement[str]) -> ColumnElement[str]:
    address = found.c.address
    plausible = and_(
        address.like("_%@_%"),
        address.not_like("%@%@%"),
        address.not_like("% %"),
        address.not_like("%,%"),
        address.not_like("%;%"),
        address.not_like("%.@%"),
        address.not_like("%@.%"),
        address.not_like("%..%"),
        address.not_like("%."),
        address.not_like("%\n%"),
        address.not_like("%\r%"),
        address.not_like("%<%"),
        address.not_like("%>%"),
    )
    # By the address's own index: the campaign's would be read whole for every candidate.
    of_campaign = sql.unindexed(db.session, Message.campaign_id.expression)
    handled = exists().where(
        Message.recipient_key == key,
        of_campaign == campaign.id,
        Message.state.not_in(ALLOWED_AGAIN),
    )
    return case(
        (~found.c.active, "inactive"),
        (~plausible, "invalid"),
        (Suppression.reason == "removed", "removed"),
        (Suppression.id.is_not(None), "suppressed"),
        (handled, "already_sent"),
        else_="",
    )


def _without_address(campaign: Campaign) -> Select:  # type: ignore[type-arg]
    """Members that have no address in any of the chosen fields."""
    empty: list[ColumnElement[bool]] = [column == "" for _name, column in _fields(campaign)]
    if campaign.use_contacts:
        empty.append(
            ~exists().where(Contact.client_id == CampaignMember.client_id, Contact.email != "")
        )
    return (
        select(CampaignMember.id, CampaignMember.client_id, Client.display_name)
        .join(Client, Client.id == CampaignMember.client_id)
        .where(CampaignMember.campaign_id == campaign.id, *empty)
    )


def tally(executor: sql.Executor, campaign: Campaign) -> Tally:
    """Count who gets the campaign's mail and who is left out (X1)."""
    found = judged(campaign)
    query = select(
        found.c.reason, func.count(), func.count(func.distinct(found.c.member_id))
    ).group_by(found.c.reason)
    counts = {reason: (mails, clients) for reason, mails, clients in executor.execute(query)}
    will_go, clients = counts.pop("", (0, 0))
    left_out = {reason: mails for reason, (mails, _clients) in counts.items()}
    lonely = _without_address(campaign).subquery()
    left_out["no_address"] = executor.scalar(select(func.count()).select_from(lonely)) or 0
    ordered = {reason: left_out[reason] for reason in REASONS if left_out.get(reason)}
    return Tally(will_go, clients, ordered)


@dataclass(frozen=True)
class LeftOut:
    """One candidate that gets no mail."""

    member_id: int
    client_id: int
    name: str
    address: str


def left_out(
    executor: sql.Executor, campaign: Campaign, reason: str, limit: int = 100, skip: int = 0
) -> list[LeftOut]:
    """Candidates left out for ``reason``, in the order they were added, without the first ``skip``.

    A client may be left out with several addresses: a page may end between two of them.
    """
    if reason == "no_address":
        query = _without_address(campaign).order_by(CampaignMember.id)
        rows = executor.execute(query.limit(limit).offset(skip))
        return [LeftOut(member, client, name, "") for member, client, name in rows]
    found = judged(campaign)
    listed = (
        select(found.c.member_id, found.c.client_id, found.c.name, found.c.address)
        .where(found.c.reason == reason)
        .order_by(found.c.member_id, found.c.rank)
        .limit(limit)
        .offset(skip)
    )
    return [LeftOut(*row) for row in executor.execute(listed)]
