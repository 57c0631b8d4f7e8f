"""What a worker left behind when it died, settled by those who live (X2).

An answer in its journal is an outcome; a body under way without an answer is ``uncertain``; what
never started goes back to the queue. A worker of another machine that gives no sign of life leaves
its claims ``uncertain``: its journal is out of reach. Should it come back, or be started again
there, its journal still replaces the doubt by what it knows.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import ColumnElement

from ctm import sql
from ctm.clock import utcnow
from ctm.i18n import _
from ctm.mailing import journal, outbox, settling
from ctm.models import UNDER_WAY, Message, MessageState, Worker

SILENT_FOR = timedelta(minutes=3)
CONDEMNED = datetime(1970, 1, 1)
LOST = "worker_lost"
CLAIM_ENDS_IN_MS = 2_000
LOCK_NOT_AVAILABLE = "55P03"

log = logging.getLogger(__name__)


def recover(engine: Engine, folder: Path) -> int:
    """Settle what dead workers of this machine left; returns how many messages."""
    settled = 0
    for remains in journal.find_remains(folder):
        if not _claimed_or_not(engine, remains):
            continue
        results = [_judge(message, remains) for message in _claims_of(engine, remains.worker)]
        results += [
            judged
            for message in _doubted(engine, remains.worker)
            if (judged := _judge(message, remains)).state != MessageState.UNCERTAIN
        ]
        settling.settle(engine, remains.worker, results)
        with engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.name == remains.worker))
        remains.discard()
        settled += len(results)
    return settled


def _claimed_or_not(engine: Engine, remains: journal.Remains) -> bool:
    """Wait until the books say whether the last claim was made.

    PostgreSQL may be busy with a COMMIT when the worker that sent it is gone. Until that has ended
    the claim's rows are locked, and nobody sees whose they are. False: it takes long, ask again.
    """
    if engine.dialect.name == "sqlite" or not remains.claimed:
        return True
    row = select(Message.id).where(Message.id == remains.claimed[0]).with_for_update()
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {CLAIM_ENDS_IN_MS}"))
            connection.execute(row)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        log.warning("what worker %s left waits: its last claim has not ended", remains.worker)
        return False
    return True


def settle_lost(engine: Engine, folder: Path, now: datetime | None = None) -> int:
    """Settle also the claims of workers that have given no sign of life and left no journal here.

    ``now`` is the database's time if not given. A worker that is condemned finds out with its
    next sign of life, which it gives before it begins another mail.
    """
    settled = recover(engine, folder)
    for worker, seen_at in _silent(engine, now):
        if (folder / f"{worker}.journal").exists() or not _condemn(engine, worker, seen_at):
            continue
        left = _claims_of(engine, worker)
        words = _("The worker that was sending this mail is gone, and so are its notes.")
        settling.settle(engine, worker, [_doubt(message, words, LOST) for message in left])
        with engine.begin() as connection:
            connection.execute(
                delete(Worker).where(Worker.name == worker, Worker.seen_at == CONDEMNED)
            )
        settled += len(left)
    return settled


def strays(engine: Engine, worker: str, held: Collection[int], now: datetime) -> int:
    """Give back what a living worker holds by the books but not in hand; returns how many.

    A claim that was committed while the database broke off never reached its worker.
    """
    left = [message for message in _claims_of(engine, worker) if message.id not in held]
    given_back = [
        outbox.Result(message, MessageState.QUEUED, now, attempted=False) for message in left
    ]
    settling.settle(engine, worker, given_back)
    return len(left)


def _silent(engine: Engine, now: datetime | None) -> list[tuple[str, datetime | None]]:
    """Workers without a sign of life, and holders of claims that are no workers any more."""
    known = select(Worker.name).where(Worker.name == Message.worker).exists()
    strangers = select(Message.worker).where(
        Message.worker.is_not(None), Message.state.in_(UNDER_WAY), ~known
    )
    with engine.connect() as connection:
        at = now or connection.scalar(select(sql.utc_now(connection)))
        assert at is not None
        silent = select(Worker.name, Worker.seen_at).where(Worker.seen_at < at - SILENT_FOR)
        found: list[tuple[str, datetime | None]] = [
            (name, seen_at) for name, seen_at in connection.execute(silent)
        ]
        found += [(name, None) for name in connection.scalars(strangers.distinct()) if name]
    return found


def _condemn(engine: Engine, worker: str, seen_at: datetime | None) -> bool:
    """Let a worker's next sign of life fail; false if it has just given one."""
    if seen_at is None:
        return True
    statement = (
        update(Worker)
        .where(Worker.name == worker, Worker.seen_at == seen_at)
        .values(seen_at=CONDEMNED)
    )
    with engine.begin() as connection:
        return connection.execute(statement).rowcount == 1


def _claims_of(engine: Engine, worker: str) -> Sequence[outbox.Claimed]:
    return _messages(engine, worker, Message.state.in_(UNDER_WAY))


def _doubted(engine: Engine, worker: str) -> Sequence[outbox.Claimed]:
    """What others could only doubt, not having the worker's journal."""
    lost = (Message.state == MessageState.UNCERTAIN.value) & (Message.reason == LOST)
    return _messages(engine, worker, lost)


def _messages(
    engine: Engine, worker: str, condition: ColumnElement[bool]
) -> Sequence[outbox.Claimed]:
    query = select(*outbox.CLAIMED_COLUMNS).where(Message.worker == worker, condition)
    with engine.connect() as connection:
        return [outbox.Claimed(*row) for row in connection.execute(query)]


def _judge(message: outbox.Claimed, remains: journal.Remains) -> outbox.Result:
    answer = remains.answers.get(message.id)
    if answer is not None:
        return outbox.result_of(message, answer)
    if message.id in remains.begun:
        return _doubt(
            message,
            _("The mail was on its way when the sending worker was killed. No answer was read."),
        )
    if not remains.trusted:
        return _doubt(message, _("The machine went down while this mail was due to leave."))
    return outbox.Result(message, MessageState.QUEUED, utcnow(), attempted=False)


def _doubt(message: outbox.Claimed, words: str, reason: str = "interrupted") -> outbox.Result:
    return outbox.Result(message, MessageState.UNCERTAIN, utcnow(), reason=reason, words=words)
