"""The outbox: what may leave now, claiming it, and writing down what became of it.

Every change of a message's state is a compare-and-set, and moves the campaign's counters in the
same transaction. Functions take a connection and run in the caller's transaction, except
:func:`claim` and :func:`settle`, which are whole transactions of a worker.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Dialect,
    Engine,
    Select,
    any_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.dml import ReturningUpdate

from ctm import bulk, consent, counters, sql
from ctm.mailing import outcomes
from ctm.models import (
    PENDING,
    UNDER_WAY,
    WAITING,
    Campaign,
    CampaignState,
    Mailing,
    MailingState,
    Message,
    MessageState,
    Outcome,
    PastAttempt,
    SmtpAccount,
    Suppression,
)

GROUP = 800
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


@lru_cache(4)
def _claiming(dialect: str) -> ReturningUpdate[Any]:
    """The statement that claims.

    PostgreSQL may run a subquery behind IN again for every row it looks at, and SKIP LOCKED gives
    other rows each time: more than the limit. An array is made once.
    """
    chosen = (
        select(Message.id)
        .where(sendable(bindparam("b_mailing"), bindparam("b_now")))
        .order_by(Message.id)
        .limit(bindparam("b_limit"))
        .with_for_update(skip_locked=True)
    )
    among: ColumnElement[bool] = Message.id.in_(chosen)
    if dialect == "postgresql":
        among = Message.id == any_(func.array(chosen.scalar_subquery()))
    return (
        update(Message)
        .where(among, is_waiting())
        .values(state=MessageState.CLAIMED.value, worker=bindparam("b_worker"))
        .returning(*CLAIMED_COLUMNS, Message.recipient_key)
    )


def claim(
    engine: Engine,
    mailing: OpenMailing,
    worker: str,
    limit: int,
    now: datetime,
    before_commit: Callable[[list[int]], None],
    allowed: Callable[[Connection], int] | None = None,
) -> list[Claimed]:
    """Take up to ``limit`` messages of a mailing for a worker.

    Suppressed addresses among them are skipped here, at the last moment, and clients who do not
    agree (any more) to the mailing's purpose. ``before_commit`` gets
    the claimed ids (the worker's journal notes them). ``allowed`` says how many may be taken; it
    is asked while no other worker can claim for the account, so that two cannot take the same
    place in a window.
    """
    with engine.begin() as connection:
        if allowed is not None:
            sql.lock(connection, select(SmtpAccount.id).where(SmtpAccount.id == mailing.account_id))
            limit = min(limit, allowed(connection))
        sql.begin_writing(connection)
        return _claim(connection, mailing, worker, limit, now, before_commit) if limit > 0 else []


def _claim(
    connection: Connection,
    mailing: OpenMailing,
    worker: str,
    limit: int,
    now: datetime,
    before_commit: Callable[[list[int]], None],
) -> list[Claimed]:
    values = {"b_mailing": mailing.id, "b_now": now, "b_limit": limit, "b_worker": worker}
    rows = sorted(
        connection.execute(_claiming(connection.dialect.name), values).all(), key=itemgetter(0)
    )
    keys = {row.id: folded_address(row.recipient_key) for row in rows}
    barred = _barred(connection, list(set(keys.values())))
    left_out = {
        number: "removed" if barred[key] == "removed" else "suppressed"
        for number, key in keys.items()
        if key in barred
    }
    if mailing.purpose_id is not None:
        left_out = _unwilling(connection, mailing.purpose_id, list(keys)) | left_out
    claimed = [Claimed(*row[:-1]) for row in rows if row.id not in left_out]
    if left_out:
        _skip(connection, left_out, mailing.campaign_id)
    before_commit([message.id for message in claimed])
    return claimed


def folded_address(recipient_key: str) -> str:
    """The address in a message's key: of mail from a list its row stands after it."""
    return recipient_key.partition(" ")[0]


def _unwilling(connection: Connection, purpose_id: int, ids: list[int]) -> dict[int, str]:
    """Messages to clients who do not agree to the purpose; addresses typed by hand are nobody's."""
    query = select(Message.id, Message.client_id).where(
        Message.id.in_(ids), Message.client_id.is_not(None), Message.source != TYPED
    )
    of_client = {row.id: row.client_id for row in connection.execute(query)}
    agreed = consent.allowed(connection, set(of_client.values()), purpose_id)
    return {number: "no_consent" for number, who in of_client.items() if who not in agreed}


def _barred(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Suppressed addresses among ``keys``, with the reason."""
    dialect = connection.dialect.name
    found = connection.execute(_suppressed(dialect), {"keys": bulk.listed(dialect, keys)})
    return {row[0]: row[1] for row in found}


@lru_cache(4)
def _suppressed(dialect: str) -> Select[str, str]:
    among = bulk.among(dialect, Suppression.address, "keys", texts=True)
    return select(Suppression.address, Suppression.reason).where(among)


def _skip(connection: Connection, left_out: dict[int, str], campaign_id: int | None) -> None:
    for reason in sorted(set(left_out.values())):
        ids = [number for number, why in left_out.items() if why == reason]
        connection.execute(
            update(Message)
            .where(Message.id.in_(ids))
            .values(state=MessageState.SKIPPED.value, worker=None, reason=reason)
        )
    if campaign_id is not None:
        count = len(left_out)
        counters.add(campaign_id, {"queued": -count, "skipped": count}, connection)


_SETTLED_VALUES = {
    "state": bindparam("b_state"),
    "worker": bindparam("b_new_worker"),
    "reason": bindparam("b_reason"),
    "due_at": bindparam("b_due_at"),
    "attempts": Message.attempts + bindparam("b_attempts"),
    "attempted_at": bindparam("b_attempted_at"),
    "sent_at": bindparam("b_sent_at"),
    "server_code": bindparam("b_code"),
    "server_words": bindparam("b_words"),
    "size": bindparam("b_size"),
    "merge_values": bindparam("b_merge_values"),
}


@lru_cache(8)
def _settlement(dialect: Dialect, before: MessageState) -> bulk.Batch:
    """The statement that settles a message of a worker which is in state ``before``."""
    statement = (
        update(Message)
        .where(
            Message.id == bindparam("b_id"),
            Message.worker == bindparam("b_worker"),
            Message.state == before.value,
        )
        .values(_SETTLED_VALUES)
    )
    return bulk.Batch(statement, dialect)


def _row(result: Result, worker: str, batch: bulk.Batch) -> dict[str, Any]:
    at = batch.time(result.at)
    return {
        "b_id": result.message.id,
        "b_worker": worker,
        "b_state": str(result.state),
        "b_new_worker": worker if result.state == MessageState.UNCERTAIN else None,
        "b_reason": result.reason,
        "b_due_at": batch.time(result.due_at),
        "b_attempts": int(result.attempted and result.spent),
        "b_attempted_at": at if result.attempted else batch.time(result.message.attempted_at),
        "b_sent_at": at if result.state == MessageState.SENT else None,
        "b_code": result.code,
        "b_words": result.words[:4000],
        "b_size": result.size,
        "b_merge_values": batch.json(result.merge_values or result.message.merge_values),
    }


def _change(
    connection: Connection, before: MessageState, worker: str, results: Sequence[Result]
) -> int:
    """Settle messages that are in state ``before``; how many were."""
    batch = _settlement(connection.dialect, before)
    return batch.execute(connection, [_row(result, worker, batch) for result in results])


def settle(engine: Engine, worker: str, results: Sequence[Result]) -> None:
    """Write down what became of messages claimed by ``worker``, with all that follows from it.

    A message that is no longer this worker's (others held it for lost) is changed only if it is
    still ``uncertain``: what its own worker knows for sure replaces the others' doubt.
    """
    for start in range(0, len(results), GROUP):
        group = results[start : start + GROUP]
        if not _settle_together(engine, worker, group):
            for result in group:
                _settle_one(engine, worker, result)


def _settle_together(engine: Engine, worker: str, group: Sequence[Result]) -> bool:
    """All of the group in one transaction; false, and nothing done, if one is not ours."""
    with engine.connect() as connection:
        sql.begin_writing(connection)
        if _change(connection, MessageState.CLAIMED, worker, group) != len(group):
            connection.rollback()
            return False
        _follow(connection, [(result, MessageState.CLAIMED) for result in group])
        connection.commit()
    return True


def _settle_one(engine: Engine, worker: str, result: Result) -> None:
    attempts = [MessageState.CLAIMED]
    if result.state != MessageState.UNCERTAIN:
        attempts.append(MessageState.UNCERTAIN)
    for before in attempts:
        with engine.begin() as connection:
            if _change(connection, before, worker, [result]) == 1:
                _follow(connection, [(result, before)])
                return


def _follow(connection: Connection, changes: Iterable[tuple[Result, str]]) -> None:
    """What follows from settled messages: counters, list statuses, the mailing's last delivery.

    A message holds its last attempt; the one before goes where pace still counts it.
    """
    deltas: dict[int, Counter[str]] = defaultdict(Counter)
    reached: dict[tuple[int, Outcome], list[int]] = defaultdict(list)
    delivered: dict[int, datetime] = {}
    revived: set[int] = set()
    earlier: list[dict[str, Any]] = []
    for result, before in changes:
        message = result.message
        if before == MessageState.UNCERTAIN and result.state in WAITING:
            revived.add(message.mailing_id)
        if message.campaign_id is not None and counter_of(before) != counter_of(result.state):
            deltas[message.campaign_id][counter_of(before)] -= 1
            deltas[message.campaign_id][counter_of(result.state)] += 1
        if result.attempted:
            last = delivered.get(message.mailing_id, result.at)
            delivered[message.mailing_id] = max(last, result.at)
        if result.attempted and message.attempted_at and before == MessageState.CLAIMED:
            earlier.append({"account_id": message.account_id, "at": message.attempted_at})
        outcome = _OUTCOMES.get(result.state)
        if outcome and message.member_id is not None and message.campaign_id is not None:
            reached[message.campaign_id, outcome].append(message.member_id)
    if earlier:
        connection.execute(insert(PastAttempt), earlier)
    for (campaign_id, outcome), member_ids in reached.items():
        outcomes.reach_fresh(connection, campaign_id, outcome, member_ids)
    for campaign_id, changed in sorted(deltas.items()):
        counters.add(campaign_id, changed, connection)
    _reopen(connection, revived)
    for mailing_id, at in sorted(delivered.items()):
        connection.execute(_LAST_DELIVERY, {"b_mailing": mailing_id, "b_at": at})


def _reopen(connection: Connection, mailing_ids: set[int]) -> None:
    """Let finished mailings run again of which a mail went back to the queue."""
    if not mailing_ids:
        return
    campaigns = select(Mailing.campaign_id).where(Mailing.id.in_(mailing_ids))
    done_mailing = Mailing.state == MailingState.FINISHED
    done_campaign = Campaign.state == CampaignState.FINISHED
    for statement in (
        update(Mailing).where(Mailing.id.in_(mailing_ids), done_mailing),
        update(Campaign).where(Campaign.id.in_(campaigns), done_campaign),
    ):
        again = statement.values(state=MailingState.RUNNING.value, finished_at=None)
        connection.execute(again)


_LAST_DELIVERY = (
    update(Mailing)
    .where(Mailing.id == bindparam("b_mailing"))
    .values(last_delivery_at=bindparam("b_at"))
)
_OUTCOMES: dict[str, Outcome] = {
    MessageState.SENT: Outcome.SENT,
    MessageState.FAILED: Outcome.FAILED,
}
