"""Sending a draft: its mails are put in the queue in the background, in steps.

As with campaigns nothing of a mailing leaves before all of it is queued, each step is a
transaction of its own, and after a crash the work goes on: whoever has a mail of this mailing
already gets no second one.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import make_msgid
from typing import Any

from sqlalchemy import func, insert, select, update

from ctm import audit, bulk, files, sql
from ctm.clock import utcnow
from ctm.documents import Document, Job, Pool
from ctm.errors import Conflict, InvalidInput, NotAllowed
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import snapshot
from ctm.mailing import values as merge_values
from ctm.mailing.listmail import forecasting, letters, sources
from ctm.mailing.listmail.letters import Letter
from ctm.mailing.listmail.recipients import Planned, planned
from ctm.mailing.outbox import is_waiting
from ctm.models import (
    MailDraft,
    Mailing,
    MailingState,
    Message,
    MessageFile,
    MessageState,
    SmtpAccount,
    Task,
    TrackedLink,
    User,
)
from ctm.permissions import require_account
from ctm.tasks import Cancelled, Progress, submit, task_kind

TASK = "listmail.queue"
LONGEST_WORDS = 4000
# by the mail's key: its documents, or the words for why there is none
Made = dict[str, list[Document | str]]
NOBODY = _l("There is nobody to send to: see who is left out and why.")

_unsynchronized = {"synchronize_session": False}


def send(draft: MailDraft, user: User) -> Mailing:
    """Let a draft be sent; commits. Its mails are queued in the background.

    :raises NotAllowed: the user may not send from the account (any more).
    :raises InvalidInput: something is wrong with the draft; ``field`` says where.
    :raises Conflict: it has been sent already.
    """
    if draft.owner_id != user.id:
        raise NotAllowed(_l("This mail is somebody else’s."))
    letter = letters.read(draft)
    problems = letters.check(letter)
    if problems:
        raise InvalidInput(problems[0][1], problems[0][0])
    assert letter.account is not None
    require_account(user, letter.account)
    first = _take(letter, letter.account)
    mailings = [first]
    if letter.overflow is not None:
        mailings.append(_take(letter, letter.overflow))
        first.options = first.options | {"reserve": mailings[1].id}
    claim = (
        update(MailDraft)
        .where(MailDraft.id == draft.id, MailDraft.mailing_id.is_(None))
        .values(mailing_id=first.id)
        .execution_options(**_unsynchronized)
    )
    if not db.session.execute(claim).rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        raise Conflict(_l("This mail has been sent already."))
    audit.record("list_mail.send", first, module=draft.module, rows=len(draft.row_ids))
    title = _("Prepare the mail “%(subject)s”", subject=first.subject)
    ids = [each.id for each in mailings]
    db.session.flush()
    submit(TASK, title, {"draft": draft.id, "mailings": ids}, user)
    db.session.refresh(draft)
    return first


def _take(letter: Letter, account: SmtpAccount) -> Mailing:
    """The snapshot, kept, with its links."""
    mailing = letters.build(letter, account)
    mailing.state = MailingState.QUEUEING
    compiled = snapshot.compile_mailing(mailing)
    mailing.links = [
        TrackedLink(position=position, url=url)
        for position, url in enumerate(compiled.links, start=1)
    ]
    db.session.add(mailing)
    db.session.flush()
    return mailing


@task_kind(TASK, repeatable=True)
def _queue(task: Task, progress: Progress) -> None:
    draft = db.session.get(MailDraft, task.params["draft"])
    ids: list[int] = task.params["mailings"]
    if draft is None or db.session.get(Mailing, ids[0]) is None:
        return
    try:
        fill(draft, ids, progress)
    except Cancelled:
        db.session.rollback()
        _move(ids, MailingState.STOPPED, finished_at=utcnow())
        db.session.commit()
        raise


def fill(draft: MailDraft, ids: list[int], progress: Progress) -> None:
    """Put a ``queueing`` mailing's mails in the queue, then let them leave.

    :raises Conflict: there is nobody to send to.
    """
    letter = letters.read(draft)
    mailings = [db.session.get_one(Mailing, number) for number in ids]
    progress.set_total(len(draft.row_ids))
    room = _room(letter, mailings)
    with ExitStack() as stack:
        pool = stack.enter_context(Pool()) if mailings[0].documents else None
        for group in planned(letter, draft.row_ids):
            rows = len({number for each in group for number in each.row.row_ids})
            fresh = _unqueued(ids, group)
            for some in sources.chunks(fresh, 50) if pool else [fresh]:
                made = _documents(letter, mailings[0], some, pool) if pool else {}
                db.session.commit()
                if not _move(ids, MailingState.QUEUEING):
                    _forget_waiting(ids)
                    return
                room = _insert(letter, mailings, some, room, made)
                progress.advance(0)
            progress.advance(rows)
    _let_leave(ids)


def _forget_waiting(ids: list[int]) -> None:
    """Somebody stopped it meanwhile: what was queued since is cancelled too."""
    waiting = update(Message).where(Message.mailing_id.in_(ids), is_waiting())
    cancelled = waiting.values(state=MessageState.CANCELLED.value)
    db.session.execute(cancelled, execution_options=_unsynchronized)
    db.session.commit()


def _room(letter: Letter, mailings: list[Mailing]) -> int | None:
    """How many mails the first account takes before the reserve does; None: all."""
    if len(mailings) == 1 or letter.account is None:
        return None
    queued = select(func.count()).where(
        Message.mailing_id == mailings[0].id, Message.state == MessageState.QUEUED
    )
    room = forecasting.room_today(letter.account, letter, utcnow())
    return None if room is None else max(0, room - (db.session.scalar(queued) or 0))


def _unqueued(ids: list[int], group: list[Planned]) -> list[Planned]:
    """Those that have no message yet: an earlier run may have been cut short."""
    dialect = sql.dialect_name(db.session)
    query = select(Message.recipient_key).where(
        Message.mailing_id.in_(ids), bulk.among(dialect, Message.recipient_key, "keys", texts=True)
    )
    keys = {"keys": bulk.listed(dialect, [each.key for each in group])}
    known = set(db.session.scalars(query, keys))
    fresh: dict[str, Planned] = {}
    for each in group:
        if each.key not in known:
            fresh.setdefault(each.key, each)
    return list(fresh.values())


def _insert(
    letter: Letter,
    mailings: list[Mailing],
    some: Any,
    room: int | None,
    made: Made,
) -> int | None:
    """Queue these mails with their documents; returns how much room the first account has left."""
    domain = snapshot.message_domain(mailings[0])
    now = utcnow()
    rows, kept = [], []
    for each in some:
        found = made.get(each.key, [])
        failure = next((item for item in found if isinstance(item, str)), "")
        mailing = mailings[0]
        if not each.reason and not failure and room is not None:
            mailing, room = (mailings[0], room - 1) if room > 0 else (mailings[1], 0)
        rows.append(_row(letter, mailing, each, failure, domain, now))
        kept.append(
            [] if failure else [_store(item) for item in found if not isinstance(item, str)]
        )
    if not rows:
        return room
    if not made:
        db.session.execute(insert(Message), rows)
        return room
    statement = insert(Message).returning(Message.id, sort_by_parameter_order=True)
    numbers = db.session.scalars(statement, rows).all()
    links = [
        {"message_id": number, "file_id": file_id}
        for number, ids in zip(numbers, kept, strict=True)
        for file_id in ids
    ]
    if links:
        db.session.execute(insert(MessageFile), links)
    return room


def _row(
    letter: Letter, mailing: Mailing, each: Planned, failure: str, domain: str, now: Any
) -> dict[str, Any]:
    state = MessageState.SKIPPED if each.reason else MessageState.QUEUED
    reason = each.reason
    if failure:
        state, reason = MessageState.FAILED, "document"
    chosen = {key: (each.values or {}).get(key) for key in _kept_keys(letter)}
    return {
        "mailing_id": mailing.id,
        "account_id": mailing.account_id,
        "client_id": each.row.client_id,
        "recipient_key": each.key[:254],
        "to_address": each.address[:254],
        "to_name": each.name,
        "to_others": ", ".join(each.others),
        "source": each.source,
        "message_id": make_msgid(domain=domain),
        "merge_values": merge_values.freeze(chosen) if each.values is not None else None,
        "state": state.value,
        "reason": reason,
        "server_words": failure[:LONGEST_WORDS],
        "priority": mailing.priority,
        "row_id": each.row.row_id,
        "attempts": 0,
        "opens": 0,
        "clicks": 0,
        "machine_hits": 0,
        "created_at": now,
    }


def _kept_keys(letter: Letter) -> tuple[str, ...]:
    grouping = letter.module.grouping
    return (*letter.keys, grouping.block) if grouping else letter.keys


def _documents(letter: Letter, mailing: Mailing, some: Any, pool: Pool) -> Made:
    """Make the documents of each mail, before anything is written: nobody waits for them."""
    found: Made = {}
    for made in pool.map(_jobs(letter, mailing, some)):
        found.setdefault(str(made.key), []).append(made.document or str(made.error))
    return found


def _store(document: Document) -> int:
    return files.store(document.data, document.filename, document.content_type, limit=0).id


def _jobs(letter: Letter, mailing: Mailing, some: Any) -> Iterator[Job]:
    grouping = letter.module.grouping
    for each in some:
        if each.reason or each.values is None:
            continue
        listed = each.values.get(grouping.block) if grouping else None
        for kept in mailing.documents or []:
            yield Job(each.key, kept, each.values, listed or [each.values])


def _move(ids: list[int], state: MailingState, **values: Any) -> int:
    statement = (
        update(Mailing)
        .where(Mailing.id.in_(ids), Mailing.state == MailingState.QUEUEING)
        .values(state=state.value, **values)
    )
    changed = db.session.execute(statement, execution_options=_unsynchronized)
    moved: int = changed.rowcount  # type: ignore[attr-defined]
    return moved


def _let_leave(ids: list[int]) -> None:
    going = select(Message.id).where(
        Message.mailing_id.in_(ids), Message.state == MessageState.QUEUED
    )
    if not _move(ids, MailingState.QUEUEING):
        _forget_waiting(ids)
        return
    if db.session.scalar(going.limit(1)) is None:
        _move(ids, MailingState.STOPPED, finished_at=utcnow())
        db.session.commit()
        raise Conflict(NOBODY)
    _move(ids, MailingState.RUNNING)
    db.session.commit()
