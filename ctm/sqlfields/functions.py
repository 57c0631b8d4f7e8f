"""The functions a query may call, by MySQL's names, and what each becomes on both databases.

A name that is not in :data:`FUNCTIONS` does not exist for a query.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ctm.i18n import _l
from ctm.sqlfields import functions_dates
from ctm.sqlfields.functions_sqlite import LONGEST_TEXT
from ctm.sqlfields.pieces import Handler, Piece, Writer, common
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import refusal

LONGEST_REPLACEMENT = 200
FARTHEST = 1_000_000
_MANY = 30


@dataclass(frozen=True, slots=True)
class Function:
    least: int
    most: int
    write: Handler


def _count(w: Writer, piece: Piece, least: int = -FARTHEST, most: int = FARTHEST) -> str:
    """A number of characters: whole, and brought within what the databases can take."""
    number = w.whole(piece)
    if not w.on_postgresql:
        return f"CAST(max(min({number}, {most}), {least}) AS INTEGER)"
    near = f"CAST(greatest(least({number}, {most}), {least}) AS integer)"
    return f"CASE WHEN {number} IS NOT NULL THEN {near} END"


def _places(piece: Piece) -> int:
    if not isinstance(piece.constant, int) or not -6 <= piece.constant <= 6:
        raise refusal(_l("Write the number of decimals as a number from 0 to 6."))
    return piece.constant


def _text(function: str, sqlite: str) -> Handler:
    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        return Piece(f"{w.choose(sqlite, function)}({w.as_text(args[0])})", Kind.TEXT)

    return write


def _concat(w: Writer, args: Sequence[Piece]) -> Piece:
    return Piece(f"({' || '.join(w.as_text(each) for each in args)})", Kind.TEXT)


def _concat_ws(w: Writer, args: Sequence[Piece]) -> Piece:
    separator, *rest = (w.as_text(each) for each in args)
    if w.on_postgresql:
        return Piece(f"concat_ws({separator}, {', '.join(rest)})", Kind.TEXT)
    joined = " || ".join(f"coalesce({separator} || {each}, '')" for each in rest)
    return Piece(f"substr({joined}, length({separator}) + 1)", Kind.TEXT)


def _length(w: Writer, args: Sequence[Piece]) -> Piece:
    text = w.as_text(args[0])
    return Piece(w.choose(f"ctm_bytes({text})", f"octet_length({text})"), Kind.INTEGER)


def _char_length(w: Writer, args: Sequence[Piece]) -> Piece:
    return Piece(f"length({w.as_text(args[0])})", Kind.INTEGER)


def _left(w: Writer, args: Sequence[Piece]) -> Piece:
    text, count = w.as_text(args[0]), _count(w, args[1], 0)
    return Piece(w.choose(f"ctm_left({text}, {count})", f"left({text}, {count})"), Kind.TEXT)


def _right(w: Writer, args: Sequence[Piece]) -> Piece:
    text, count = w.as_text(args[0]), _count(w, args[1], 0)
    return Piece(w.choose(f"ctm_right({text}, {count})", f"right({text}, {count})"), Kind.TEXT)


def _substring(w: Writer, args: Sequence[Piece]) -> Piece:
    text, start = w.as_text(args[0]), _count(w, args[1])
    length = _count(w, args[2], 0) if len(args) > 2 else ""
    if not w.on_postgresql:
        if not length:
            return Piece(f"ctm_substring({text}, {start})", Kind.TEXT)
        return Piece(f"ctm_part({text}, {start}, {length})", Kind.TEXT)
    rest = f", {length}" if length else ""
    known = " AND ".join(f"({each}) IS NOT NULL" for each in (start, length) if each)
    return Piece(
        f"CASE WHEN {start} > 0 THEN substring({text}, {start}{rest}) "
        f"WHEN {start} < 0 AND -({start}) <= length({text}) "
        f"THEN substring({text}, length({text}) + {start} + 1{rest}) "
        f"WHEN {known} THEN left({text}, 0) END",
        Kind.TEXT,
    )


def _replace(w: Writer, args: Sequence[Piece]) -> Piece:
    for each in args[1:]:
        if each.kind != Kind.TEXT or not isinstance(each.constant, str):
            raise refusal(_l("Write in REPLACE what to replace, and by what, between quotes."))
        if len(each.constant) > LONGEST_REPLACEMENT:
            raise refusal(TOO_LONG)
    text, old, new = (w.as_text(each) for each in args)
    if not args[1].constant:
        return Piece(text, Kind.TEXT)
    return Piece(
        w.choose(
            f"ctm_replace({text}, {old}, {new})",
            f"replace(left({text}, {LONGEST_TEXT}), {old}, {new})",
        ),
        Kind.TEXT,
    )


TOO_LONG = _l(
    "A text in REPLACE may be %(most)s characters long at most.", most=LONGEST_REPLACEMENT
)


def _position(w: Writer, text: Piece, part: Piece) -> Piece:
    a, b = w.as_text(text), w.as_text(part)
    return Piece(w.choose(f"ctm_find({a}, {b})", f"strpos(lower({a}), lower({b}))"), Kind.INTEGER)


def _trim(sqlite: str) -> Handler:
    postgresql = {"trim": "btrim"}.get(sqlite, sqlite)

    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        sign = "' '"
        if len(args) > 1:
            if not isinstance(args[1].constant, str) or len(args[1].constant) != 1:
                raise refusal(_l("Write in TRIM one character between quotes."))
            sign = w.as_text(args[1])
        return Piece(f"{w.choose(sqlite, postgresql)}({w.as_text(args[0])}, {sign})", Kind.TEXT)

    return write


# ---------------------------------------------------------------------- choices


def if_(w: Writer, args: Sequence[Piece]) -> Piece:
    kind = common(each.kind for each in args[1:])
    yes, no = (w.convert(each, kind) for each in args[1:])
    return Piece(f"CASE WHEN {w.as_condition(args[0])} THEN {yes} ELSE {no} END", kind)


def coalesce(w: Writer, args: Sequence[Piece]) -> Piece:
    kind = common(each.kind for each in args)
    values = [w.convert(each, kind) for each in args]
    return Piece(values[0] if len(values) == 1 else f"coalesce({', '.join(values)})", kind)


def _nullif(w: Writer, args: Sequence[Piece]) -> Piece:
    a, b = w.comparable(list(args))
    return Piece(
        f"CASE WHEN NOT coalesce({a} = {b}, {_false(w)}) THEN {args[0].sql} END", args[0].kind
    )


def _false(w: Writer) -> str:
    return w.choose("0", "false")


def _extreme(postgresql: str, sqlite: str) -> Handler:
    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        kind = common(each.kind for each in args)
        values = [w.convert(each, kind) for each in args]
        if not w.on_postgresql:
            return Piece(f"{sqlite}({', '.join(values)})", kind)
        if kind == Kind.TEXT:
            values = [f'({each} COLLATE "C")' for each in values]
        known = " AND ".join(f"{each} IS NOT NULL" for each in values)
        return Piece(f"CASE WHEN {known} THEN {postgresql}({', '.join(values)}) END", kind)

    return write


# ---------------------------------------------------------------------- numbers


def _number_kind(piece: Piece) -> Kind:
    return piece.kind if piece.kind in (Kind.INTEGER, Kind.MONEY) else Kind.NUMBER


def _abs(w: Writer, args: Sequence[Piece]) -> Piece:
    return Piece(f"abs({w.as_number(args[0])})", _number_kind(args[0]))


def _round(w: Writer, args: Sequence[Piece]) -> Piece:
    places = _places(args[1]) if len(args) > 1 else 0
    number = w.as_number(args[0])
    kind = Kind.MONEY if args[0].kind == Kind.MONEY and places == 2 else Kind.NUMBER
    return Piece(
        w.choose(f"ctm_round({number}, {places})", f"round(CAST({number} AS numeric), {places})"),
        kind,
    )


def _truncate(w: Writer, args: Sequence[Piece]) -> Piece:
    number, places = w.as_number(args[0]), _places(args[1])
    kind = Kind.MONEY if args[0].kind == Kind.MONEY and places == 2 else Kind.NUMBER
    return Piece(
        w.choose(
            f"ctm_truncate({number}, {places})", f"trunc(CAST({number} AS numeric), {places})"
        ),
        kind,
    )


def _whole(name: str) -> Handler:
    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        number = w.as_number(args[0])
        return Piece(
            w.choose(f"ctm_{name}({number})", f"{name}(CAST({number} AS numeric))"), Kind.NUMBER
        )

    return write


def divide(w: Writer, args: Sequence[Piece]) -> Piece:
    a, b = (w.as_number(each) for each in args)
    kind = Kind.MONEY if args[0].kind == Kind.MONEY else Kind.NUMBER
    return Piece(
        w.choose(
            f"(CAST({a} AS REAL) / nullif({b}, 0))", f"(CAST({a} AS numeric) / nullif({b}, 0))"
        ),
        kind,
    )


def whole_division(w: Writer, args: Sequence[Piece]) -> Piece:
    a, b = (w.as_number(each) for each in args)
    return Piece(
        w.choose(f"ctm_div({a}, {b})", f"trunc(CAST({a} AS numeric) / nullif({b}, 0))"), Kind.NUMBER
    )


def modulo(w: Writer, args: Sequence[Piece]) -> Piece:
    a, b = (w.as_number(each) for each in args)
    return Piece(
        w.choose(f"ctm_mod({a}, {b})", f"mod(CAST({a} AS numeric), nullif({b}, 0))"), Kind.NUMBER
    )


def _format(w: Writer, args: Sequence[Piece]) -> Piece:
    number, places = w.as_number(args[0]), max(_places(args[1]), 0)
    locale = args[2].constant if len(args) > 2 else "en_US"
    if not isinstance(locale, str):
        raise refusal(_l("Write the language of FORMAT between quotes, for example 'it_IT'."))
    if not w.on_postgresql:
        return Piece(f"ctm_format({number}, {places}, {w.text(locale)})", Kind.TEXT)
    decimals = "." + "0" * places if places else ""
    picture = f"FM999,999,999,999,999,990{decimals}"
    shown = f"to_char(round(CAST({number} AS numeric), {places}), '{picture}')"
    if locale.lower()[:2] in ("it", "de"):
        shown = f"translate({shown}, ',.', '.,')"
    return Piece(shown, Kind.TEXT)


FUNCTIONS: dict[str, Function] = {
    "CONCAT": Function(1, _MANY, _concat),
    "CONCAT_WS": Function(2, _MANY, _concat_ws),
    "UPPER": Function(1, 1, _text("upper", "ctm_upper")),
    "LOWER": Function(1, 1, _text("lower", "ctm_fold")),
    "LENGTH": Function(1, 1, _length),
    "CHAR_LENGTH": Function(1, 1, _char_length),
    "LEFT": Function(2, 2, _left),
    "RIGHT": Function(2, 2, _right),
    "SUBSTRING": Function(2, 3, _substring),
    "REPLACE": Function(3, 3, _replace),
    "TRIM": Function(1, 2, _trim("trim")),
    "LTRIM": Function(1, 2, _trim("ltrim")),
    "RTRIM": Function(1, 2, _trim("rtrim")),
    "INSTR": Function(2, 2, lambda w, args: _position(w, args[0], args[1])),
    "LOCATE": Function(2, 2, lambda w, args: _position(w, args[1], args[0])),
    "IF": Function(3, 3, if_),
    "IFNULL": Function(2, 2, coalesce),
    "COALESCE": Function(1, _MANY, coalesce),
    "NULLIF": Function(2, 2, _nullif),
    "ISNULL": Function(1, 1, lambda w, args: Piece(f"({args[0].sql} IS NULL)", Kind.BOOLEAN)),
    "GREATEST": Function(2, _MANY, _extreme("greatest", "max")),
    "LEAST": Function(2, _MANY, _extreme("least", "min")),
    "ABS": Function(1, 1, _abs),
    "ROUND": Function(1, 2, _round),
    "TRUNCATE": Function(2, 2, _truncate),
    "FLOOR": Function(1, 1, _whole("floor")),
    "CEIL": Function(1, 1, _whole("ceil")),
    "MOD": Function(2, 2, modulo),
    "FORMAT": Function(2, 3, _format),
    "DATE_FORMAT": Function(2, 2, functions_dates.date_format),
    "DATEDIFF": Function(2, 2, functions_dates.datediff),
    "DATE": Function(1, 1, functions_dates.of_day),
    "YEAR": Function(1, 1, functions_dates.field_of("year", "substr({}, 1, 4)")),
    "MONTH": Function(1, 1, functions_dates.field_of("month", "substr({}, 6, 2)")),
    "DAY": Function(1, 1, functions_dates.field_of("day", "substr({}, 9, 2)")),
    "HOUR": Function(1, 1, functions_dates.field_of("hour", "substr({}, 12, 2)")),
    "MINUTE": Function(1, 1, functions_dates.field_of("minute", "substr({}, 15, 2)")),
    "SECOND": Function(1, 1, functions_dates.field_of("second", "substr({}, 18, 2)")),
    "DAYOFWEEK": Function(1, 1, functions_dates.day_of_week),
    "LAST_DAY": Function(1, 1, functions_dates.last_day),
    "DAYNAME": Function(1, 1, functions_dates.named("W")),
    "MONTHNAME": Function(1, 1, functions_dates.named("M")),
    "NOW": Function(0, 0, functions_dates.now),
    "CURDATE": Function(0, 0, functions_dates.today),
}
SYNONYMS = {
    "UCASE": "UPPER",
    "LCASE": "LOWER",
    "SUBSTR": "SUBSTRING",
    "MID": "SUBSTRING",
    "CHARACTER_LENGTH": "CHAR_LENGTH",
    "CEILING": "CEIL",
    "DAYOFMONTH": "DAY",
    "CURRENT_DATE": "CURDATE",
    "CURRENT_TIMESTAMP": "NOW",
    "SYSDATE": "NOW",
    "LOCALTIME": "NOW",
}
# written by the parts of the language that know rows and intervals
AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG", "GROUP_CONCAT")
INTERVALS = ("DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE", "TIMESTAMPDIFF")


def names() -> list[str]:
    """Every name a query may call, for who writes one."""
    return sorted({*FUNCTIONS, *SYNONYMS, *AGGREGATES, *INTERVALS})


def call(w: Writer, name: str, args: Sequence[Piece]) -> Piece:
    """
    :raises InvalidInput: no such function, or a wrong number of values between its brackets.
    """
    function = FUNCTIONS.get(SYNONYMS.get(name, name))
    if function is None:
        raise refusal(
            _l("The function “%(name)s” is not among those a query may use.", name=name[:60])
        )
    if not function.least <= len(args) <= function.most:
        raise refusal(
            _l("%(name)s has a wrong number of values between its brackets.", name=name[:60])
        )
    return function.write(w, args)
