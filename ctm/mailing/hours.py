"""Allowed hours: from when to when, on which days, and not on holidays, in the office's time.

Kept with a campaign and copied into its mailing as ``{"from": 540, "to": 1080, "days": [0, …],
"holidays": true}``: minutes since midnight, Monday is 0, ``holidays`` leaves out Italy's public
holidays. The office's own closed days (the patron saint, a week in August) are left out always.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from flask import current_app
from sqlalchemy import select

from ctm import settings, sql
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import OfficeSetting

CLOSED_DAYS = "closed_days"
MIDNIGHT = 24 * 60
SEARCHED = 800
MOST_CLOSED = 366
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})", re.ASCII)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """Italy's, Easter Monday among them."""
    return frozenset(holidays.country_holidays("IT", years=year))


@dataclass
class Hours:
    """When mails may leave. ``start`` and ``end`` are minutes since midnight of ``zone``."""

    start: int
    end: int
    days: frozenset[int]
    skip_holidays: bool
    zone: ZoneInfo
    closed: frozenset[date] = frozenset()
    _span: tuple[datetime, datetime] = field(default=(datetime.min, datetime.min), repr=False)

    def is_open(self, at: datetime) -> bool:
        """Whether a mail may leave at this moment (naive UTC)."""
        return self.next_open(at) == at

    def next_open(self, at: datetime) -> datetime:
        """This moment, if a mail may leave; else the next one at which it may."""
        if self._span[0] <= at < self._span[1]:
            return at
        day = at.replace(tzinfo=UTC).astimezone(self.zone).date()
        for _ in range(SEARCHED):
            if self.works_on(day):
                opens, closes = self._moment(day, self.start), self._moment(day, self.end)
                if at < closes:
                    self._span = (opens, closes)
                    return max(at, opens)
            day += timedelta(days=1)
        return self._moment(day, self.start)

    def works_on(self, day: date) -> bool:
        if day.weekday() not in self.days or day in self.closed:
            return False
        return not (self.skip_holidays and day in public_holidays(day.year))

    def _moment(self, day: date, minutes: int) -> datetime:
        """A time of the office's clock as naive UTC; an hour that DST skips counts as the next."""
        local = datetime.combine(day + timedelta(days=minutes // MIDNIGHT), time())
        local += timedelta(minutes=minutes % MIDNIGHT)
        return local.replace(tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)


def read_hours(
    stored: Mapping[str, Any], zone: str | None = None, closed: Collection[date] | None = None
) -> Hours:
    """Hours as they are kept; ``zone`` and ``closed`` are the office's unless given."""
    return Hours(
        int(stored["from"]),
        int(stored["to"]),
        frozenset(int(day) for day in stored["days"]),
        bool(stored["holidays"]),
        ZoneInfo(zone or current_app.config["CTM_TIMEZONE"]),
        frozenset(closed_days() if closed is None else closed),
    )


def clean(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Hours as they were typed, as they are kept; nothing means at any time.

    ``from`` and ``to`` are times like “9:00” (“24:00” is the day's end), ``days`` numbers from 0.

    :raises InvalidInput: what is wrong, with the field of the form.
    """
    if not given:
        return None
    start, end = _minutes(given, "from"), _minutes(given, "to")
    if start >= end:
        raise InvalidInput(_l("The end must be later than the beginning."), "hours_to")
    days = sorted({str(day).strip() for day in given.get("days") or ()})
    if any(day not in "0123456" or len(day) != 1 for day in days):
        raise InvalidInput(_l("Choose days of the week."), "hours_days")
    if not days:
        raise InvalidInput(_l("Choose at least one day."), "hours_days")
    return {
        "from": start,
        "to": end,
        "days": [int(day) for day in days],
        "holidays": bool(given.get("holidays")),
    }


def _minutes(given: Mapping[str, Any], name: str) -> int:
    found = _TIME.fullmatch(str(given.get(name) or "").strip())
    hour, minute = (int(found[1]), int(found[2])) if found else (99, 0)
    if hour * 60 + minute > MIDNIGHT or minute > 59:
        raise InvalidInput(_l("A time like 9:00."), f"hours_{name}")
    return hour * 60 + minute


def time_text(minutes: int) -> str:
    """540 as “09:00”."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def read_closed_days(text: str) -> list[date]:
    """Days as they were typed: one a line or separated by commas, 2026-12-07 or 7/12/2026.

    :raises InvalidInput: a word that is no day, or too many.
    """
    found = set()
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        parts = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.](\d{1,2})[/.](\d{4})", word)
        try:
            if parts is None or not word.isascii():
                raise ValueError(word)
            year, month, day = parts.group(1, 2, 3) if parts[1] else parts.group(6, 5, 4)
            found.add(date(int(year), int(month), int(day)))
        except ValueError:
            words = _l("“%(word)s” is no day. Write days like 2026-12-07.", word=word[:40])
            raise InvalidInput(words, "closed_days") from None
    if len(found) > MOST_CLOSED:
        raise InvalidInput(_l("At most %(most)s days.", most=MOST_CLOSED), "closed_days")
    return sorted(found)


def keep_closed_days(days: Collection[date]) -> None:
    """Keep the office's closed days; the caller commits."""
    settings.put(CLOSED_DAYS, [day.isoformat() for day in sorted(days)])


def closed_days(executor: sql.Executor | None = None) -> list[date]:
    """Days on which the office sends nothing that keeps to its hours, in order."""
    query = select(OfficeSetting.value).where(OfficeSetting.name == CLOSED_DAYS)
    kept = (executor or db.session).scalar(query) or {}
    return sorted(date.fromisoformat(text) for text in kept.get("value", []))
