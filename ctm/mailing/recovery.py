"""What a worker left behind when it died, settled by those who live (X2).

An answer in its journal is an outcome; a body under way without an answer is ``uncertain``; what
never started goes back to the queue. A worker that is gone for good, journal and all, leaves its
claims ``uncertain``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, delete, select

from ctm.clock import utcnow
from ctm.i18n import _
from ctm.mailing import journal, outbox
from ctm.models import UNDER_WAY, Message, MessageState, Worker

SILENT_FOR = timedelta(minutes=3)


def recover(engine: Engine, folder: Path) -> int:
    """Settle what dead workers of this machine left; returns how many messages."""
    settled = 0
    for remains in journal.find_remains(folder):
        left = _claims_of(engine, remains.worker)
        results = [_judge(message, remains) for message in left]
        outbox.settle(engine, remains.worker, results)
        with engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.name == remains.worker))
        remains.discard()
        settled += len(results)
    return settled


def settle_lost(engine: Engine, folder: Path, now: datetime | None = None) -> int:
    """Settle also the claims of workers that have given no sign of life and left no journal."""
    settled = recover(engine, folder)
    now = now or utcnow()
    query = select(Worker.name).where(Worker.seen_at < now - SILENT_FOR)
    with engine.connect() as connection:
        silent = list(connection.execute(query).scalars())
    for worker in silent:
        if (folder / f"{worker}.journal").exists():
            continue
        left = _claims_of(engine, worker)
        words = _("The worker that was sending this mail is gone, and so are its notes.")
        outbox.settle(engine, worker, [_doubt(message, words) for message in left])
        with engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.name == worker))
        settled += len(left)
    return settled


def _claims_of(engine: Engine, worker: str) -> Sequence[outbox.Claimed]:
    query = select(*outbox.CLAIMED_COLUMNS).where(
        Message.worker == worker, Message.state.in_(UNDER_WAY)
    )
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


def _doubt(message: outbox.Claimed, words: str) -> outbox.Result:
    return outbox.Result(
        message, MessageState.UNCERTAIN, utcnow(), reason="interrupted", words=words
    )
