"""Writing down what became of claimed messages, with all that follows from it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, bindparam, insert, select, update

from ctm import bulk, counters, sql
from ctm.mailing import outcomes
from ctm.mailing.outbox import GROUP, Result, counter_of
from ctm.models import (
    WAITING,
    Campaign,
    CampaignState,
    Mailing,
    MailingState,
    Message,
    MessageState,
    Outcome,
    PastAttempt,
)

LARGEST = 2 * GROUP

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
    for start in range(0, len(results), LARGEST):
        group = results[start : start + LARGEST]
        with engine.connect() as connection:
            sql.begin_writing(connection)
            done = _settle_together(connection, worker, group)
        if not done:
            _settle_each(engine, worker, group)


def settle_if_free(engine: Engine, worker: str, results: Sequence[Result]) -> bool:
    """:func:`settle` for one group; false, and nothing done, while somebody else is writing."""
    with engine.connect() as connection:
        if not sql.begin_writing(connection, wait=False):
            return False
        done = _settle_together(connection, worker, results)
    if not done:
        _settle_each(engine, worker, results)
    return True


def _settle_each(engine: Engine, worker: str, results: Sequence[Result]) -> None:
    for result in results:
        _settle_one(engine, worker, result)


def _settle_together(connection: Connection, worker: str, group: Sequence[Result]) -> bool:
    """All of the group in one transaction; false, and nothing done, if one is not ours."""
    if _change(connection, MessageState.CLAIMED, worker, group) != len(group):
        connection.rollback()
        return False
    _follow(connection, MessageState.CLAIMED, group)
    connection.commit()
    return True


def _settle_one(engine: Engine, worker: str, result: Result) -> None:
    attempts = [MessageState.CLAIMED]
    if result.state != MessageState.UNCERTAIN:
        attempts.append(MessageState.UNCERTAIN)
    for before in attempts:
        with engine.begin() as connection:
            if _change(connection, before, worker, [result]) == 1:
                _follow(connection, before, [result])
                return


def _follow(connection: Connection, before: MessageState, results: Iterable[Result]) -> None:
    """What follows from messages that were in state ``before``: counters, list statuses, the
    mailing's last delivery.

    A message holds its last attempt; the one before goes where pace still counts it.
    """
    moved: Counter[tuple[int | None, str]] = Counter()
    members: dict[tuple[int | None, str], list[int]] = defaultdict(list)
    delivered: dict[int, datetime] = {}
    revived: set[int] = set()
    earlier: list[dict[str, Any]] = []
    for result in results:
        message, state = result.message, result.state
        moved[message.campaign_id, state] += 1
        if message.member_id is not None:
            members[message.campaign_id, state].append(message.member_id)
        if before == MessageState.UNCERTAIN and state in WAITING:
            revived.add(message.mailing_id)
        if not result.attempted:
            continue
        last = delivered.get(message.mailing_id)
        if last is None or last < result.at:
            delivered[message.mailing_id] = result.at
        if message.attempted_at and before == MessageState.CLAIMED:
            earlier.append({"account_id": message.account_id, "at": message.attempted_at})
    if earlier:
        connection.execute(insert(PastAttempt), earlier)
    for (campaign_id, state), member_ids in members.items():
        if campaign_id is not None and state in _OUTCOMES:
            outcomes.reach_fresh(connection, campaign_id, _OUTCOMES[state], member_ids)
    for campaign_id, changed in sorted(_deltas(before, moved).items()):
        counters.add(campaign_id, changed, connection)
    _reopen(connection, revived)
    for mailing_id, at in sorted(delivered.items()):
        connection.execute(_LAST_DELIVERY, {"b_mailing": mailing_id, "b_at": at})


def _deltas(
    before: MessageState, moved: Counter[tuple[int | None, str]]
) -> dict[int, Counter[str]]:
    """How the campaigns' counters change by so many moves from one state to others."""
    deltas: dict[int, Counter[str]] = defaultdict(Counter)
    for (campaign_id, after), count in moved.items():
        if campaign_id is not None and counter_of(before) != counter_of(after):
            deltas[campaign_id][counter_of(before)] -= count
            deltas[campaign_id][counter_of(after)] += count
    return deltas


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
