"""Conditions on the fields of a list: read, checked, said in words and in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from ctm.errors import InvalidInput
from ctm.i18n import _, _l
from ctm.lists import words
from ctm.lists.fields import Field, FieldType
from ctm.lists.listing import Listing
from ctm.lists.values import flag, read_amount, read_date, today, write_amount
from ctm.models import Consent, ConsentState

OPERATIONS: dict[str, object] = {
    "not_empty": _l("is not empty"),
    "empty": _l("is empty"),
    "contains": _l("contains"),
    "not_contains": _l("does not contain"),
    "equals": _l("is"),
    "not_equals": _l("is not"),
    "starts": _l("starts with"),
    "greater": _l("is at least"),
    "less": _l("is at most"),
    "between": _l("is between"),
    "last_days": _l("is in the last … days"),
    "next_days": _l("is in the next … days"),
    "last_month": _l("is in the last month"),
    "this_month": _l("is in this month"),
    "next_month": _l("is in the next month"),
    "given": _l("is given for"),
    "not_given": _l("is not given for"),
}
MONTHS = {"last_month": -1, "this_month": 0, "next_month": 1}
DAYS = {"last_days", "next_days"}
WITHOUT_VALUE = {"empty", "not_empty", *MONTHS}
_TEXT = ("not_empty", "empty", "contains", "not_contains", "equals", "not_equals", "starts")
_ORDER = ("greater", "less", "between")
_PAST = ("last_days", "last_month", "this_month")
OPERATIONS_OF: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: _TEXT,
    FieldType.EMAIL: _TEXT,
    FieldType.CODE: _TEXT + _ORDER,
    FieldType.CHOICE: ("equals", "not_equals", "empty", "not_empty"),
    FieldType.FLAG: ("equals",),
    FieldType.DATE: ("equals", *_ORDER, *_PAST, "next_days", "next_month", "not_empty", "empty"),
    FieldType.MOMENT: ("equals", *_ORDER, *_PAST),
    FieldType.AMOUNT: ("equals", *_ORDER, "not_empty", "empty"),
    FieldType.CONSENT: ("given", "not_given"),
}
DATES = {FieldType.DATE, FieldType.MOMENT}
MAX_TEXT = 200
MAX_DAYS = 3660
RANGE = ".."
_POSITIVE = {"empty": "not_empty", "not_contains": "contains", "not_equals": "equals"}


@dataclass(frozen=True)
class Condition:
    """One condition on a field; ``value`` as the user wrote it, ``a..b`` for a range."""

    field: str
    operation: str
    value: str = ""

    def __str__(self) -> str:
        parts = [self.field, self.operation]
        return ":".join([*parts, self.value] if self.value else parts)


def parse(text: str) -> Condition:
    """A condition as an address gives it, not yet checked.

    :raises InvalidInput: it has no operation.
    """
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise InvalidInput(_l("The condition “%(text)s” cannot be read.", text=text[:60]), "f")
    return Condition(parts[0], parts[1], parts[2].strip() if len(parts) == 3 else "")


def check(listing: Listing, condition: Condition) -> Condition:
    """The condition, its amounts written so that every language reads the same.

    :raises InvalidInput: field, operation or value is unknown.
    """
    field = listing.by_name.get(condition.field)
    if field is None:
        raise InvalidInput(listing.words.unknown_field(condition.field[:40]), "field")
    if condition.operation not in OPERATIONS_OF[field.type]:
        raise InvalidInput(
            _l(
                "“%(field)s” cannot be searched with “%(operation)s”.",
                field=field.label,
                operation=OPERATIONS.get(condition.operation, condition.operation[:40]),
            ),
            "operation",
        )
    if condition.operation in WITHOUT_VALUE:
        if condition.value:
            raise InvalidInput(
                _l("“%(how)s” can take no value.", how=OPERATIONS[condition.operation]), "value"
            )
        return condition
    values = [_read(listing, field, bound, condition.operation) for bound in _bounds(condition)]
    if len(values) == 2 and values[0] > values[1]:
        raise InvalidInput(_l("The range ends before it begins: exchange the two values."), "value")
    if field.type is FieldType.AMOUNT:
        written = RANGE.join(f"{value:.2f}" for value in values)
        return Condition(condition.field, condition.operation, written)
    return condition


def _bounds(condition: Condition) -> tuple[str, ...]:
    if condition.operation != "between":
        return (condition.value,)
    low, separator, high = condition.value.partition(RANGE)
    if not separator or not low.strip() or not high.strip():
        raise InvalidInput(_l("A range needs two values: from and to."), "value")
    return low.strip(), high.strip()


def _read(listing: Listing, field: Field, text: str, operation: str) -> Any:
    """The value to compare with, of the field's own type."""
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise InvalidInput(
            _l("Write a value for “%(field)s”, of at most 200 characters.", field=field.label),
            "value",
        )
    if operation in DAYS:
        if not (text.isascii() and text.isdigit()) or len(text) > 4 or int(text) > MAX_DAYS:
            raise InvalidInput(
                _l("Write the number of days, from 0 to %(max)s.", max=MAX_DAYS), "value"
            )
        return int(text)
    try:
        return _typed(listing, field, text)
    except InvalidInput as error:
        raise InvalidInput(error.message, "value") from None


