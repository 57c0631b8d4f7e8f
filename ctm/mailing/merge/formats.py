"""Pictures of dates and amounts, as users write them after ``frm=``.

Dates (TinyButStrong's letters, upper or lower case)::

    d dd        day of the month            ddd dddd    name of the day, short and full
    m mm        month                       mmm mmmm    name of the month, short and full
    yy yyyy     year                        hh nn ss    hours (0-23), minutes, seconds

``mm`` after ``hh:`` means minutes. Every other word or sign stands for itself
(``dd mmmm yyyy alle hh:nn``); text in double quotes always does.

Amounts: a model of the number with its currency, ``0.000,00 €`` or ``€ 0000.00``. The zeros
after the decimal sign say how many decimals; a separator between the others groups by
thousands; what stands before and after is kept. Rounding is half up, away from zero, as
accountants do; the minus sign stands at the number.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.dates import get_day_names, get_month_names

from ctm.i18n import _
from ctm.mailing.merge.errors import PictureError

Formatter = Callable[[object], str]

DEFAULT_DATE = "dd/mm/yyyy"
DEFAULT_AMOUNT = "0.000,00"
LONGEST_PICTURE = 100
_WIDEST_NUMBER = 40
_REMEMBERED = 500
_ROUNDING = Context(prec=2 * _WIDEST_NUMBER, rounding=ROUND_HALF_UP)

_PIECE = re.compile(r'"([^"]*)"|([^\W\d_]+)|([^"]+?(?=["]|[^\W\d_]|$)|")')
_TOKENS = re.compile(r"d{1,4}|m{1,4}|yyyy|yy|hh?|nn?|ss?")
_TOKEN_RUN = re.compile(rf"(?:{_TOKENS.pattern})+")
_WRONG_RUN = re.compile(r"([dmyhns])\1*")
_CORE = re.compile(r"[0#](?:[0#.,' \u00a0\u202f]*[0#])?")


@lru_cache(maxsize=64)
def _names(
    language: str,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Days (Monday first) and months, wide and abbreviated, in one language."""
    locale = Locale.parse(language.replace("-", "_"))

    def days(width: str) -> tuple[str, ...]:
        names = get_day_names(width, locale=locale)  # type: ignore[arg-type]
        return tuple(names[number] for number in range(7))

    def months(width: str) -> tuple[str, ...]:
        names = get_month_names(width, locale=locale)  # type: ignore[arg-type]
        return tuple(names[number] for number in range(1, 13))

    return days("wide"), days("abbreviated"), months("wide"), months("abbreviated")


def _date_token(token: str, language: str) -> Callable[[datetime], str]:
    """The function that writes one token of a picture."""
    days, short_days, months, short_months = _names(language)
    table: dict[str, Callable[[datetime], str]] = {
        "d": lambda when: str(when.day),
        "dd": lambda when: f"{when.day:02}",
        "ddd": lambda when: short_days[when.weekday()],
        "dddd": lambda when: days[when.weekday()],
        "m": lambda when: str(when.month),
        "mm": lambda when: f"{when.month:02}",
        "mmm": lambda when: short_months[when.month - 1],
        "mmmm": lambda when: months[when.month - 1],
        "yy": lambda when: f"{when.year % 100:02}",
        "yyyy": lambda when: f"{when.year:04}",
        "h": lambda when: str(when.hour),
        "hh": lambda when: f"{when.hour:02}",
        "n": lambda when: str(when.minute),
        "nn": lambda when: f"{when.minute:02}",
        "s": lambda when: str(when.second),
        "ss": lambda when: f"{when.second:02}",
    }
    return table[token]


def _literal(text: str) -> Callable[[datetime], str]:
    return lambda when: text


def _date_parts(picture: str) -> list[tuple[bool, str]]:
    """Cut a picture into ``(is a code, text)``, in order."""
    parts: list[tuple[bool, str]] = []
    after_hours = False
    for match in _PIECE.finditer(picture):
        quoted, word, other = match.groups()
        lower = word.lower() if word else ""
        wrong = len(lower) > 1 and _WRONG_RUN.fullmatch(lower) and not _TOKENS.fullmatch(lower)
        if wrong:
            raise PictureError(
                _(
                    "“%(part)s” is not part of a date format: use d, m, yy, yyyy, hh, nn, ss.",
                    part=word,
                )
            )
        if word and _TOKEN_RUN.fullmatch(lower):
            for code in _TOKENS.findall(lower):
                minutes = code == "mm" and after_hours
                parts.append((True, "nn" if minutes else code))
                after_hours = code in ("h", "hh")
        else:
            parts.append((False, quoted if quoted is not None else word or other))
            after_hours = after_hours and other is not None and other.strip() in (":", ".")
    return parts


