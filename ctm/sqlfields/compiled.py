"""A query that was read and checked, and what it gives for rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.mailing.merge.formats import DEFAULT_AMOUNT, amount_formatter, date_formatter
from ctm.sqlfields.expressions import Expressions
from ctm.sqlfields.functions_sqlite import LONGEST_TEXT, decimal, half_up, plain
from ctm.sqlfields.pieces import Value, Writer
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import TOO_DEEP, read, refusal
from ctm.sqlfields.running import Reader

AT_ONCE = 500


@dataclass(frozen=True)
class Statement:
    """A query for one database: SQL of ours, its parameters, the kind of its value."""

    sql: str
    parameters: dict[str, Value]
    kind: Kind


@dataclass(frozen=True)
class CompiledQuery:
    """A query of a field, understood. ``text`` is what the user wrote."""

    text: str

    def statement(self, on_postgresql: bool, language: str) -> Statement:
        """The query for one database; every part of it is checked once more while it is written."""
        return _statement(self.text, on_postgresql, language)

    def values(
        self,
        reader: Reader,
        on_postgresql: bool,
        language: str,
        zone: ZoneInfo,
        row_ids: Iterable[int],
        seconds: float,
    ) -> dict[int, str]:
        """What the query gives for each row, as text; nothing is an empty text.

        :raises Unavailable: it takes longer than ``seconds`` for a group of rows, or cannot be
            worked out.
        """
        statement = self.statement(on_postgresql, language)
        moment = utcnow().replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None, microsecond=0)
        given: dict[str, Any] = dict(statement.parameters) | {
            "now": moment if on_postgresql else str(moment),
            "today": moment.date() if on_postgresql else str(moment.date()),
            "zone": str(zone),
        }
        found: dict[int, str] = {}
        ids = list(dict.fromkeys(int(each) for each in row_ids))
        for start in range(0, len(ids), AT_ONCE):
            group = ids[start : start + AT_ONCE]
            sql, more = _for_rows(statement.sql, on_postgresql, group)
            for row_id, value in reader.rows(sql, given | more, seconds):
                found[row_id] = shown(value, statement.kind, language)
        return found


def _for_rows(query: str, on_postgresql: bool, ids: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """One statement for many rows: the query stands once for each of them."""
    if on_postgresql:
        source = "unnest(CAST(%(ids)s AS bigint[])) AS ctm_row(id)"
        return f"SELECT ctm_row.id, {query} FROM {source}", {"ids": list(ids)}  # noqa: S608
    marks = ", ".join(f"(:r{number})" for number in range(len(ids)))
    source = f"(SELECT column1 AS id FROM (VALUES {marks})) AS ctm_row"  # noqa: S608
    rows = {f"r{number}": row_id for number, row_id in enumerate(ids)}
    return f"SELECT ctm_row.id, {query} FROM {source}", rows  # noqa: S608


@lru_cache(maxsize=256)
def compile_query(text: str) -> CompiledQuery:
    """
    Read and check a field's query, for both databases.

    :raises InvalidInput: it cannot be understood, or asks for more than a field may; the message
        names the part.
    """
    query = CompiledQuery(text)
    for on_postgresql in (False, True):
        query.statement(on_postgresql, "it")
    return query


@lru_cache(maxsize=512)
def _statement(text: str, on_postgresql: bool, language: str) -> Statement:
    writer = Writer(on_postgresql, language)
    try:
        piece = Expressions(writer, "ctm_row.id").selects.write(read(text), None)
    except RecursionError:
        raise refusal(TOO_DEEP) from None
    sql = piece.sql
    if piece.kind in (Kind.TEXT, Kind.NULL):
        sql = writer.choose(
            f"substr({sql}, 1, {LONGEST_TEXT + 1})", f"left({sql}, {LONGEST_TEXT + 1})"
        )
    if piece.kind == Kind.BOOLEAN:
        sql = writer.as_number(piece)
    return Statement(sql, writer.parameters.values, piece.kind)


def shown(value: object, kind: Kind, language: str) -> str:
    """A value as it stands in a mail where the query does not format it.

    :raises InvalidInput: a text longer than a field may be.
    """
    if value is None:
        return ""
    if kind == Kind.MONEY:
        return amount_formatter(DEFAULT_AMOUNT)(half_up(value, 2))
    if kind in (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN):
        number = value if isinstance(value, int | Decimal) else decimal(value)
        text = plain(half_up(number, 6))
        return text.replace(".", ",") if language == "it" else text
    if kind == Kind.DATE:
        return date_formatter("dd/mm/yyyy", language)(value)
    if kind == Kind.DATETIME:
        return date_formatter("dd/mm/yyyy hh:nn", language)(value)
    text = str(value)
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(
            _l("The query gives more than %(most)s characters.", most=LONGEST_TEXT), "query"
        )
    return text