def _typed(listing: Listing, field: Field, text: str) -> Any:
    if field.type in DATES:
        return read_date(text)
    if field.type is FieldType.FLAG:
        return flag(text)
    if field.type is FieldType.AMOUNT:
        return read_amount(text)
    if field.type is FieldType.CONSENT:
        if text not in (field.words or {}):
            raise InvalidInput(_l("There is no such purpose. It may have been deleted."))
        return text
    if field.type is FieldType.CHOICE:
        source = field.source or field
        owner = field.link.listing if field.link else listing
        return owner.clean(source, text)
    return text


def shown(listing: Listing, condition: Condition) -> str:
    """The condition's value in words."""
    if condition.operation in WITHOUT_VALUE:
        return ""
    field = listing.by_name[condition.field]
    said = []
    for bound in _bounds(condition):
        value = _read(listing, field, bound, condition.operation)
        if isinstance(value, bool):
            said.append(_("yes") if value else _("no"))
        elif isinstance(value, date):
            said.append(value.strftime("%d/%m/%Y"))
        elif isinstance(value, Decimal):
            said.append(write_amount(value))
        else:
            said.append(str((field.words or {}).get(value, value)))
    return " – ".join(said)


def to_sql(listing: Listing, condition: Condition, hinted: bool) -> ColumnElement[bool]:
    """The condition on the rows; ``hinted`` names the index of words too."""
    field = listing.by_name[condition.field]
    operation = condition.operation
    values = (
        ()
        if operation in WITHOUT_VALUE
        else tuple(_read(listing, field, bound, operation) for bound in _bounds(condition))
    )
    if field.link is None or field.source is None:
        return _own(listing, field, operation, values, hinted)
    owner = field.link.listing
    there = _own(owner, field.source, operation, values, True)
    return field.link.key.in_(select(owner.model.id).where(there).correlate(None))


def _own(
    listing: Listing, field: Field, operation: str, values: tuple[Any, ...], hinted: bool
) -> ColumnElement[bool]:
    if field.type is FieldType.CONSENT:
        given = select(Consent.client_id).where(
            Consent.purpose_id == int(values[0]), Consent.state == ConsentState.GIVEN
        )
        found: ColumnElement[bool] = listing.model.id.in_(given)
        return found if operation == "given" else not_(found)
    positive = _POSITIVE.get(operation, operation)
    found = or_(*(_compare(column, field.type, positive, values) for column in field.columns))
    if positive != operation:
        return not_(func.coalesce(found, False))
    if hinted and field.searched and operation in {"contains", "starts", "equals"}:
        return and_(found, words.may_match(listing.model, words.read(str(values[0]))))
    return found


def _compare(
    column: InstrumentedAttribute[Any], kind: FieldType, operation: str, values: tuple[Any, ...]
) -> ColumnElement[bool]:
    if operation == "not_empty":
        valued = kind in {FieldType.DATE, FieldType.AMOUNT}
        return column.is_not(None) if valued else func.coalesce(column, "") != ""
    if operation in DAYS or operation in MONTHS:
        operation, values = "between", _days(operation, values)
    if kind is FieldType.MOMENT:
        return _compare_days(column, operation, values)
    if operation == "contains":
        return or_(*(column.icontains(v, autoescape=True) for v in _patterns(values[0])))
    if operation == "starts":
        return or_(*(column.istartswith(v, autoescape=True) for v in _patterns(values[0])))
    if operation == "greater":
        return cast("ColumnElement[bool]", column >= values[0])
    if operation == "less":
        return cast("ColumnElement[bool]", column <= values[0])
    if operation == "between":
        return column.between(*values)
    if kind is FieldType.EMAIL:
        return column == str(values[0]).lower()
    if kind is FieldType.TEXT:
        return func.lower(column).in_([v.lower() for v in _spellings(values[0])] + list(values))
    if kind is FieldType.CODE:
        return column.in_(_spellings(values[0]))
    return column.is_(values[0]) if kind is FieldType.FLAG else column == values[0]


def _days(operation: str, values: Sequence[Any]) -> tuple[date, date]:
    """First and last day of what is said from today on, which counts as one of them."""
    now = today()
    if operation == "last_days":
        return now - timedelta(days=values[0]), now
    if operation == "next_days":
        return now, now + timedelta(days=values[0])
    month = now.year * 12 + now.month - 1 + MONTHS[operation]
    first = date(month // 12, month % 12 + 1, 1)
    after = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return first, after - timedelta(days=1)


def _compare_days(
    column: InstrumentedAttribute[Any], operation: str, values: tuple[date, ...]
) -> ColumnElement[bool]:
    """Compare a moment with whole days."""
    first = datetime.combine(values[0], datetime.min.time())
    after = datetime.combine(values[-1], datetime.min.time()) + timedelta(days=1)
    if operation == "greater":
        return column >= first
    if operation == "less":
        return column < after
    return and_(column >= first, column < after)


def _spellings(text: str) -> list[str]:
    """The text in the cases it may be kept in: databases fold ASCII letters only."""
    return list(dict.fromkeys([text, text.lower(), text.upper(), text.title()]))


def _patterns(text: str) -> list[str]:
    """The spellings a search without regard to case needs."""
    return [text] if text.isascii() else _spellings(text)
