"""Pages of long lists, found by the last row shown and not by counting rows from the start.

A place in a list is the values its rows are ordered by, of the row a page begins after or ends
before: the thousandth page costs what the first costs, and rows that come or go between two
pages neither repeat nor hide others. Places travel in addresses as short texts.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, false, or_, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from ctm import sql
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l

LONGEST = 1500
T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """What rows are ordered by: the columns, the last of them unique, all in one direction.

    Rows without a value in a nullable column come last. ``indexed`` is false where sorting what
    was found costs less than walking an index in search of it.
    """

    columns: tuple[InstrumentedAttribute[Any], ...]
    desc: bool = False
    indexed: bool = True


@dataclass(frozen=True)
class Place:
    """Where a page begins: after ``values``, or before them; without values at an end."""

    values: tuple[Any, ...] = ()
    before: bool = False


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows, and the places of the pages before and after them, if there are any."""

    rows: list[T]
    previous: str | None
    next: str | None


START = Place()
END = Place(before=True)


def read_place(text: str, order: Order) -> Place:
    """A place as an address gives it.

    :raises InvalidInput: it is not one of a list in this order.
    """
    if not text:
        return START
    try:
        if len(text) > LONGEST:
            raise ValueError(text)
        given = json.loads(base64.b64decode(text.encode("ascii"), b"-_", validate=True))
        side, values = given
        if side not in {"a", "b"} or not isinstance(values, list):
            raise ValueError(text)
        read = tuple(
            _value(column, value) for column, value in zip(order.columns, values, strict=True)
        )
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(
            _l("The list has no such page. Look at it from its beginning.")
        ) from None
    return Place(read, side == "b")


def _value(column: InstrumentedAttribute[Any], value: Any) -> Any:
    """A place's value, of the column's own type."""
    kind = column.type.python_type
    if value is None and column.expression.nullable:
        return None
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            raise ValueError(value)
        return moment
    if kind is date and isinstance(value, str):
        return date.fromisoformat(value)
    if kind is Decimal and isinstance(value, str) and len(value) < 20:
        return _decimal(value)
    if kind is int and type(value) is int and abs(value) < 2**63:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value:
        value.encode()  # half a surrogate pair is no text
        return value
    raise ValueError(value)


def _decimal(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite() or abs(amount) > 10**15:
        raise ValueError(text)
    return amount


def write_place(values: Sequence[Any], before: bool) -> str:
    kept = [_as_json(value) for value in values]
    text = json.dumps(["b" if before else "a", kept], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _as_json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def pick(query: Any, order: Order, place: Place, size: int) -> Page[Any]:
    """The page of a SELECT at a place, as result rows; it selects the order's columns last.

    A place beyond either end, because rows have gone, is the page at that end.
    """
    rows = _fetch(query, order, place, size + 1)
    if place.before and len(rows) <= size and place.values:
        place, rows = START, _fetch(query, order, START, size + 1)
    elif not rows and place.values:
        place, rows = END, _fetch(query, order, END, size + 1)
    more, rows = len(rows) > size, rows[:size]
    if place.before:
        rows.reverse()
    return Page(
        rows,
        _place_of(rows, order, True, more if place.before else bool(place.values)),
        _place_of(rows, order, False, bool(place.values) if place.before else more),
    )


def _place_of(rows: list[Any], order: Order, before: bool, wanted: bool) -> str | None:
    if not rows or not wanted:
        return None
    return write_place(rows[0 if before else -1][-len(order.columns) :], before)


def _fetch(query: Any, order: Order, place: Place, limit: int) -> list[Any]:
    if place.values:
        query = query.where(beyond(order, place))
    ordered: list[Any] = []
    for column, key in zip(order.columns, _keys(order), strict=True):
        if column.expression.nullable:
            ordered.append(column.is_(None).desc() if place.before else column.is_(None))
        ordered.append(key.desc() if order.desc != place.before else key.asc())
    return list(db.session.execute(query.order_by(*ordered).limit(limit)))


def _keys(order: Order) -> list[ColumnElement[Any]]:
    """The columns, as an index may serve them or may not."""
    plain = [column.expression for column in order.columns]
    return plain if order.indexed else [sql.unindexed(db.session, column) for column in plain]


def beyond(order: Order, place: Place) -> ColumnElement[bool]:
    """The rows on the far side of a place."""
    up = order.desc == place.before
    keys = _keys(order)
    if not any(column.expression.nullable for column in order.columns):
        here, there = tuple_(*keys), tuple_(*place.values)
        return here > there if up else here < there
    found: ColumnElement[bool] = false()
    same: ColumnElement[bool] = true()
    for column, key, value in zip(order.columns, keys, place.values, strict=True):
        nullable = column.expression.nullable
        found = or_(found, and_(same, _past(key, value, up, place.before, nullable)))
        same = and_(same, key.is_(None) if value is None else key == value)
    return found


def _past(
    key: ColumnElement[Any], value: Any, up: bool, before: bool, nullable: bool
) -> ColumnElement[bool]:
    """Rows beyond a value of one column; those without a value are last."""
    if value is None:
        return key.is_not(None) if before else false()
    past: ColumnElement[bool] = key > value if up else key < value
    return or_(past, key.is_(None)) if nullable and not before else past
