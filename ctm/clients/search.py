"""Finding clients: for type-ahead fields and for the list, always bounded."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ctm import sql
from ctm.clients import words
from ctm.clients.fields import EMAILS
from ctm.clients.filters import LISTING, ClientFilter
from ctm.extensions import db
from ctm.lists import pages
from ctm.lists.pages import COUNT_CAP, Count, count_exactly, in_order, page
from ctm.models import Client, Mailing, Message, Suppression

__all__ = [
    "Count",
    "LastMail",
    "count",
    "count_exactly",
    "last_mails",
    "mails_of",
    "page",
    "removed_addresses",
    "search",
]

MOST_WORDS = 8


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
    return in_order(LISTING, db.session.scalars(query).all())


def count(found: ClientFilter | None = None) -> Count:
    """How many clients match (or are kept at all), counted up to a cap."""
    return pages.count(LISTING, found)


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
