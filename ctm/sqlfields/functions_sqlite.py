"""What SQLite lacks of MySQL's functions, in Python. Each is deterministic and cannot fail: what
cannot be worked out is nothing (NULL), as in MySQL."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ctm.sqlfields import dates

LONGEST_TEXT = 20_000
_NUMBER = re.compile(r" *([-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?)")
_SECONDS = {"WEEK": 604800, "DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
_MONTHS = {"YEAR": 12, "MONTH": 1}


def decimal(value: object) -> Decimal:
    """A stored number without the dust of binary fractions."""
    return round(Decimal(str(value)), 9)


def half_up(value: object, places: int) -> Decimal:
    return decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def plain(number: Decimal) -> str:
    """A number as short as it can be written."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def grouped(value: object, places: int, locale: str) -> str:
    """MySQL's FORMAT: thousands apart, English signs or those of the language named."""
    text = f"{half_up(value, places):,f}"
    if locale.lower()[:2] in ("it", "de"):
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def _substring(text: str, start: int, length: int | None) -> str:
    if start == 0 or (start < 0 and -start > len(text)):
        return ""
    begin = start - 1 if start > 0 else len(text) + start
    return text[begin:] if length is None else text[begin : begin + max(length, 0)]


def _add(when: str, amount: int, unit: str) -> str:
    start = moment(when)
    if unit in _SECONDS:
        return str(start + timedelta(seconds=amount * _SECONDS[unit]))[: len(when)]
    year, month = divmod(start.year * 12 + start.month - 1 + amount * _MONTHS[unit], 12)
    last = monthrange(year, month + 1)[1]
    return str(start.replace(year=year, month=month + 1, day=min(start.day, last)))[: len(when)]


def _months(since: str, until: str) -> int:
    a, b = moment(since), moment(until)
    sign = 1
    if a > b:
        a, b, sign = b, a, -1
    months = (b.year - a.year) * 12 + b.month - a.month
    return sign * (months - ((b.day, b.time()) < (a.day, a.time())))


def _to_number(text: str) -> float:
    match = _NUMBER.match(text)
    return float(match[1]) if match else 0.0


def _last_day(when: str) -> str:
    day = moment(when).date().replace(day=28) + timedelta(days=4)
    return str(day - timedelta(days=day.day))


class GroupConcat:
    """GROUP_CONCAT with its order: ``(value, separator, distinct, directions, key, …)``."""

    def __init__(self) -> None:
        self._rows: list[tuple[tuple[Any, ...], str]] = []
        self._size = 0
        self._separator, self._directions, self._distinct = ",", "", False

    def step(
        self, value: str | None, separator: str, distinct: int, directions: str, *keys: object
    ) -> None:
        if value is None or self._size > LONGEST_TEXT:
            return
        self._separator, self._directions, self._distinct = separator, directions, bool(distinct)
        self._size += len(value) + len(separator)
        self._rows.append((keys, value))

    def finalize(self) -> str | None:
        if not self._rows:
            return None
        for place in reversed(range(len(self._directions))):
            self._rows.sort(
                key=lambda row: (row[0][place] is not None, row[0][place]),
                reverse=self._directions[place] == "d",
            )
        values = [value for _keys, value in self._rows]
        return self._separator.join(dict.fromkeys(values) if self._distinct else values)


def functions(language: str, zone: ZoneInfo) -> dict[str, tuple[int, Callable[..., Any]]]:
    """``{name: (number of arguments, function)}`` for one language and time zone."""

    def local(when: str) -> str:
        stamp = moment(when).replace(tzinfo=UTC).astimezone(zone)
        return stamp.strftime("%Y-%m-%d %H:%M:%S")

    def date_format(when: str, picture: str) -> str:
        return dates.formatter(picture, language)(moment(when))

    return {
        "ctm_fold": (1, lambda text: text.lower()),
        "ctm_upper": (1, lambda text: text.upper()),
        "ctm_money": (1, lambda value: f"{half_up(value, 2):f}"),
        "ctm_number": (1, lambda value: plain(half_up(value, 6))),
        "ctm_to_number": (1, _to_number),
        "ctm_round": (2, lambda value, places: float(half_up(value, places))),
        "ctm_truncate": (2, lambda value, places: float(_cut(decimal(value), places))),
        "ctm_floor": (1, lambda value: int(decimal(value).to_integral_value("ROUND_FLOOR"))),
        "ctm_ceil": (1, lambda value: int(decimal(value).to_integral_value("ROUND_CEILING"))),
        "ctm_div": (2, lambda a, b: int(decimal(a) / decimal(b)) if b else None),
        "ctm_mod": (2, lambda a, b: float(decimal(a) % decimal(b)) if b else None),
        "ctm_format": (3, grouped),
        "ctm_left": (2, lambda text, count: text[: max(count, 0)]),
        "ctm_right": (2, lambda text, count: text[-count:] if count > 0 else ""),
        "ctm_substring": (2, lambda text, start: _substring(text, start, None)),
        "ctm_part": (3, _substring),
        "ctm_bytes": (1, lambda text: len(text.encode())),
        "ctm_replace": (3, lambda text, old, new: text[:LONGEST_TEXT].replace(old, new)),
        "ctm_find": (2, lambda text, part: text.lower().find(part.lower()) + 1),
        "ctm_local": (1, local),
        "ctm_date_format": (2, date_format),
        "ctm_date_add": (3, _add),
        "ctm_months": (2, _months),
        "ctm_days": (2, lambda a, b: (moment(a[:10]) - moment(b[:10])).days),
        "ctm_last_day": (1, _last_day),
        "ctm_weekday": (1, lambda when: moment(when).isoweekday() % 7 + 1),
    }


def _cut(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), "ROUND_DOWN")


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL for NULL, and for whatever cannot be worked out."""

    def answer(*values: Any) -> Any:
        if None in values:
            return None
        try:
            return function(*values)
        except (ArithmeticError, ValueError, TypeError):
            return None

    return answer
