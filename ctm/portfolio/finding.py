"""Finding policies and instalments beside their lists: for type-ahead fields and cards."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ctm.extensions import db
from ctm.lists import words
from ctm.models import Client, Instalment, InstalmentState, Policy
from ctm.portfolio.filters import POLICIES

MOST_WORDS = 8
MOST_WEIGHED = 2000


def policies(text: str, limit: int = 20) -> list[Policy]:
    """Policies whose number, insurer, product or client hold every word, with their clients."""
    wanted = words.read(text)[:MOST_WORDS]
    if not wanted:
        return []
    some = select(Policy.id).where(POLICIES.holds(wanted, True)).limit(MOST_WEIGHED)
    query = (
        select(Policy)
        .options(joinedload(Policy.client))
        .where(Policy.id.in_(some))
        .order_by(Policy.number, Policy.id)
        .limit(max(1, min(limit, 50)))
    )
    return list(db.session.scalars(query))


def by_number(text: str, limit: int) -> list[Policy]:
    """Policies found by their own words, above all the number, with their clients."""
    wanted = words.read(text)[:MOST_WORDS]
    if not wanted:
        return []
    some = select(Policy.id).where(words.matches(Policy, wanted)).limit(MOST_WEIGHED)
    query = (
        select(Policy)
        .options(joinedload(Policy.client))
        .where(Policy.id.in_(some))
        .order_by(Policy.number, Policy.id)
        .limit(limit)
    )
    return list(db.session.scalars(query))


def names_of(ids: Iterable[int]) -> dict[int, str]:
    """The names of clients, by their ids."""
    query = select(Client.id, Client.display_name).where(Client.id.in_(set(ids)))
    return {row.id: row.display_name for row in db.session.execute(query)}


def numbers_of(ids: Iterable[int]) -> dict[int, Any]:
    """Number and insurer of policies, by their ids."""
    query = select(Policy.id, Policy.number, Policy.company, Policy.branch)
    return {row.id: row for row in db.session.execute(query.where(Policy.id.in_(set(ids))))}


def policies_of(client: Client, limit: int) -> list[Policy]:
    """A client's policies, the last to end first."""
    query = select(Policy).where(Policy.client_id == client.id)
    query = query.order_by(Policy.end_date.is_(None), Policy.end_date.desc(), Policy.id)
    return list(db.session.scalars(query.limit(limit)))


def instalments_of(column: Any, owner_id: int, limit: int) -> Sequence[Instalment]:
    """The instalments of a client or of a policy, the last to fall due first."""
    query = (
        select(Instalment)
        .options(joinedload(Instalment.policy))
        .where(column == owner_id)
        .order_by(Instalment.due_date.desc(), Instalment.id.desc())
        .limit(limit)
    )
    return db.session.scalars(query).all()


def open_amount(column: Any, owner_id: int) -> Any:
    """What is still to be paid on a policy, or by a client."""
    query = select(func.sum(Instalment.amount))
    return db.session.scalar(
        query.where(column == owner_id, Instalment.state == InstalmentState.OPEN)
    )