@lru_cache(maxsize=256)
def date_formatter(picture: str, language: str) -> Formatter:
    """Compile a date picture; raises ``PictureError``.

    The formatter takes a date, a datetime, a time or ISO text; other text is shown as it is.
    """
    _check_length(picture)
    parts = _date_parts(picture)
    if not any(is_token for is_token, _text in parts):
        raise PictureError(
            _("“%(picture)s” shows no part of a date: an example is dd/mm/yyyy.", picture=picture)
        )
    writers = tuple(
        _date_token(text, language) if is_token else _literal(text) for is_token, text in parts
    )

    @lru_cache(_REMEMBERED, typed=True)
    def show(value: object) -> str:
        when = _as_datetime(value)
        return str(value) if when is None else "".join([write(when) for write in writers])

    return show


def _as_datetime(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    if isinstance(value, time):
        return datetime.combine(date(1900, 1, 1), value)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _check_length(picture: str) -> None:
    if len(picture) > LONGEST_PICTURE:
        raise PictureError(
            _("A format may be %(count)s characters long at most.", count=LONGEST_PICTURE)
        )


def _wrong_amount(picture: str) -> PictureError:
    return PictureError(
        _(
            "“%(picture)s” is not a format for amounts: examples are 0.000,00 € and € 0000.00.",
            picture=picture,
        )
    )


def _split_core(core: str, picture: str) -> tuple[str, str, int]:
    """``(grouping sign, decimal sign, decimals)`` of the zeros in an amount's picture."""
    signs = re.findall(r"[^0#]", core)
    groups = re.split(r"[^0#]", core)
    if not signs:
        return "", "", 0
    last, rest = signs[-1], signs[:-1]
    grouped = all(len(group) == 3 for group in groups[1:])
    is_decimal = last in ".," and last not in rest and (bool(rest) or not grouped)
    thousands = rest if is_decimal else signs
    inner = groups[1:-1] if is_decimal else groups[1:]
    if len(set(thousands)) > 1 or any(len(group) != 3 for group in inner):
        raise _wrong_amount(picture)
    grouping = thousands[0] if thousands else ""
    return grouping, last if is_decimal else "", len(groups[-1]) if is_decimal else 0


@lru_cache(maxsize=256)
def amount_formatter(picture: str, *, pad: bool = False) -> Formatter:
    """Compile the picture of an amount; raises ``PictureError``.

    The formatter takes int, float, Decimal or numeric text; other text is shown as it is.
    With ``pad`` a picture of plain zeros also says how many digits to show (``00000``): right
    for numbers that are codes, not for money.
    """
    _check_length(picture)
    match = _CORE.search(picture)
    if match is None or "0" not in match[0] or re.search(r"[0#]", picture[match.end() :]):
        raise _wrong_amount(picture)
    before, after = picture[: match.start()], picture[match.end() :]
    grouping, decimal_sign, decimals = _split_core(match[0], picture)
    quantum = Decimal(1).scaleb(-decimals)
    width = len(match[0]) if pad and match[0].strip("0") == "" else 0

    @lru_cache(_REMEMBERED, typed=True)
    def show(value: object) -> str:
        number = _as_decimal(value)
        if number is None:
            return str(value)
        rounded = number.quantize(quantum, context=_ROUNDING)
        whole, _point, cents = f"{abs(rounded):f}".partition(".")
        whole = whole.zfill(width)
        if grouping:
            whole = f"{int(whole):,}".replace(",", grouping)
        sign = "-" if rounded < 0 else ""
        return f"{before}{sign}{whole}{decimal_sign}{cents}{after}"

    return show


def _as_decimal(value: object) -> Decimal | None:
    """The number in a value, or None if it holds none that can be shown."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _WIDEST_NUMBER:
        return None
    return number


def plain_number(value: object) -> str:
    """A number without a picture: as short as it can be written, never with an exponent."""
    number = _as_decimal(value)
    if number is None:
        return str(value)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
