"""The pieces a query is written of: SQL of our own, each with the kind of its value.

Nothing a user typed is ever part of the SQL: names become those of :mod:`published`, and what
stood in quotes or was a number becomes a parameter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from ctm.i18n import _l
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import TOO_DEEP, refusal

LONGEST_SQL = 60_000
MOST_PARAMETERS = 400
NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.MONEY, Kind.BOOLEAN})
TIMES = frozenset({Kind.DATE, Kind.DATETIME})

Value = str | int | Decimal | date | datetime | None

_TYPES = {
    Kind.TEXT: "text",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "numeric",
    Kind.MONEY: "numeric",
    Kind.DATE: "date",
    Kind.DATETIME: "timestamp",
    Kind.BOOLEAN: "boolean",
    Kind.NULL: "text",
}
_WORDS = {
    Kind.TEXT: _l("a text"),
    Kind.INTEGER: _l("a number"),
    Kind.NUMBER: _l("a number"),
    Kind.MONEY: _l("an amount"),
    Kind.DATE: _l("a date"),
    Kind.DATETIME: _l("a date with time"),
    Kind.BOOLEAN: _l("yes or no"),
    Kind.NULL: _l("nothing"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """SQL that gives a value. ``constant`` is the value where the query itself writes it."""

    sql: str
    kind: Kind
    constant: Value = None
    source: str = ""


@dataclass
class Parameters:
    """The values of a statement, by the names under which its SQL holds them."""

    on_postgresql: bool
    values: dict[str, Value] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def mark(self, name: str) -> str:
        return f"%({name})s" if self.on_postgresql else f":{name}"

    def add(self, value: Value) -> str:
        """The mark of a value; the same one for the same value."""
        key = (type(value).__name__, str(value))
        if key not in self._names:
            if len(self._names) >= MOST_PARAMETERS:
                raise refusal(TOO_DEEP)
            self._names[key] = f"p{len(self._names)}"
            self.values[self._names[key]] = value
        return self.mark(self._names[key])


class Writer:
    """SQL of one database for values and for turning them into each other.

    Converting follows MySQL where it can be followed: a text in a calculation is the number at
    its beginning, a condition in a text is 1 or 0.
    """

    def __init__(self, on_postgresql: bool, language: str) -> None:
        self.on_postgresql = on_postgresql
        self.language = language
        self.parameters = Parameters(on_postgresql)

    def choose(self, sqlite: str, postgresql: str) -> str:
        return postgresql if self.on_postgresql else sqlite

    def literal(self, value: Value, kind: Kind) -> Piece:
        if isinstance(value, str) and "\0" in value:
            raise refusal(_l("The query holds characters that cannot be seen. Write it again."))
        stored: Value = value
        if not self.on_postgresql and isinstance(value, Decimal):
            mark = f"CAST({self.parameters.add(str(value))} AS REAL)"
        else:
            if not self.on_postgresql and isinstance(value, date):
                stored = str(value)
            mark = self.parameters.add(stored)
            mark = self.choose(mark, f"CAST({mark} AS {_TYPES[kind]})")
        return Piece(mark, kind, value, str(value))

    def text(self, value: str) -> str:
        """The SQL of a text of our own."""
        return self.literal(value, Kind.TEXT).sql

    def moment(self, name: str, kind: Kind) -> Piece:
        """``now`` or ``today``: known when the query runs."""
        mark = self.parameters.mark(name)
        return Piece(self.choose(mark, f"CAST({mark} AS {_TYPES[kind]})"), kind)

    def null(self, kind: Kind = Kind.NULL) -> Piece:
        return Piece(self.choose("NULL", f"CAST(NULL AS {_TYPES[kind]})"), kind)

    # ------------------------------------------------------------------ conversions

    def as_text(self, piece: Piece) -> str:
        if piece.kind in (Kind.TEXT, Kind.NULL):
            return piece.sql
        if piece.kind == Kind.INTEGER:
            return f"CAST({piece.sql} AS {self.choose('TEXT', 'text')})"
        if piece.kind == Kind.BOOLEAN:
            return f"CAST({self.as_number(piece)} AS {self.choose('TEXT', 'text')})"
        if piece.kind == Kind.MONEY:
            return self.choose(f"ctm_money({piece.sql})", f"CAST(round(({piece.sql}), 2) AS text)")
        if piece.kind == Kind.NUMBER:
            return self.choose(
                f"ctm_number({piece.sql})",
                f"CAST(trim_scale(round(CAST({piece.sql} AS numeric), 6)) AS text)",
            )
        picture = "YYYY-MM-DD" if piece.kind == Kind.DATE else "YYYY-MM-DD HH24:MI:SS"
        return self.choose(piece.sql, f"to_char({piece.sql}, '{picture}')")

    def as_number(self, piece: Piece) -> str:
        if piece.kind in (Kind.INTEGER, Kind.NUMBER, Kind.MONEY):
            return piece.sql
        if piece.kind == Kind.BOOLEAN:
            return self.choose(f"({piece.sql})", f"CAST(({piece.sql}) AS integer)")
        if piece.kind == Kind.NULL:
            return self.null(Kind.NUMBER).sql
        if piece.kind == Kind.TEXT:
            return self.choose(
                f"ctm_to_number({piece.sql})",
                f"CASE WHEN {piece.sql} IS NOT NULL THEN coalesce(CAST(substring({piece.sql} "
                "from '^ *([-+]?[0-9]{1,30}([.][0-9]{1,30})?)') AS numeric), 0) END",
            )
        raise self.unfit(piece, _WORDS[Kind.NUMBER])

    def whole(self, piece: Piece) -> str:
        """A number without decimals, rounded."""
        number = self.as_number(piece)
        if piece.kind == Kind.INTEGER:
            return number
        return self.choose(f"ctm_round({number}, 0)", f"round(CAST({number} AS numeric))")

    def as_condition(self, piece: Piece) -> str:
        if piece.kind == Kind.BOOLEAN:
            return piece.sql
        if piece.kind == Kind.NULL:
            return self.null(Kind.BOOLEAN).sql
        if piece.kind in TIMES:
            return f"({piece.sql} IS NOT NULL)"
        return f"({self.as_number(piece)} <> 0)"

    def as_date(self, piece: Piece) -> str:
        """A day, of a day, of a moment, or of a text that is written in the query."""
        if piece.kind == Kind.DATE:
            return piece.sql
        if piece.kind == Kind.DATETIME:
            return self.choose(f"substr({piece.sql}, 1, 10)", f"CAST({piece.sql} AS date)")
        if piece.kind == Kind.NULL:
            return self.null(Kind.DATE).sql
        return self.literal(self._written_time(piece).date(), Kind.DATE).sql

    def as_datetime(self, piece: Piece) -> str:
        if piece.kind == Kind.DATETIME:
            return piece.sql
        if piece.kind == Kind.DATE:
            return self.choose(f"({piece.sql} || ' 00:00:00')", f"CAST({piece.sql} AS timestamp)")
        if piece.kind == Kind.NULL:
            return self.null(Kind.DATETIME).sql
        return self.literal(self._written_time(piece), Kind.DATETIME).sql

    def as_time(self, piece: Piece) -> Piece:
        """A day stays a day, a moment a moment; a text in the query becomes what it shows."""
        if piece.kind in TIMES:
            return piece
        if piece.kind == Kind.NULL:
            return self.null(Kind.DATETIME)
        when = self._written_time(piece)
        if len(str(piece.constant).strip()) <= len("2026-01-31"):
            return self.literal(when.date(), Kind.DATE)
        return self.literal(when, Kind.DATETIME)

    def _written_time(self, piece: Piece) -> datetime:
        if piece.kind != Kind.TEXT or not isinstance(piece.constant, str):
            raise self.unfit(piece, _WORDS[Kind.DATE])
        try:
            when = datetime.fromisoformat(piece.constant.strip())
        except ValueError:
            raise refusal(
                _l("“%(part)s” is not a date: write it as 2026-01-31.", part=piece.constant[:40])
            ) from None
        return when.replace(tzinfo=None, microsecond=0)

    def unfit(self, piece: Piece, wanted: object) -> Exception:
        return refusal(
            _l(
                "“%(part)s” is %(kind)s where %(wanted)s is needed.",
                part=(piece.source or "…")[:60],
                kind=_WORDS[piece.kind],
                wanted=wanted,
            )
        )

    def convert(self, piece: Piece, kind: Kind) -> str:
        if kind == Kind.TEXT:
            return self.as_text(piece)
        if kind in (Kind.INTEGER, Kind.NUMBER, Kind.MONEY):
            return self.as_number(piece)
        if kind == Kind.BOOLEAN:
            return self.as_condition(piece)
        if kind == Kind.DATE:
            return self.as_date(piece)
        if kind == Kind.DATETIME:
            return self.as_datetime(piece)
        return piece.sql

    # ------------------------------------------------------------------ comparing

    def fold(self, sql: str) -> str:
        """A text for comparing: MySQL takes no notice of the case of letters."""
        return self.choose(f"ctm_fold({sql})", f'(lower({sql}) COLLATE "C")')

    def comparable(self, pieces: list[Piece]) -> list[str]:
        """Values so written that the database can compare them with each other."""
        kinds = {piece.kind for piece in pieces} - {Kind.NULL}
        if kinds & TIMES:
            timed = [self.as_time(piece) for piece in pieces]
            days = all(piece.kind == Kind.DATE for piece in timed)
            return [self.as_date(each) if days else self.as_datetime(each) for each in timed]
        if kinds & NUMERIC:
            return [self.as_number(piece) for piece in pieces]
        return [self.fold(self.as_text(piece)) for piece in pieces]


Handler = Callable[[Writer, Sequence[Piece]], Piece]  # a function over values already written


def common(kinds: Iterable[Kind]) -> Kind:
    """The kind of a value that may be any of these."""
    found = set(kinds) - {Kind.NULL}
    if not found:
        return Kind.NULL
    if len(found) == 1:
        return found.pop()
    if found <= NUMERIC:
        return next(k for k in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER) if k in found)
    return Kind.DATETIME if found <= TIMES else Kind.TEXT
