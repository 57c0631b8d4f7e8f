"""Putting a campaign's mails in the queue: a few at once, many in the background and in steps.

A mailing that is being filled is ``queueing``: nothing of it leaves before all of it is there.
Each step takes the next members in the order they were added and is a transaction of its own, so
that others can write in between, the work can be stopped, and after a crash it goes on: whoever
has a mail of this mailing already gets no second one.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, literal, null, select, update
from sqlalchemy.sql import ColumnElement

from ctm import audit, counters, sql
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import recipients, snapshot
from ctm.mailing.control.states import cancel_waiting, move
from ctm.models import (
    Campaign,
    CampaignMember,
    CampaignState,
    Mailing,
    MailingState,
    Message,
    MessageState,
    Task,
    User,
)
from ctm.tasks import Cancelled, Progress, submit, task_kind

AT_ONCE = 20_000
STEP = 20_000
CACHE_KB = 96 * 1024
TASK = "campaign.queue"
NOBODY = _l("There is nobody to send to: see who is left out and why.")

_unsynchronized = {"synchronize_session": False}


def is_large(campaign: Campaign) -> bool:
    """Whether queueing the campaign would hold a request for long."""
    members = select(CampaignMember.id).where(CampaignMember.campaign_id == campaign.id)
    return db.session.scalar(members.offset(AT_ONCE).limit(1)) is not None


def queue_now(campaign: Campaign, mailing: Mailing) -> int:
    """Queue all in the current transaction; returns how many mails."""
    cancel_waiting(campaign.id)
    set_aside(campaign)
    queued = insert(campaign, mailing)
    counters.add(campaign.id, {"total": queued, "queued": queued})
    return queued


def queue_later(campaign: Campaign, mailing: Mailing, before: str) -> Task:
    """Let it be done in the background; commits. ``before`` was the campaign's state."""
    mailing.state = MailingState.QUEUEING
    params = {"mailing": mailing.id, "campaign": campaign.id, "before": str(before)}
    user_id = audit.actor().user_id
    owner = db.session.get(User, user_id) if user_id else None
    return submit(TASK, _("Prepare the mails of “%(name)s”", name=campaign.name), params, owner)


def queue_in_steps(campaign: Campaign, mailing: Mailing, before: str) -> int:
    """Do it here and now, in the same steps; returns how many mails.

    :raises Conflict: there is nobody to send to.
    """
    mailing.state = MailingState.QUEUEING
    db.session.commit()
    return fill(campaign, mailing, CampaignState(before), _commit, _commit)


def _commit(_number: int) -> None:
    db.session.commit()


def is_queueing(campaign: Campaign) -> bool:
    """Whether mails of the campaign are being put in the queue."""
    query = select(Mailing.id).where(
        Mailing.campaign_id == campaign.id, Mailing.state == MailingState.QUEUEING
    )
    return db.session.scalar(query.limit(1)) is not None


def insert(campaign: Campaign, mailing: Mailing, after: int = 0, upto: int | None = None) -> int:
    """Queue mails to the members after one and up to another; returns how many are new."""
    found = recipients.chosen(campaign, after, upto)
    domain = snapshot.message_domain(mailing)
    message_id = literal("<") + sql.random_hex(db.session) + literal(f"@{domain}>")
    row: dict[str, ColumnElement[Any]] = {
        "mailing_id": literal(mailing.id),
        "account_id": literal(mailing.account_id),
        "campaign_id": literal(campaign.id),
        "member_id": found.c.member_id,
        "client_id": found.c.client_id,
        "recipient_key": found.c.key,
        "to_address": found.c.address,
        "to_name": found.c.name,
        "source": found.c.source,
        "message_id": message_id,
        "state": literal(MessageState.QUEUED.value),
        "priority": literal(mailing.priority),
        "created_at": literal(utcnow()),
    }
    row |= {name: literal("") for name in ("reason", "server_words")}
    row |= {name: literal(0) for name in ("attempts", "opens", "clicks", "machine_hits")}
    query = select(*row.values()).where(literal(1) == 1)
    query = query.order_by(found.c.member_id, found.c.rank)
    statement = sql.insert(db.session, Message.__table__)  # type: ignore[arg-type]
    statement = statement.from_select(list(row), query).on_conflict_do_nothing()
    inserted = db.session.execute(statement, execution_options={"preserve_rowcount": True})
    queued: int = inserted.rowcount  # type: ignore[attr-defined]
    return queued


