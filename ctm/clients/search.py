"""Finding clients: for type-ahead fields and for the list, always bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased, joinedload, load_only

from ctm import paging, sql
from ctm.clients import words
from ctm.clients.fields import EMAILS
from ctm.clients.filters import ClientFilter
from ctm.extensions import db
from ctm.models import Client, Mailing, Message, Suppression
from ctm.paging import Order, Page, Place

COUNT_CAP = 10_000
FREQUENT = 100_000
MOST_WORDS = 8
PAGE_MAX = 1000
SORTS = {
    "name": Client.display_name,
    "email": Client.email1,
    "profession": Client.profession,
    "city": Client.city,
    "kind": Client.kind,
    "created": Client.created_at,
}
INDEXES = {name: f"ix_clients_{column.key}_id" for name, column in SORTS.items()}


@dataclass(frozen=True)
class Count:
    """How many; ``capped`` says there are at least that many."""

    number: int
    capped: bool


@dataclass(frozen=True)
class LastMail:
    """What happened last to a mail to a client."""

    at: datetime
    status: str


def search(text: str, limit: int = 20) -> list[Client]:
    """Clients whose name, codes, addresses or phones hold every word of ``text``."""
    wanted = words.read(text)[:MOST_WORDS]
    if not wanted:
        return []
    some = select(Client.id).where(words.matches(wanted)).limit(COUNT_CAP)
    active = sql.unindexed(db.session, Client.active.expression)
    query = (
        select(Client.id)
        .where(Client.id.in_(some))
        .order_by(active.desc(), Client.display_name, Client.id)
        .limit(max(1, min(limit, 50)))
    )
    return _in_order(db.session.scalars(query).all())


def count(found: ClientFilter | None = None) -> Count:
    """How many clients match (or are kept at all), counted up to a cap."""
    number = _number(found.select_ids() if found else select(Client.id), COUNT_CAP)
    return Count(min(number, COUNT_CAP), number > COUNT_CAP)


def _number(ids: Select[int], most: int) -> int:
    """How many rows a query has; ``most + 1`` is more than ``most``."""
    counted = select(func.count()).select_from(ids.limit(most + 1).subquery())
    return db.session.scalar(counted) or 0


def count_exactly(found: ClientFilter) -> int:
    return db.session.scalar(select(func.count()).select_from(found.select_ids().subquery())) or 0


def page(
    found: ClientFilter, sort: str, desc: bool, place: str, size: int
) -> tuple[Count, Page[Client]]:
    """How many clients match, and the page of them at a place, of at most ``PAGE_MAX``.

    Where few match they are looked for once and then sorted; where very many do, the index of
    the order is walked until the page is full. See ``docs/decisions``.

    :raises InvalidInput: the place cannot be read.
    """
    order = Order((SORTS[sort], Client.id), desc)
    at, size = paging.read_place(place, order), min(size, PAGE_MAX)
    asked = found.text or found.conditions
    number = 0 if asked else _number(found.select_ids(), FREQUENT)
    if number <= FREQUENT:
        number, chosen = _sorted(found, order, at, size)
    if number > FREQUENT:
        chosen = _walked(found, sort, order, at, size)
    rows = _in_order([row.id for row in chosen.rows])
    counted = Count(min(number, COUNT_CAP), number > COUNT_CAP)
    return counted, Page(rows, chosen.previous, chosen.next)


def _sorted(found: ClientFilter, order: Order, at: Place, size: int) -> tuple[int, Page[Any]]:
    """How many match and a page of them, with one look at the table; of more than ``FREQUENT``
    the page is not right."""
    matching = found.select_ids().add_columns(order.columns[0]).limit(FREQUENT + 1)
    matched = matching.cte("matched").prefix_with("MATERIALIZED")
    few = aliased(Client, matched)
    by = Order((getattr(few, order.columns[0].key), few.id), order.desc)
    number = select(func.count()).select_from(matched).scalar_subquery()
    query = select(few.id, number.label("number"), *by.columns)
    chosen = paging.pick(query, by, at, size)
    return (chosen.rows[0].number if chosen.rows else 0), chosen


def _walked(found: ClientFilter, sort: str, order: Order, at: Place, size: int) -> Page[Any]:
    query = select(Client.id, *order.columns).where(found.where(hinted=False))
    query = query.with_hint(Client, f"INDEXED BY {INDEXES[sort]}", "sqlite")
    return paging.pick(query, order, at, size)


def _in_order(ids: Sequence[int]) -> list[Client]:
    """What the list shows of these clients, in the order given."""
    shown = ("display_name", "tax_code", "vat_number", "profession", "city", "kind", "active")
    columns = (getattr(Client, name) for name in (*shown, *EMAILS))
    query = select(Client).options(load_only(*columns)).where(Client.id.in_(ids))
    kept = {client.id: client for client in db.session.scalars(query)}
    return [kept[client_id] for client_id in ids if client_id in kept]


def last_mails(clients: list[Client]) -> dict[int, LastMail]:
    """The latest mail to each of these clients, in two queries."""
    ids = [client.id for client in clients]
    if not ids:
        return {}
    latest = (
        select(func.max(Message.id)).where(Message.client_id.in_(ids)).group_by(Message.client_id)
    )
    rows = db.session.execute(
        select(
            Message.client_id,
            Message.state,
            Message.created_at,
            Message.sent_at,
            Message.opened_at,
            Message.clicked_at,
            Message.removed_at,
        ).where(Message.id.in_(latest))
    )
    found: dict[int, LastMail] = {}
    for client_id, state, created, sent, opened, clicked, removed in rows:
        steps = (("removed", removed), ("clicked", clicked), ("read", opened))
        status, at = next(((name, when) for name, when in steps if when), (state, sent or created))
        if client_id is not None:
            found[client_id] = LastMail(at, str(status))
    return found


def removed_addresses(clients: list[Client]) -> set[str]:
    """Which addresses of these clients get no more mail."""
    addresses = {getattr(c, name).lower() for c in clients for name in EMAILS if getattr(c, name)}
    if not addresses:
        return set()
    return set(
        db.session.scalars(select(Suppression.address).where(Suppression.address.in_(addresses)))
    )


def mails_of(client: Client, limit: int = 100) -> list[Message]:
    """The latest mails to a client."""
    query = (
        select(Message)
        .where(Message.client_id == client.id)
        .options(joinedload(Message.mailing).joinedload(Mailing.campaign))
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(query))
