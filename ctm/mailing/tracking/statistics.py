"""The live figures of a campaign (G7, G9): read from kept counters, never counted."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import to_user_timezone, to_utc
from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import joinedload

from ctm import counters
from ctm.extensions import db
from ctm.mailing.tracking.hits import READ, STEP
from ctm.models import (
    Campaign,
    Client,
    Hit,
    HitBucket,
    HitKind,
    LinkCounter,
    ListStatus,
    Message,
    MessageState,
    TrackedLink,
)

FIGURES = (
    "members",
    "total",
    "queued",
    "sent",
    "read",
    "clicked",
    "removed",
    "failed",
    "uncertain",
    "skipped",
    "cancelled",
    "machine_read",
    "machine_clicked",
)
FRESH_FOR = 1.0
OLDEST = 3.0
MOST_STEPS = 20_000
_SPANS = (("minute", timedelta(days=1)), ("hour", timedelta(days=7)))
MOST_LINKS = 500

_cache: dict[tuple[int, str], "_Kept"] = {}
_making = threading.Lock()


@dataclass(slots=True)
class _Kept:
    """A kept value; ``busy`` while somebody makes the next one."""

    value: Any
    at: float
    busy: bool = False


def cached(campaign_id: int, name: str, make: Callable[[], Any]) -> Any:
    """``make()``'s figures, about a second old at most: fifty screens ask as little as one.

    While one makes new figures, the others get those before.
    """
    key = (campaign_id, name)
    now = time.monotonic()
    with _making:
        kept = _cache.get(key)
        if kept is not None:
            age = now - kept.at
            if age <= FRESH_FOR or (kept.busy and age <= OLDEST):
                return kept.value
            kept.busy = True
    try:
        value = make()
    except BaseException:
        _cache.pop(key, None)
        raise
    with _making:
        if len(_cache) > 1000:
            _cache.clear()
        _cache[key] = _Kept(value, now)
    return value


def summary(campaign_id: int) -> dict[str, int]:
    """The summary box: total, queued, sent, read, clicked, removed, failed, …; zeros included."""
    kept = counters.read(campaign_id)
    return {name: kept.get(name, 0) for name in FIGURES}


@dataclass(frozen=True)
class Standing:
    """How many clients stand in a list status."""

    id: int
    name: str
    colour: str
    count: int


def standings(campaign_id: int) -> list[Standing]:
    """List statuses with their clients; those with none are left out."""
    kept = counters.read(campaign_id)
    query = select(ListStatus).order_by(ListStatus.position, ListStatus.name)
    found = [
        Standing(status.id, status.name, status.colour, kept.get(f"status:{status.id}", 0))
        for status in db.session.scalars(query)
    ]
    found.append(Standing(0, "", "todo", kept.get("status:0", 0)))
    return [each for each in found if each.count]


def bar(figures: dict[str, int]) -> list[tuple[str, int]]:
    """The one bar: each mail once, at the furthest it got."""
    clicked = figures["clicked"]
    read = max(0, figures["read"] - clicked)
    sent = max(0, figures["sent"] - clicked - read)
    rest = figures["skipped"] + figures["cancelled"] + figures["queued"]
    return [
        ("clicked", clicked),
        ("read", read),
        ("sent", sent),
        ("failed", figures["failed"]),
        ("uncertain", figures["uncertain"]),
        ("queued", rest),
    ]


@dataclass(frozen=True)
class Course:
    """Openings and clicks over time, in even steps without gaps: a ``unit`` is ``minute`` (ten
    minutes to a step), ``hour`` or ``day`` (the office's), by how long it went on."""

    unit: str
    times: list[datetime]
    opens: list[int]
    clicks: list[int]


def over_time(campaign_id: int) -> Course:
    """The campaign's openings and clicks as its chart shows them."""
    query = (
        select(HitBucket.at, HitBucket.kind, HitBucket.value)
        .where(HitBucket.campaign_id == campaign_id)
        .order_by(HitBucket.at.desc())
        .limit(MOST_STEPS)
    )
    rows = db.session.execute(query).all()
    if not rows:
        return Course("minute", [], [], [])
    first, last = rows[-1].at, rows[0].at
    unit = next((unit for unit, most in _SPANS if last - first <= most), "day")
    sums: Counter[tuple[datetime, str]] = Counter()
    for at, kind, value in rows:
        sums[_step(at, unit), kind] += value
    times = _steps(_step(first, unit), _step(last, unit), unit)
    return Course(
        unit,
        times,
        [sums[at, HitKind.OPEN.value] for at in times],
        [sums[at, HitKind.CLICK.value] for at in times],
    )


def _step(at: datetime, unit: str) -> datetime:
    """The beginning of the step a ten-minute bucket belongs to."""
    if unit == "minute":
        return at
    if unit == "hour":
        return at.replace(minute=0)
    local = to_user_timezone(at).replace(hour=0, minute=0, tzinfo=None)
    start: datetime = to_utc(local)
    return start


def _steps(first: datetime, last: datetime, unit: str) -> list[datetime]:
    """Every step from the first to the last; days are asked for at noon, for their 23rd hour."""
    length = {"minute": STEP, "hour": timedelta(hours=1), "day": timedelta(days=1)}[unit]
    count = round((last - first) / length) + 1
    if unit == "day":
        return [_step(first + length * n + timedelta(hours=12), unit) for n in range(count)]
    return [first + length * n for n in range(count)]


@dataclass(frozen=True)
class LinkFigures:
    """One URL's requests; the pixel's row has ``url`` :data:`~hits.READ`."""

    url: str
    requests: int
    people: int
    machines: int
    last_at: datetime | None
    last_client_id: int | None
    last_client: str


def links(campaign_id: int) -> list[LinkFigures]:
    """READ first, then the URLs by requests."""
    query = (
        select(LinkCounter, Client.display_name)
        .outerjoin(Client, Client.id == LinkCounter.last_client_id)
        .where(LinkCounter.campaign_id == campaign_id)
        .order_by(LinkCounter.requests.desc(), LinkCounter.url)
        .limit(MOST_LINKS)
    )
    rows = [
        LinkFigures(
            row.url,
            row.requests,
            row.people,
            row.machines,
            row.last_at,
            row.last_client_id,
            name or "",
        )
        for row, name in db.session.execute(query)
    ]
    nobody = LinkFigures(READ, 0, 0, 0, None, None, "")
    pixel = next((row for row in rows if row.url == READ), nobody)
    return [pixel, *(row for row in rows if row.url != READ)]


def readers(campaign_id: int) -> Select[Message]:
    """Mails that a person opened, latest first."""
    return _mails(campaign_id, Message.opened_at)


def clickers(campaign_id: int) -> "Select[Hit]":
    """Clicks of people, latest first, each with its link and mail."""
    return (
        select(Hit)
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(Hit.campaign_id == campaign_id, Hit.kind == HitKind.CLICK, Hit.machine == "")
        .options(joinedload(Hit.link), joinedload(Hit.message).joinedload(Message.client))
        .order_by(Hit.id.desc())
    )


def removed(campaign_id: int) -> Select[Message]:
    """Mails whose recipient removed itself, latest first."""
    return _mails(campaign_id, Message.removed_at)


def failed(campaign_id: int) -> Select[Message]:
    """Mails that failed, with the server's words."""
    return (
        select(Message)
        .where(Message.campaign_id == campaign_id, Message.state == MessageState.FAILED)
        .options(joinedload(Message.client))
        .order_by(Message.id.desc())
    )


def _mails(campaign_id: int, column: Any) -> Select[Message]:
    return (
        select(Message)
        .where(Message.campaign_id == campaign_id, column.is_not(None))
        .options(joinedload(Message.client))
        .order_by(column.desc(), Message.id.desc())
    )


def latest(campaign: Campaign, limit: int = 10) -> list[Message]:
    """The mails that were tried last; of each state those queued last are looked at."""
    tried = (state for state in MessageState if state not in _NEVER_TRIED)
    ids = [
        select(Message.id)
        .where(Message.campaign_id == campaign.id, Message.state == state)
        .order_by(Message.id.desc())
        .limit(limit)
        .subquery()
        for state in tried
    ]
    query = (
        select(Message)
        .where(
            Message.id.in_(union_all(*(select(each.c.id) for each in ids))),
            Message.attempted_at.is_not(None),
        )
        .options(joinedload(Message.client))
        .order_by(Message.attempted_at.desc(), Message.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(query))


_NEVER_TRIED = (MessageState.QUEUED, MessageState.SKIPPED, MessageState.CANCELLED)
