"""MySQL's codes of DATE_FORMAT, for PostgreSQL as SQL and for SQLite as Python."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import get_day_names, get_month_names

_SIMPLE = {
    "d": "DD",
    "e": "FMDD",
    "f": "US",
    "H": "HH24",
    "h": "HH12",
    "I": "HH12",
    "i": "MI",
    "j": "DDD",
    "k": "FMHH24",
    "l": "FMHH12",
    "m": "MM",
    "c": "FMMM",
    "p": "AM",
    "r": "HH12:MI:SS AM",
    "S": "SS",
    "s": "SS",
    "T": "HH24:MI:SS",
    "v": "IW",
    "x": "IYYY",
    "Y": "YYYY",
    "y": "YY",
}
CODES = frozenset({*_SIMPLE, *"abDMUuVWwX"})


def parts(picture: str) -> list[tuple[bool, str]]:
    """Cut a picture into ``(is a code, text)``; a sign that is no code stands for itself."""
    found: list[tuple[bool, str]] = []
    at = 0
    while at < len(picture):
        if picture[at] == "%" and at + 1 < len(picture):
            code = picture[at + 1]
            found.append((True, code) if code in CODES else (False, code))
            at += 2
        else:
            found.append((False, picture[at]))
            at += 1
    return found


@lru_cache(maxsize=8)
def names(language: str) -> dict[str, tuple[str, ...]]:
    """Days (Monday first) and months of a language by MySQL's codes: W a M b."""
    locale = Locale.parse(language)
    found: dict[str, tuple[str, ...]] = {}
    for code, width in (("W", "wide"), ("a", "abbreviated")):
        days = get_day_names(width, locale=locale)  # type: ignore[arg-type]
        found[code] = tuple(days[number] for number in range(7))
    for code, width in (("M", "wide"), ("b", "abbreviated")):
        months = get_month_names(width, locale=locale)  # type: ignore[arg-type]
        found[code] = tuple(months[number] for number in range(1, 13))
    return found


def ordinal(day: int) -> str:
    """A day of the month as MySQL's %D has it: 1st, 2nd, 3rd, 4th."""
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _sunday_week(day: date) -> tuple[int, int]:
    """``(year, week)`` of weeks that begin on Sunday; the first begins with a year's first one."""
    sunday = day - timedelta(days=day.isoweekday() % 7)
    return sunday.year, (sunday.timetuple().tm_yday - 1) // 7 + 1


def _monday_week(day: date) -> int:
    """0 to 53: the first week has four days or more of the year (MySQL's mode 1)."""
    thursday = day + timedelta(days=4 - day.isoweekday())
    if thursday.year < day.year:
        return 0
    if thursday.year > day.year:
        return 53
    return (thursday.timetuple().tm_yday - 1) // 7 + 1


def _within_year(day: date) -> int:
    year, week = _sunday_week(day)
    return week if year == day.year else 0


