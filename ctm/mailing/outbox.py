"""The outbox: what may leave now, a message in a worker's hands, and what became of it.

:mod:`ctm.mailing.claiming` takes messages for a worker, :mod:`ctm.mailing.settling` writes down
what became of them. Every change of a message's state is a compare-and-set, and moves the
campaign's counters in the same transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, literal_column, or_, select
from sqlalchemy.sql import ColumnElement

from ctm.models import (
    PENDING,
    UNDER_WAY,
    WAITING,
    Mailing,
    MailingState,
    Message,
    SmtpAccount,
)

GROUP = 1600
TYPED = "typed"


def counter_of(state: str) -> str:
    """The campaign counter a message state belongs to: all that may still leave is one."""
    return "queued" if state in PENDING else state


def is_waiting() -> ColumnElement[bool]:
    """Still to be sent and in nobody's hands.

    The states stand in the statement as they stand in the partial index: with bound parameters
    SQLite cannot know that the index serves.
    """
    return Message.state.in_([literal_column(f"'{state}'") for state in WAITING])


def is_pending(mailing_id: Any) -> ColumnElement[bool]:
    """Whether a mailing has a message that is waiting or under way."""
    waiting = select(Message.id).where(Message.mailing_id == mailing_id, is_waiting())
    under_way = select(Message.id).where(
        Message.worker.is_not(None),
        Message.mailing_id == mailing_id,
        Message.state.in_(UNDER_WAY),
    )
    return or_(waiting.exists(), under_way.exists())


def sendable(
    mailing_id: int | BindParameter[int], now: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    """The one definition of what may leave now from a mailing.

    The mailing must be running and its account neither inactive nor stopped: see
    :func:`open_mailings`.
    """
    return (
        (Message.mailing_id == mailing_id)
        & is_waiting()
        & or_(Message.due_at.is_(None), Message.due_at <= now)
    )


@dataclass(frozen=True, slots=True)
class OpenMailing:
    """A mailing that may send, and what paces it. ``retry_at`` is its account's."""

    id: int
    account_id: int
    campaign_id: int | None
    priority: int
    delay_seconds: float
    last_delivery_at: datetime | None
    hours: dict[str, Any] | None
    retry_at: datetime | None
    purpose_id: int | None = None


_OPEN_MAILINGS = (
    select(
        Mailing.id,
        Mailing.account_id,
        Mailing.campaign_id,
        Mailing.priority,
        Mailing.delay_seconds,
        Mailing.last_delivery_at,
        Mailing.hours,
        SmtpAccount.retry_at,
        Mailing.purpose_id,
    )
    .join(SmtpAccount, SmtpAccount.id == Mailing.account_id)
    .where(
        Mailing.state == MailingState.RUNNING,
        SmtpAccount.active,
        SmtpAccount.stopped_at.is_(None),
    )
    .order_by(Mailing.priority, Mailing.id)
)


def open_mailings(connection: Connection) -> list[OpenMailing]:
    """Running mailings of accounts that may send, most urgent first."""
    return [OpenMailing(*row) for row in connection.execute(_OPEN_MAILINGS)]


class Claimed(NamedTuple):
    """A message in a worker's hands. ``attempted_at`` is the attempt before this one."""

    id: int
    mailing_id: int
    account_id: int
    campaign_id: int | None
    member_id: int | None
    client_id: int | None
    to_address: str
    to_name: str
    message_id: str
    merge_values: dict[str, Any] | None
    attempts: int
    attempted_at: datetime | None = None


CLAIMED_COLUMNS = (
    Message.id,
    Message.mailing_id,
    Message.account_id,
    Message.campaign_id,
    Message.member_id,
    Message.client_id,
    Message.to_address,
    Message.to_name,
    Message.message_id,
    Message.merge_values,
    Message.attempts,
    Message.attempted_at,
)


@dataclass(slots=True)
class Result:
    """What became of a claimed message. ``state`` is its next state.

    ``words`` is the server's answer as given; ``due_at`` when to try again (deferred). An
    ``attempted`` mail may have reached the server; the attempt is ``spent`` unless the server
    refused for the account's sake.
    """

    message: Claimed
    state: str
    at: datetime
    code: int | None = None
    words: str = ""
    reason: str = ""
    due_at: datetime | None = None
    size: int | None = None
    merge_values: dict[str, Any] | None = None
    attempted: bool = field(default=True)
    spent: bool = field(default=True)


def as_record(result: Result) -> dict[str, Any]:
    """A result as the journal keeps it; :func:`result_of` reads it back."""
    return {
        "state": str(result.state),
        "at": result.at,
        "code": result.code,
        "words": result.words,
        "reason": result.reason,
        "due_at": result.due_at,
        "size": result.size,
        "merge_values": result.merge_values,
        "spent": result.spent,
    }


def result_of(message: Claimed, record: dict[str, Any]) -> Result:
    """What the journal kept of a message's result."""
    due_at = record["due_at"]
    return Result(
        message,
        **record
        | {
            "at": datetime.fromisoformat(record["at"]),
            "due_at": datetime.fromisoformat(due_at) if due_at else None,
        },
    )


def folded_address(recipient_key: str) -> str:
    """The address in a message's key: of mail from a list its row stands after it."""
    return recipient_key.partition(" ")[0]
