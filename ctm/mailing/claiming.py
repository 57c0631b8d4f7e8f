"""Taking messages from the outbox for a worker. :func:`claim` is a whole transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Engine, Select, any_, bindparam, func, select, update
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.dml import ReturningUpdate

from ctm import bulk, consent, counters, sql
from ctm.mailing.outbox import (
    CLAIMED_COLUMNS,
    TYPED,
    Claimed,
    OpenMailing,
    folded_address,
    is_waiting,
    sendable,
)
from ctm.models import Message, MessageState, SmtpAccount, Suppression


@lru_cache(4)
def claiming_statement(dialect: str) -> ReturningUpdate[Any]:
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
    agree (any more) to the mailing's purpose. ``before_commit`` gets the claimed ids (the
    worker's journal notes them). ``allowed`` says how many may be taken; it is asked while no
    other worker can claim for the account, so that two cannot take the same place in a window.
    """
    with engine.begin() as connection:
        if allowed is not None:
            sql.lock(connection, select(SmtpAccount.id).where(SmtpAccount.id == mailing.account_id))
            limit = min(limit, allowed(connection))
        sql.begin_writing(connection)
        return _claim(connection, mailing, worker, limit, now, before_commit) if limit > 0 else []


def claim_if_free(
    engine: Engine,
    mailing: OpenMailing,
    worker: str,
    limit: int,
    now: datetime,
    before_commit: Callable[[list[int]], None],
) -> list[Claimed] | None:
    """:func:`claim` where nothing paces it; None, and nothing done, while somebody else writes."""
    with engine.begin() as connection:
        if not sql.begin_writing(connection, wait=False):
            return None
        return _claim(connection, mailing, worker, limit, now, before_commit)


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
        connection.execute(claiming_statement(connection.dialect.name), values).all(),
        key=itemgetter(0),
    )
    keys = {row[0]: folded_address(row[-1]) for row in rows}
    barred = _barred(connection, list(set(keys.values())))
    left_out = {
        number: "removed" if barred[key] == "removed" else "suppressed"
        for number, key in keys.items()
        if key in barred
    }
    if mailing.purpose_id is not None:
        left_out = _unwilling(connection, mailing.purpose_id, list(keys)) | left_out
    claimed = [Claimed(*row[:-1]) for row in rows if row[0] not in left_out]
    if left_out:
        _skip(connection, left_out, mailing.campaign_id)
    before_commit([message.id for message in claimed])
    return claimed


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
