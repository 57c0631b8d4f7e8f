"""Allowed hours: from when to when, on which days, and not on holidays, in the office's time.

Kept with a campaign and copied into its mailing as ``{"from": 540, "to": 1080, "days": [0, …],
"holidays": true}``: minutes since midnight, Monday is 0, ``holidays`` leaves out Italy's public
holidays. The office's own closed days (the patron saint, a week in August) are left out always.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from flask import current_app
from sqlalchemy import select

from ctm import sql
from ctm.extensions import db
from ctm.models import OfficeSetting

CLOSED_DAYS = "closed_days"
MIDNIGHT = 24 * 60
SEARCHED = 800


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


def closed_days(executor: sql.Executor | None = None) -> list[date]:
    """Days on which the office sends nothing that keeps to its hours, in order."""
    query = select(OfficeSetting.value).where(OfficeSetting.name == CLOSED_DAYS)
    kept = (executor or db.session).scalar(query) or {}
    return sorted(date.fromisoformat(text) for text in kept.get("value", []))
