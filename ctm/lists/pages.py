"""Pages and counts of a list, always bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased, load_only

from ctm import paging
from ctm.extensions import db
from ctm.lists.filters import Search
from ctm.lists.listing import Listing
from ctm.paging import Order, Page, Place

COUNT_CAP = 10_000
FREQUENT = 100_000
PAGE_MAX = 2000


@dataclass(frozen=True)
class Count:
    """How many; ``capped`` says there are at least that many."""

    number: int
    capped: bool


def count(listing: Listing, found: Search | None = None) -> Count:
    """How many rows match (or are kept at all), counted up to a cap."""
    number = _number(found.select_ids() if found else select(listing.model.id), COUNT_CAP)
    return Count(min(number, COUNT_CAP), number > COUNT_CAP)


def _number(ids: Select[int], most: int) -> int:
    """How many rows a query has; ``most + 1`` is more than ``most``."""
    counted = select(func.count()).select_from(ids.limit(most + 1).subquery())
    return db.session.scalar(counted) or 0


def count_exactly(found: Search) -> int:
    return db.session.scalar(select(func.count()).select_from(found.select_ids().subquery())) or 0


def page(found: Search, sort: str, desc: bool, place: str, size: int) -> tuple[Count, Page[Any]]:
    """How many rows match, and the page of them at a place, of at most ``PAGE_MAX``.

    Where few match they are looked for once and then sorted; where very many do, the index of
    the order is walked until the page is full. See ``docs/decisions``.

    :raises InvalidInput: the place cannot be read.
    """
    listing = found.listing
    order = Order((listing.sorts[sort], listing.model.id), desc)
    at, size = paging.read_place(place, order), min(size, PAGE_MAX)
    number = 0 if found.asked else _number(found.select_ids(), FREQUENT)
    if number <= FREQUENT:
        number, chosen = _sorted(found, order, at, size)
    if number > FREQUENT:
        chosen = _walked(found, sort, order, at, size)
    rows = in_order(listing, [row.id for row in chosen.rows])
    counted = Count(min(number, COUNT_CAP), number > COUNT_CAP)
    return counted, Page(rows, chosen.previous, chosen.next)


def _sorted(found: Search, order: Order, at: Place, size: int) -> tuple[int, Page[Any]]:
    """How many match and a page of them, with one look at the table; of more than ``FREQUENT``
    the page is not right."""
    matching = found.select_ids().add_columns(order.columns[0]).limit(FREQUENT + 1)
    matched = matching.cte("matched").prefix_with("MATERIALIZED")
    few = aliased(found.listing.model, matched)
    by = Order((getattr(few, order.columns[0].key), few.id), order.desc)
    number = select(func.count()).select_from(matched).scalar_subquery()
    query = select(few.id, number.label("number"), *by.columns)
    chosen = paging.pick(query, by, at, size)
    return (chosen.rows[0].number if chosen.rows else 0), chosen


def _walked(found: Search, sort: str, order: Order, at: Place, size: int) -> Page[Any]:
    alone = found.listing.serves(found.tab, sort)
    where = found.where(hinted=False, alone=alone)
    query = select(found.listing.model.id, *order.columns).where(where)
    return paging.pick(query, order, at, size)


def in_order(listing: Listing, ids: Sequence[int]) -> list[Any]:
    """What the list shows of these rows, in the order given."""
    query = select(listing.model).options(load_only(*listing.shown))
    found = db.session.scalars(query.where(listing.model.id.in_(ids)))
    kept = {row.id: row for row in found}
    return [kept[row_id] for row_id in ids if row_id in kept]