def set_aside(campaign: Campaign, most: int | None = None) -> int:
    """Mails of earlier runs that never left make room for those queued now; returns how many."""
    again = Message.state.in_(recipients.ALLOWED_AGAIN)
    condition: ColumnElement[bool] = (Message.campaign_id == campaign.id) & again
    if most is not None:
        condition = Message.id.in_(select(Message.id).where(condition).limit(most))
    statement = (
        update(Message)
        .where(condition)
        .values(campaign_id=null(), member_id=null())
        .returning(Message.state)
    )
    found = db.session.execute(statement, execution_options=_unsynchronized)
    states = Counter(found.scalars())
    deltas = {state: -count for state, count in states.items()}
    counters.add(campaign.id, deltas | {"total": -states.total()})
    return states.total()


@task_kind(TASK, repeatable=True)
def _queue(task: Task, progress: Progress) -> None:
    mailing_id, before = task.params["mailing"], CampaignState(task.params["before"])
    campaign = db.session.get(Campaign, task.params["campaign"])
    mailing = db.session.get(Mailing, mailing_id)
    if campaign is None or mailing is None:
        return
    try:
        fill(campaign, mailing, before, progress.set_total, progress.advance)
    except Cancelled:
        _give_up(campaign, mailing_id)
        raise


def fill(
    campaign: Campaign,
    mailing: Mailing,
    before: CampaignState,
    set_total: Callable[[int], None],
    advance: Callable[[int], None],
) -> int:
    """Put a ``queueing`` mailing's mails in the queue in steps, then let them leave.

    ``advance`` hears how many members are done, and commits. Returns how many mails.

    :raises Conflict: there is nobody to send to; the campaign is in its state ``before`` again.
    """
    campaign_id, mailing_id = campaign.id, mailing.id
    members = CampaignMember.campaign_id == campaign_id
    last = db.session.scalar(select(func.max(CampaignMember.id)).where(members)) or 0
    set_total(db.session.scalar(select(func.count()).where(members)) or 0)
    while cancel_waiting(campaign_id, STEP) or set_aside(campaign, STEP):
        advance(0)
    mine = Message.mailing_id == mailing_id
    after = db.session.scalar(select(func.max(Message.member_id)).where(mine)) or 0
    done = members & (CampaignMember.id <= after)
    advance(db.session.scalar(select(func.count()).where(done)) or 0)
    while after < last:
        if not _still_queueing(mailing_id):
            db.session.rollback()
            return 0
        step = select(CampaignMember.id).where(recipients.of_span(campaign, after, last))
        some = db.session.scalars(step.order_by(CampaignMember.id).limit(STEP)).all()
        if not some:
            break
        with sql.larger_cache(db.session, CACHE_KB):
            queued = insert(campaign, mailing, after, some[-1])
        counters.add(campaign_id, {"total": queued, "queued": queued})
        after = some[-1]
        advance(len(some))
    return _let_leave(campaign, mailing_id, before)


def _still_queueing(mailing_id: int) -> bool:
    """Whether nobody has stopped it; until the transaction ends nobody can."""
    same = {"state": MailingState.QUEUEING.value}
    return _move_mailing(mailing_id, same)


def _move_mailing(mailing_id: int, values: dict[str, Any]) -> bool:
    statement = (
        update(Mailing)
        .where(Mailing.id == mailing_id, Mailing.state == MailingState.QUEUEING)
        .values(values)
    )
    changed = db.session.execute(statement, execution_options=_unsynchronized)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _let_leave(campaign: Campaign, mailing_id: int, before: CampaignState) -> int:
    count = select(func.count()).where(Message.mailing_id == mailing_id)
    queued = db.session.scalar(count) or 0
    if not _still_queueing(mailing_id):
        db.session.rollback()
        return 0
    if queued == 0:
        _move_mailing(mailing_id, {"state": MailingState.STOPPED.value, "finished_at": utcnow()})
        move(campaign, [CampaignState.RUNNING, CampaignState.PAUSED], before)
        db.session.commit()
        raise Conflict(NOBODY)
    db.session.refresh(campaign)
    paused = campaign.state == CampaignState.PAUSED
    state = MailingState.PAUSED if paused else MailingState.RUNNING
    _move_mailing(mailing_id, {"state": state.value})
    audit.record("campaign.start", campaign, mails=queued)
    db.session.commit()
    return queued


def _give_up(campaign: Campaign, mailing_id: int) -> None:
    """Somebody stopped the work: so is the campaign. What was queued is cancelled."""
    db.session.rollback()
    stopped = {"state": MailingState.STOPPED.value, "finished_at": utcnow()}
    if not _move_mailing(mailing_id, stopped):
        db.session.rollback()
        return
    moving = [CampaignState.RUNNING, CampaignState.PAUSED]
    move(campaign, moving, CampaignState.STOPPED, finished_at=utcnow())
    audit.record("campaign.stop", campaign)
    db.session.commit()
