"""How fast an account may send: sliding windows and the delay between two mails.

``limits`` is a list of ``(messages, seconds)``: in any span of ``seconds`` at most ``messages``
leave. The forecast (X1) runs the same rules ahead of time.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select

from ctm import sql
from ctm.models import Message

Limits = Sequence[tuple[int, int]]


def read_limits(stored: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """``SmtpAccount.limits`` as pairs of whole numbers."""
    return tuple((int(messages), int(seconds)) for messages, seconds in stored)


def _attempts_since(account_id: int, since: datetime) -> "Select[datetime | None]":
    return select(Message.attempted_at).where(
        Message.account_id == account_id, Message.attempted_at > since
    )


def allowance(
    executor: sql.Executor, account_id: int, limits: Limits, now: datetime, wanted: int
) -> tuple[int, datetime | None]:
    """How many of ``wanted`` mails the account may send now, and when the next one may leave.

    Counted from the outbox over everything the account tried to send, claims under way
    included, so it holds over restarts and over several workers.
    """
    allowed, ready_at = wanted, None
    for messages, seconds in limits:
        window = timedelta(seconds=seconds)
        recent = _attempts_since(account_id, now - window).subquery()
        used = executor.scalar(select(func.count()).select_from(recent)) or 0
        if used < messages:
            allowed = min(allowed, messages - used)
            continue
        allowed = 0
        blocking = _attempts_since(account_id, now - window).order_by(Message.attempted_at.desc())
        oldest = executor.scalar(blocking.offset(messages - 1).limit(1))
        free_at = (oldest or now) + window
        ready_at = free_at if ready_at is None else max(ready_at, free_at)
    return allowed, ready_at


def history(
    executor: sql.Executor, account_id: int, limits: Limits, now: datetime
) -> list[datetime]:
    """Times of the account's mails that still weigh on its windows, oldest first."""
    if not limits:
        return []
    longest = max(seconds for _, seconds in limits)
    most = max(messages for messages, _ in limits)
    query = _attempts_since(account_id, now - timedelta(seconds=longest))
    latest = executor.execute(query.order_by(Message.attempted_at.desc()).limit(most)).scalars()
    return sorted(time for time in latest if time is not None)


def last_departure(
    count: int,
    start: datetime,
    limits: Limits,
    delay: float,
    past: Sequence[datetime],
    per_second: float,
) -> datetime:
    """When the last of ``count`` mails leaves if the first may leave at ``start``.

    ``past`` are the account's earlier mails, oldest first; ``per_second`` is what the
    server was seen to take, which counts where no limit does.
    """
    if count <= 0:
        return start
    step = timedelta(seconds=max(delay, 1 / per_second))
    if not limits:
        return start + step * (count - 1)
    windows = [
        (messages, timedelta(seconds=seconds), deque(past[-messages:], maxlen=messages))
        for messages, seconds in limits
    ]
    at = start - step
    for _ in range(count):
        at += step
        for messages, span, taken in windows:
            if len(taken) == messages:
                at = max(at, taken[0] + span)
        for _messages, _span, taken in windows:
            taken.append(at)
    return at
