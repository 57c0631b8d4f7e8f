"""How fast an account may send: sliding windows and the delay between two mails.

``limits`` is a list of ``(messages, seconds)``: in any span of ``seconds`` at most ``messages``
leave. The forecast (X1) runs the same rules ahead of time.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Subquery, delete, func, select, union_all, update

from ctm import sql
from ctm.extensions import db
from ctm.mailing.hours import Hours
from ctm.models import UNDER_WAY, Message, PastAttempt

Limits = Sequence[tuple[int, int]]

SOON = timedelta(seconds=1)
CLOCKS_AGREE = timedelta(minutes=5)


def read_limits(stored: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """``SmtpAccount.limits`` as pairs of whole numbers."""
    return tuple((int(messages), int(seconds)) for messages, seconds in stored)


def _attempts_since(account_id: int, since: datetime) -> "Subquery":
    """Times at which the account tried a mail, of messages and of those tried again since."""
    last = select(Message.attempted_at.label("at")).where(
        Message.account_id == account_id, Message.attempted_at > since
    )
    earlier = select(PastAttempt.at).where(
        PastAttempt.account_id == account_id, PastAttempt.at > since
    )
    return union_all(last, earlier).subquery()


def _under_way(executor: sql.Executor, account_id: int) -> int:
    """Claims of any worker that have no outcome yet: each may reach the server at any moment."""
    query = select(func.count()).where(
        Message.worker > "",
        Message.state.in_(UNDER_WAY),
        Message.account_id + 0 == account_id,  # few are under way, many are the account's
    )
    return executor.scalar(query) or 0


def allowance(
    executor: sql.Executor, account_id: int, limits: Limits, now: datetime, wanted: int
) -> tuple[int, datetime | None]:
    """How many of ``wanted`` mails the account may send now, and when the next one may leave.

    Counted from the outbox over everything the account tried to send, so it holds over restarts
    and over several workers: a claim under way holds its place in every window, however old it
    is. Two that ask at once get the same answer; a worker asks inside
    :func:`ctm.mailing.claiming.claim`.
    """
    allowed, ready_at = wanted, None
    under_way = _under_way(executor, account_id) if limits else 0
    for messages, seconds in limits:
        window = timedelta(seconds=seconds)
        recent = _attempts_since(account_id, now - window)
        used = executor.scalar(select(func.count()).select_from(recent)) or 0
        if used + under_way < messages:
            allowed = min(allowed, messages - used - under_way)
            continue
        allowed = 0
        free_at = now + SOON
        if under_way < messages:
            place = messages - under_way - 1
            newest = select(recent.c.at).order_by(recent.c.at.desc())
            blocking = executor.scalar(newest.offset(place).limit(1))
            free_at = min(blocking or now, now) + window
        ready_at = free_at if ready_at is None else max(ready_at, free_at)
    return allowed, ready_at


def correct(connection: Connection, account_id: int, now: datetime) -> None:
    """After the clock was set back: an attempt that lies ahead was made by now at the latest.

    Without this an account would wait until the clock has caught up.
    """
    late = now + CLOCKS_AGREE
    for table, column in ((Message, Message.attempted_at), (PastAttempt, PastAttempt.at)):
        ahead = (table.account_id == account_id, column > late)
        if connection.execute(select(table.id).where(*ahead).limit(1)).first():
            connection.execute(update(table).where(*ahead).values({column: now}))


def forget_past(before: datetime) -> int:
    """Drop attempts that no window can hold any more; returns how many."""
    statement = delete(PastAttempt).where(PastAttempt.at < before)
    dropped: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return dropped


def history(
    executor: sql.Executor, account_id: int, limits: Limits, now: datetime
) -> list[datetime]:
    """Times of the account's mails that still weigh on its windows, oldest first."""
    if not limits:
        return []
    longest = max(seconds for _, seconds in limits)
    most = max(messages for messages, _ in limits)
    recent = _attempts_since(account_id, now - timedelta(seconds=longest))
    latest = executor.execute(select(recent.c.at).order_by(recent.c.at.desc()).limit(most))
    return sorted(time for time in latest.scalars() if time is not None)


def last_departure(
    count: int,
    start: datetime,
    limits: Limits,
    delay: float,
    past: Sequence[datetime],
    per_second: float,
    hours: Hours | None = None,
) -> datetime:
    """When the last of ``count`` mails leaves if the first may leave at ``start``.

    ``past`` are the account's earlier mails, oldest first; ``per_second`` is what the
    server was seen to take, which counts where no limit does.
    """
    if count <= 0:
        return start
    step = timedelta(seconds=max(delay, 1 / per_second))
    if not limits and hours is None:
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
        if hours is not None:
            at = hours.next_open(at)
        for _messages, _span, taken in windows:
            taken.append(at)
    return at
