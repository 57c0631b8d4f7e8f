"""Searches over the clients: tabs, quick search, conditions on fields.

A search is written in the list's address (``tab=active&q=rossi&f=city:equals:Milano``). What
cannot be read is refused: a condition that was dropped would widen the set, and the set is
what mails go to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from ctm import sql
from ctm.clients import checks, words
from ctm.clients.fields import BY_NAME, SEARCHED, ClientField, FieldType
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l, _lp
from ctm.models import Client, ClientKind

TABS: dict[str, object] = {
    "active": _lp("clients", "Active"),
    "prospects": _l("Prospects"),
    "inactive": _l("Not active"),
    "all": _l("All"),
}
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
}
WITHOUT_VALUE = {"empty", "not_empty"}
_TEXT = ("not_empty", "empty", "contains", "not_contains", "equals", "not_equals", "starts")
_ORDER = ("greater", "less", "between")
OPERATIONS_OF: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: _TEXT,
    FieldType.EMAIL: _TEXT,
    FieldType.CODE: _TEXT + _ORDER,
    FieldType.CHOICE: ("equals", "not_equals", "empty", "not_empty"),
    FieldType.FLAG: ("equals",),
    FieldType.DATE: ("not_empty", "empty", "equals", *_ORDER),
    FieldType.MOMENT: ("equals", *_ORDER),
}
LIST_KEYS = {"at", "size", "sort", "desc", "saved"}
MAX_CONDITIONS = 20
MAX_TEXT = 200
RANGE = ".."


@dataclass(frozen=True)
class Condition:
    """One condition on a field; ``value`` as the user wrote it, ``a..b`` for a range."""

    field: str
    operation: str
    value: str = ""

    def __str__(self) -> str:
        parts = [self.field, self.operation]
        return ":".join([*parts, self.value] if self.value else parts)


@dataclass(frozen=True)
class Chip:
    """A condition in words, and the search without it."""

    label: str
    operation: str
    value: str
    without: "ClientFilter"


@dataclass(frozen=True)
class ClientFilter:
    """A search that has been read and holds no mistake."""

    tab: str = "active"
    text: str = ""
    conditions: tuple[Condition, ...] = ()

    def where(self, hinted: bool = True) -> ColumnElement[bool]:
        """The condition; ``hinted`` names the index of words too, which finds few among many."""
        parts = [self._tab(), *(_sql(each, hinted) for each in self.conditions)]
        if self.text:
            parts.append(words.matches(words.read(self.text), hinted))
        return and_(true(), *parts)

    def _tab(self) -> ColumnElement[bool]:
        """The tab's condition. It keeps so many that its index serves only where nothing else is
        asked: beside other conditions reading the whole table once is faster."""
        if self.tab == "all":
            return true()
        active, kind = Client.active.expression, Client.kind.expression
        if self.text or self.conditions:
            active, kind = (sql.unindexed(db.session, column) for column in (active, kind))
        if self.tab == "inactive":
            return active == false()
        prospects = self.tab == "prospects"
        wanted = kind == ClientKind.PROSPECT if prospects else kind != ClientKind.PROSPECT
        return and_(active == true(), wanted)

    def select_ids(self) -> Select[int]:
        """The ids of all clients that match, in no special order."""
        return select(Client.id).where(self.where())

    def narrowed(self, condition: Condition) -> "ClientFilter":
        """This search with one more condition.

        :raises InvalidInput: the condition cannot be read, or there are too many.
        """
        _check(condition)
        kept = tuple(c for c in self.conditions if c != condition)
        return replace(self, conditions=_bounded((*kept, condition)))

    def describe(self) -> list[Chip]:
        """The conditions in words, for the chips above the list."""
        return [
            Chip(
                str(BY_NAME[each.field].label),
                str(OPERATIONS[each.operation]),
                _value_words(each),
                replace(self, conditions=tuple(c for c in self.conditions if c != each)),
            )
            for each in self.conditions
        ]

    def to_pairs(self) -> list[tuple[str, str]]:
        pairs = [("tab", self.tab)]
        if self.text:
            pairs.append(("q", self.text))
        return pairs + [("f", str(each)) for each in self.conditions]

    def to_query(self) -> str:
        """The search as a query string; :func:`parse_query_string` reads it back."""
        return urlencode(self.to_pairs())

    def to_dict(self) -> dict[str, Any]:
        return {
            "tab": self.tab,
            "text": self.text,
            "conditions": [[c.field, c.operation, c.value] for c in self.conditions],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "ClientFilter":
        """
        :raises InvalidInput: it was written by another version and cannot be read.
        """
        try:
            if set(kept) - {"tab", "text", "conditions"}:
                raise ValueError(kept)
            conditions = tuple(Condition(*map(str, each)) for each in kept["conditions"])
            return _checked(cls(str(kept["tab"]), str(kept["text"]), conditions))
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(_l("This saved search cannot be read; make it again.")) from None


def parse_query_string(query: str) -> ClientFilter:
    """Read a search from a query string, with or without the ``?``.

    :raises InvalidInput: something in it is unknown or cannot be read.
    """
    query = query.removeprefix("?")
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise InvalidInput(_l("The search in this address cannot be read.")) from None
    return parse_pairs(pairs)


def parse_query(args: Mapping[str, Any]) -> ClientFilter:
    """Read a search from a mapping; a ``MultiDict`` or lists may hold a key several times.

    :raises InvalidInput: something in it is unknown or cannot be read.
    """
    lists: Callable[[str], list[Any]] | None = getattr(args, "getlist", None)
    pairs: list[tuple[str, str]] = []
    for key in args:
        value = lists(key) if lists else args[key]
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(key, str(each)) for each in values]
    return parse_pairs(pairs)


def parse_pairs(pairs: list[tuple[str, str]]) -> ClientFilter:
    found: dict[str, str] = {}
    conditions: list[Condition] = []
    for key, value in pairs:
        if key == "f":
            conditions.append(_read_condition(value))
        elif key not in {"tab", "q"} | LIST_KEYS:
            raise InvalidInput(
                _l("The list does not know the search “%(key)s”.", key=key[:40]), key
            )
        elif key in found:
            raise InvalidInput(_l("The search gives “%(key)s” twice.", key=key), key)
        else:
            found[key] = value
    given = ClientFilter(found.get("tab", "active"), found.get("q", ""), tuple(conditions))
    return _checked(given)


def _checked(given: ClientFilter) -> ClientFilter:
    if given.tab not in TABS:
        raise InvalidInput(_l("There is no tab “%(tab)s”.", tab=given.tab[:40]), "tab")
    text = " ".join(given.text.split())
    if len(text) > MAX_TEXT or not text.isprintable():
        raise InvalidInput(_l("The text to search is too long or cannot be read."), "q")
    for condition in given.conditions:
        _check(condition)
    unique = tuple(dict.fromkeys(given.conditions))
    return replace(given, text=text, conditions=_bounded(unique))


def _bounded(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInput(
            _l("A search may hold %(max)s conditions; take some away.", max=MAX_CONDITIONS)
        )
    return conditions


def _read_condition(text: str) -> Condition:
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise InvalidInput(_l("The condition “%(text)s” cannot be read.", text=text[:60]), "f")
    return Condition(parts[0], parts[1], parts[2].strip() if len(parts) == 3 else "")


def _check(condition: Condition) -> None:
    """
    :raises InvalidInput: field, operation or value is unknown.
    """
    field = BY_NAME.get(condition.field)
    if field is None:
        raise InvalidInput(
            _l("Clients have no field “%(field)s”.", field=condition.field[:40]), "field"
        )
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
            raise InvalidInput(_l("“Is empty” and “is not empty” take no value."), "value")
        return
    for bound in _bounds(condition):
        _read_value(field, bound, condition.operation)


def _bounds(condition: Condition) -> tuple[str, ...]:
    if condition.operation != "between":
        return (condition.value,)
    low, separator, high = condition.value.partition(RANGE)
    if not separator or not low.strip() or not high.strip():
        raise InvalidInput(_l("A range needs two values: from and to."), "value")
    return low.strip(), high.strip()


def _read_value(field: ClientField, text: str, operation: str) -> Any:
    """The value to compare with, of the field's own type."""
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise InvalidInput(
            _l("Write a value for “%(field)s”, of at most 200 characters.", field=field.label),
            "value",
        )
    try:
        if field.type in {FieldType.DATE, FieldType.MOMENT}:
            return checks.read_date(text)
        if field.type is FieldType.FLAG:
            return checks.flag(text)
        if field.type is FieldType.CHOICE:
            return checks.clean_field(field, text)
    except InvalidInput as error:
        raise InvalidInput(error.message, "value") from None
    return text


