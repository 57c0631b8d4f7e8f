"""MySQL's functions over dates, as both databases have them."""

from collections.abc import Sequence

from ctm.i18n import _l
from ctm.sqlfields import dates
from ctm.sqlfields.pieces import Handler, Piece, Writer
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import refusal

UNITS = {
    "YEAR": "years",
    "QUARTER": "months",
    "MONTH": "months",
    "WEEK": "weeks",
    "DAY": "days",
    "HOUR": "hours",
    "MINUTE": "mins",
    "SECOND": "secs",
}
FARTHEST_UNITS = {
    "YEAR": 4_500,
    "QUARTER": 18_000,
    "MONTH": 54_000,
    "WEEK": 230_000,
    "DAY": 1_600_000,
    "HOUR": 39_000_000,
    "MINUTE": 2_000_000_000,
    "SECOND": 2_000_000_000,
}


def date_format(w: Writer, args: Sequence[Piece]) -> Piece:
    picture = args[1].constant
    if not isinstance(picture, str) or args[1].kind != Kind.TEXT or len(picture) > 100:
        raise refusal(
            _l(
                "Write the format of DATE_FORMAT between quotes, for example %(example)s.",
                example="'%d/%m/%Y'",
            )
        )
    when = w.as_datetime(args[0])
    if not w.on_postgresql:
        return Piece(f"ctm_date_format({when}, {w.text(picture)})", Kind.TEXT)
    shown = dates.on_postgresql(when, picture, w.language, w.text)
    return Piece(f"CASE WHEN {when} IS NOT NULL THEN {shown} END", Kind.TEXT)


def add_interval(w: Writer, when: Piece, amount: Piece, unit: str, sign: int) -> Piece:
    """A day or a moment, so many units later or, with ``sign`` -1, earlier."""
    if unit not in UNITS:
        raise refusal(
            _l("“%(part)s” is no unit of time here: use DAY, WEEK, MONTH, YEAR.", part=unit[:30])
        )
    when = w.as_time(when)
    count = _span(w, amount, FARTHEST_UNITS[unit])
    if unit == "QUARTER":
        unit, count = "MONTH", f"(3 * {count})"
    kind = Kind.DATETIME if unit in ("HOUR", "MINUTE", "SECOND") else when.kind
    start = w.convert(when, kind)
    if sign < 0:
        count = f"-({count})"
    if not w.on_postgresql:
        return Piece(f"ctm_date_add({start}, {count}, '{unit}')", kind)
    later = f"({start} + make_interval({UNITS[unit]} => {count}))"
    shown = f"CAST({later} AS date)" if kind == Kind.DATE else later
    return Piece(f"CASE WHEN extract(year from {later}) BETWEEN 1 AND 9999 THEN {shown} END", kind)


def datediff(w: Writer, args: Sequence[Piece]) -> Piece:
    a, b = (w.as_date(each) for each in args)
    return Piece(w.choose(f"ctm_days({a}, {b})", f"({a} - {b})"), Kind.INTEGER)


def months_between(w: Writer, unit: str, since: Piece, until: Piece) -> Piece:
    """TIMESTAMPDIFF in whole years, months, weeks or days."""
    if unit in ("DAY", "WEEK"):
        days = datediff(w, (until, since)).sql
        return Piece(f"({days} / 7)" if unit == "WEEK" else days, Kind.INTEGER)
    if unit not in ("MONTH", "YEAR", "QUARTER"):
        raise refusal(
            _l("“%(part)s” is no unit of time here: use DAY, WEEK, MONTH, YEAR.", part=unit[:30])
        )
    a, b = w.as_datetime(since), w.as_datetime(until)
    age = f"age({b}, {a})"
    months = w.choose(
        f"ctm_months({a}, {b})",
        f"CAST(extract(year from {age}) * 12 + extract(month from {age}) AS integer)",
    )
    whole = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    return Piece(f"({months} / {whole})", Kind.INTEGER)


def field_of(name: str, sqlite: str) -> Handler:
    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        when = w.as_datetime(args[0])
        return Piece(
            w.choose(
                f"CAST({sqlite.format(when)} AS INTEGER)",
                f"CAST(extract({name} from {when}) AS integer)",
            ),
            Kind.INTEGER,
        )

    return write


def day_of_week(w: Writer, args: Sequence[Piece]) -> Piece:
    when = w.as_datetime(args[0])
    return Piece(
        w.choose(f"ctm_weekday({when})", f"(CAST(extract(dow from {when}) AS integer) + 1)"),
        Kind.INTEGER,
    )


def last_day(w: Writer, args: Sequence[Piece]) -> Piece:
    day = w.as_date(args[0])
    month = f"date_trunc('month', CAST({day} AS timestamp))"
    return Piece(
        w.choose(f"ctm_last_day({day})", f"CAST({month} + interval '1 month -1 day' AS date)"),
        Kind.DATE,
    )


def named(code: str) -> Handler:
    def write(w: Writer, args: Sequence[Piece]) -> Piece:
        return date_format(w, (args[0], Piece("", Kind.TEXT, f"%{code}")))

    return write


def of_day(w: Writer, args: Sequence[Piece]) -> Piece:
    return Piece(w.as_date(args[0]), Kind.DATE)


def now(w: Writer, _args: Sequence[Piece] = ()) -> Piece:
    return w.moment("now", Kind.DATETIME)


def today(w: Writer, _args: Sequence[Piece] = ()) -> Piece:
    return w.moment("today", Kind.DATE)


def _span(w: Writer, piece: Piece, most: int) -> str:
    """A number of days or other units: whole; nothing, where no date could be so far away."""
    number = w.whole(piece)
    whole = w.choose("INTEGER", "integer")
    return f"CASE WHEN {number} BETWEEN {-most} AND {most} THEN CAST({number} AS {whole}) END"
