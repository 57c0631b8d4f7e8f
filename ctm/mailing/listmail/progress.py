"""How a mail that was sent from a list goes, and stopping it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload

from ctm import audit
from ctm.clock import utcnow
from ctm.errors import Conflict, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.outbox import counter_of, is_waiting
from ctm.mailing.requeue import queue_again
from ctm.models import (
    Mailing,
    MailingKind,
    MailingState,
    Message,
    MessageState,
    Task,
    TaskState,
)

FIGURES = ("total", "queued", "sent", "failed", "uncertain", "skipped", "cancelled", "read")
LATEST = 20
MOVING = (MailingState.QUEUEING, MailingState.RUNNING, MailingState.PAUSED)


def get(mailing_id: int) -> Mailing:
    """
    :raises NotFound: there is none.
    """
    mailing = db.session.get(Mailing, mailing_id) if mailing_id < 2**31 else None
    if mailing is None or mailing.kind != MailingKind.LIST:
        raise NotFound(_l("There is no such mail."))
    return mailing


def together(mailing: Mailing) -> list[int]:
    """The mailing and what another account sends of it."""
    reserve = mailing.options.get("reserve")
    return [mailing.id, int(reserve)] if reserve else [mailing.id]


def figures(mailing: Mailing) -> dict[str, int]:
    """How many mails are in which state."""
    found = dict.fromkeys(FIGURES, 0)
    of_mailing = Message.mailing_id.in_(together(mailing))
    query = (
        select(Message.state, func.count(), func.count(Message.opened_at))
        .where(of_mailing)
        .group_by(Message.state)
    )
    for state, count, opened in db.session.execute(query):
        found[counter_of(state)] += count
        found["total"] += count
        found["read"] += opened
    return found


def left_out(mailing: Mailing) -> dict[str, int]:
    """How many are left out, by reason."""
    query = (
        select(Message.reason, func.count())
        .where(Message.mailing_id.in_(together(mailing)), Message.state == MessageState.SKIPPED)
        .group_by(Message.reason)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def latest(mailing: Mailing) -> Sequence[Message]:
    """The mails that left or failed last."""
    query = (
        select(Message)
        .where(Message.mailing_id.in_(together(mailing)), Message.attempted_at.is_not(None))
        .options(joinedload(Message.client))
        .order_by(Message.attempted_at.desc(), Message.id.desc())
        .limit(LATEST)
    )
    return db.session.scalars(query).all()


def task_of(mailing: Mailing, kind: str) -> Task | None:
    """The work that puts its mails in the queue, while it goes on or if it failed."""
    open_states = [TaskState.WAITING, TaskState.RUNNING, TaskState.FAILED]
    query = select(Task).where(Task.kind == kind, Task.state.in_(open_states))
    found = db.session.scalars(query.order_by(Task.id.desc()).limit(200))
    return next((task for task in found if mailing.id in task.params.get("mailings", ())), None)


def stop(mailing: Mailing) -> int:
    """Cancel what has not left yet; returns how many mails. Commits.

    :raises Conflict: there is nothing left to stop.
    """
    ids = together(mailing)
    if not _move(ids, MOVING, MailingState.STOPPED, finished_at=utcnow()):
        db.session.rollback()
        raise Conflict(_l("This mail is not being sent any more."))
    cancelled = db.session.execute(
        update(Message)
        .where(Message.mailing_id.in_(ids), is_waiting())
        .values(state=MessageState.CANCELLED.value)
        .execution_options(synchronize_session=False)
    )
    count: int = cancelled.rowcount  # type: ignore[attr-defined]
    audit.record("list_mail.stop", mailing, cancelled=count)
    db.session.commit()
    return count


def retry_failed(mailing: Mailing) -> int:
    """Queue the failed mails again, but those without their document; commits. Returns how many.

    :raises Conflict: none has failed.
    """
    failed = Message.mailing_id.in_(together(mailing)) & (Message.reason != "document")
    again = queue_again(failed, MessageState.FAILED)
    if not again:
        db.session.rollback()
        raise Conflict(_l("No mail has failed."))
    audit.record("list_mail.retry", mailing, mails=again)
    db.session.commit()
    return again


def retry(message: Message) -> None:
    """Queue one failed mail again; commits.

    :raises Conflict: it has not failed, or its document could not be made.
    """
    this = (Message.id == message.id) & (Message.reason != "document")
    if not queue_again(this, MessageState.FAILED):
        db.session.rollback()
        raise Conflict(_l("Only a mail that failed can be sent again."))
    audit.record("list_mail.retry", message.mailing, mails=1)
    db.session.commit()


def _move(
    ids: Sequence[int], before: Sequence[MailingState], after: MailingState, **values: Any
) -> int:
    statement = (
        update(Mailing)
        .where(Mailing.id.in_(ids), Mailing.state.in_(before))
        .values(state=after.value, **values)
        .execution_options(synchronize_session=False)
    )
    moved: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    return moved