def writers(language: str) -> dict[str, Callable[[datetime], str]]:
    """What each code writes of a moment."""
    words = names(language)
    return {
        "a": lambda t: words["a"][t.weekday()],
        "W": lambda t: words["W"][t.weekday()],
        "b": lambda t: words["b"][t.month - 1],
        "M": lambda t: words["M"][t.month - 1],
        "c": lambda t: str(t.month),
        "D": lambda t: ordinal(t.day),
        "d": lambda t: f"{t.day:02}",
        "e": lambda t: str(t.day),
        "f": lambda t: f"{t.microsecond:06}",
        "H": lambda t: f"{t.hour:02}",
        "h": lambda t: f"{_hour12(t):02}",
        "I": lambda t: f"{_hour12(t):02}",
        "i": lambda t: f"{t.minute:02}",
        "j": lambda t: f"{t.timetuple().tm_yday:03}",
        "k": lambda t: str(t.hour),
        "l": lambda t: str(_hour12(t)),
        "m": lambda t: f"{t.month:02}",
        "p": lambda t: "AM" if t.hour < 12 else "PM",
        "r": lambda t: (
            f"{_hour12(t):02}:{t.minute:02}:{t.second:02} {'AM' if t.hour < 12 else 'PM'}"
        ),
        "S": lambda t: f"{t.second:02}",
        "s": lambda t: f"{t.second:02}",
        "T": lambda t: f"{t.hour:02}:{t.minute:02}:{t.second:02}",
        "U": lambda t: f"{_within_year(t.date()):02}",
        "u": lambda t: f"{_monday_week(t.date()):02}",
        "V": lambda t: f"{_sunday_week(t.date())[1]:02}",
        "v": lambda t: f"{t.isocalendar()[1]:02}",
        "w": lambda t: str(t.isoweekday() % 7),
        "X": lambda t: f"{_sunday_week(t.date())[0]:04}",
        "x": lambda t: f"{t.isocalendar()[0]:04}",
        "Y": lambda t: f"{t.year:04}",
        "y": lambda t: f"{t.year % 100:02}",
    }


def _hour12(when: datetime) -> int:
    return when.hour % 12 or 12


@lru_cache(maxsize=256)
def formatter(picture: str, language: str) -> Callable[[datetime], str]:
    """DATE_FORMAT with one picture, as a function."""
    known = writers(language)
    steps = [known[text] if is_code else text for is_code, text in parts(picture)]
    return lambda when: "".join([each if isinstance(each, str) else each(when) for each in steps])


def on_postgresql(value: str, picture: str, language: str, text: Callable[[str], str]) -> str:
    """DATE_FORMAT as PostgreSQL's SQL. ``value`` is SQL of a timestamp, ``text`` writes a text."""
    found: list[str] = []
    plain = ""
    for is_code, part in parts(picture):
        if not is_code:
            plain += f'"\\{part}"' if part in '"\\' else f'"{part}"'
        elif part in _SIMPLE:
            plain += f'{_SIMPLE[part]}""'
        else:
            found += [f"to_char({value}, {text(plain)})"] * bool(plain)
            found.append(_special(value, part, language, text))
            plain = ""
    found += [f"to_char({value}, {text(plain)})"] * bool(plain)
    return f"({' || '.join(found)})" if found else text("")


def _special(value: str, code: str, language: str, text: Callable[[str], str]) -> str:
    day = f"CAST({value} AS date)"
    if code in "WaMb":
        field = "isodow" if code in "Wa" else "month"
        words = ", ".join(text(word) for word in names(language)[code])
        return f"(ARRAY[{words}])[CAST(extract({field} from {value}) AS integer)]"
    if code == "D":
        number = f"CAST(extract(day from {value}) AS integer)"
        words = ", ".join(text(ordinal(day_)) for day_ in range(1, 32))
        return f"(ARRAY[{words}])[{number}]"
    if code == "w":
        return f"CAST(extract(dow from {value}) AS text)"
    sunday = f"({day} - CAST(extract(dow from {day}) AS integer))"
    week = f"((CAST(extract(doy from {sunday}) AS integer) - 1) / 7 + 1)"
    if code == "X":
        return f"to_char({sunday}, 'YYYY')"
    if code == "V":
        return f"to_char({week}, 'FM00')"
    if code == "U":
        same = f"extract(year from {sunday}) = extract(year from {day})"
        return f"to_char(CASE WHEN {same} THEN {week} ELSE 0 END, 'FM00')"
    thursday = f"({day} + 4 - CAST(extract(isodow from {day}) AS integer))"
    return (
        f"to_char(CASE sign(extract(year from {thursday}) - extract(year from {day})) "
        f"WHEN -1 THEN 0 WHEN 1 THEN 53 "
        f"ELSE (CAST(extract(doy from {thursday}) AS integer) - 1) / 7 + 1 END, 'FM00')"
    )