def _value_words(condition: Condition) -> str:
    if condition.operation in WITHOUT_VALUE:
        return ""
    field = BY_NAME[condition.field]
    shown = []
    for bound in _bounds(condition):
        value = _read_value(field, bound, condition.operation)
        if isinstance(value, bool):
            shown.append(_("yes") if value else _("no"))
        elif isinstance(value, date):
            shown.append(value.strftime("%d/%m/%Y"))
        else:
            shown.append(str((field.words or {}).get(value, value)))
    return " – ".join(shown)


def _sql(condition: Condition, hinted: bool) -> ColumnElement[bool]:
    field = BY_NAME[condition.field]
    operation = condition.operation
    negative = operation in {"empty", "not_contains", "not_equals"}
    positive = {"empty": "not_empty", "not_contains": "contains", "not_equals": "equals"}
    operation = positive.get(operation, operation)
    values = (
        ()
        if operation in WITHOUT_VALUE
        else tuple(_read_value(field, b, operation) for b in _bounds(condition))
    )
    parts = [_compare(column, field.type, operation, values) for column in field.columns]
    found = or_(*parts)
    if negative:
        return not_(func.coalesce(found, False))
    if hinted and condition.field in SEARCHED and operation in {"contains", "starts", "equals"}:
        return and_(found, words.may_match(words.read(str(values[0]))))
    return found


def _compare(
    column: InstrumentedAttribute[Any], kind: FieldType, operation: str, values: tuple[Any, ...]
) -> ColumnElement[bool]:
    if operation == "not_empty":
        return column.is_not(None) if kind is FieldType.DATE else func.coalesce(column, "") != ""
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
