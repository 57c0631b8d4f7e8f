"""Finding clients: for type-ahead fields and for the list, always bounded."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, load_only

from ctm.clients.fields import EMAILS, search_words
from ctm.clients.filters import ClientFilter
from ctm.extensions import db
from ctm.models import Client, Mailing, Message, Suppression

COUNT_CAP = 50_000
PAGE_MAX = 1000
SORTS = {
    "name": Client.display_name,
    "email": Client.email1,
    "profession": Client.profession,
    "city": Client.city,
    "kind": Client.kind,
    "created": Client.created_at,
}


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
    words = search_words(text)[:8]
    if not words:
        return []
    query = select(Client).order_by(Client.active.desc(), Client.display_name, Client.id)
    for word in words:
        query = query.where(Client.search_text.contains(word, autoescape=True))
    return list(db.session.scalars(query.limit(max(1, min(limit, 50)))))


def count(found: ClientFilter | None = None) -> Count:
    """How many clients match (or are kept at all), counted up to a cap."""
    ids = found.select_ids() if found else select(Client.id)
    number = db.session.scalar(
        select(func.count()).select_from(ids.limit(COUNT_CAP + 1).subquery())
    )
    return Count(min(number or 0, COUNT_CAP), (number or 0) > COUNT_CAP)


def count_exactly(found: ClientFilter) -> int:
    return db.session.scalar(select(func.count()).select_from(found.select_ids().subquery())) or 0


def page(found: ClientFilter, sort: str, desc: bool, number: int, size: int) -> list[Client]:
    """One page of the clients that match; ``number`` from 0, ``size`` at most ``PAGE_MAX``."""
    column = SORTS[sort]
    order = (column.desc(), Client.id.desc()) if desc else (column, Client.id)
    shown = ("display_name", "tax_code", "vat_number", "profession", "city", "kind", "active")
    query = (
        select(Client)
        .options(load_only(*(getattr(Client, name) for name in (*shown, *EMAILS))))
        .where(found.where())
        .order_by(*order)
        .offset(number * size)
        .limit(min(size, PAGE_MAX))
    )
    return list(db.session.scalars(query))


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
