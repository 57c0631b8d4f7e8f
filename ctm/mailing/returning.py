"""What a restored outbox may do: nothing, until a manager has looked (X2).

A backup knows what had left when it was made. Mails that left afterwards are "to be sent" in it:
sent on, they would arrive twice. So a restore holds every campaign that had mails to send, and
puts into doubt what workers had in their hands.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_datetime
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from ctm import audit, counters, settings
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import outbox, settling
from ctm.models import (
    PENDING,
    UNDER_WAY,
    WAITING,
    AuditEntry,
    Campaign,
    CampaignState,
    Lease,
    Mailing,
    MailingState,
    Message,
    MessageState,
    OfficeSetting,
    Task,
    TaskState,
    Worker,
)

NOTICE = "restored"
ENDED_TASKS = ("backup", "campaign.delete", "campaign.queue", "campaign.retry")
_HELD = "held:"
_STATES = (
    CampaignState.RUNNING,
    CampaignState.PAUSED,
    CampaignState.SCHEDULED,
    CampaignState.OVERDUE,
)


@dataclass(frozen=True)
class Held:
    """What a restore holds: campaigns, mails of theirs still to be sent, mails put into doubt."""

    campaigns: int
    mails: int
    doubtful: int


@dataclass(frozen=True)
class Hold:
    """Why a campaign may not go on: it came back from a backup made at ``made_at`` (UTC), with
    ``waiting`` mails still to be sent then."""

    made_at: datetime
    waiting: int


# -- when restoring ------------------------------------------------------------------------------


def hold(engine: Engine, made_at: datetime) -> Held:
    """Hold everything that could send in a database just restored, before anything uses it."""
    words = _("The office was restored from a backup made while this mail was leaving.")
    doubtful = _doubt_claims(engine, words)
    with engine.begin() as connection:
        _cancel_loose(connection)
        waiting = _waiting(connection)
        held: dict[int, int] = {
            campaign_id: waiting.get(campaign_id, 0)
            for campaign_id, state in connection.execute(
                select(Campaign.id, Campaign.state).where(Campaign.state.in_(_STATES))
            )
            if waiting.get(campaign_id) or state in _STATES[2:]
        }
        half = _stop_queueing(connection)
        held |= {campaign_id: waiting.get(campaign_id, 0) for campaign_id in half}
        _pause(connection, list(held))
        _forget_the_living(connection)
        mails = sum(held.values())
        _note(connection, held, made_at, mails)
    return Held(len(held), mails, doubtful)


def _doubt_claims(engine: Engine, words: str) -> int:
    """Put into doubt whatever a worker held: nobody is left to say what became of it."""
    query = select(Message.worker, *outbox.CLAIMED_COLUMNS).where(Message.state.in_(UNDER_WAY))
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    doubts: dict[str, list[outbox.Result]] = defaultdict(list)
    for worker, *values in rows:
        doubts[worker or ""].append(
            outbox.Result(
                outbox.Claimed(*values),
                MessageState.UNCERTAIN,
                utcnow(),
                reason="interrupted",
                words=words,
            )
        )
    for worker, results in doubts.items():
        settling.settle(engine, worker, results)
    return len(rows)


def _waiting(connection: Connection) -> dict[int, int]:
    query = (
        select(Message.campaign_id, func.count())
        .where(Message.state.in_(PENDING), Message.campaign_id.is_not(None))
        .group_by(Message.campaign_id)
    )
    return {int(row[0] or 0): int(row[1]) for row in connection.execute(query)}


def _cancel_loose(connection: Connection) -> None:
    """Mails outside campaigns (tests) that were to leave just then are given up."""
    loose = select(Mailing.id).where(Mailing.campaign_id.is_(None))
    connection.execute(
        update(Message)
        .where(Message.mailing_id.in_(loose), Message.state.in_(WAITING))
        .values(state=MessageState.CANCELLED.value)
    )
    connection.execute(
        update(Mailing)
        .where(Mailing.campaign_id.is_(None), Mailing.state == MailingState.RUNNING)
        .values(state=MailingState.STOPPED.value)
    )


def _stop_queueing(connection: Connection) -> list[int]:
    """Campaigns whose mails were just being put in the queue are stopped: half of them would
    leave otherwise. Returns which."""
    half = select(Mailing.id).where(Mailing.state == MailingState.QUEUEING)
    cancelled = connection.execute(
        update(Message)
        .where(Message.mailing_id.in_(half), Message.state.in_(WAITING))
        .values(state=MessageState.CANCELLED.value)
        .returning(Message.campaign_id)
    ).scalars()
    for campaign_id, count in Counter(cancelled).items():
        if campaign_id is not None:
            counters.add(campaign_id, {"queued": -count, "cancelled": count}, connection)
    stopped = connection.execute(
        update(Mailing)
        .where(Mailing.state == MailingState.QUEUEING)
        .values(state=MailingState.STOPPED.value)
        .returning(Mailing.campaign_id)
    ).scalars()
    ids = sorted({number for number in stopped if number is not None})
    connection.execute(
        update(Campaign)
        .where(Campaign.id.in_(ids))
        .values(state=CampaignState.STOPPED.value, finished_at=utcnow())
    )
    return ids


def _pause(connection: Connection, campaign_ids: list[int]) -> None:
    steps = (
        (CampaignState.RUNNING, CampaignState.PAUSED),
        (CampaignState.SCHEDULED, CampaignState.OVERDUE),
    )
    for before, after in steps:
        connection.execute(
            update(Campaign)
            .where(Campaign.id.in_(campaign_ids), Campaign.state == before.value)
            .values(state=after.value)
        )
    connection.execute(
        update(Mailing)
        .where(Mailing.campaign_id.in_(campaign_ids), Mailing.state == MailingState.RUNNING)
        .values(state=MailingState.PAUSED.value)
    )


def _forget_the_living(connection: Connection) -> None:
    """Workers, leases, a backup, a queueing or a deletion under way were another life's."""
    connection.execute(delete(Worker))
    connection.execute(delete(Lease))
    connection.execute(
        update(Task)
        .where(Task.kind.in_(ENDED_TASKS), Task.state.in_([TaskState.WAITING, TaskState.RUNNING]))
        .values(state=TaskState.CANCELLED.value, finished_at=utcnow())
    )


def _note(connection: Connection, held: dict[int, int], made_at: datetime, mails: int) -> None:
    connection.execute(
        delete(OfficeSetting).where(
            OfficeSetting.name.startswith(_HELD, autoescape=True) | (OfficeSetting.name == NOTICE)
        )
    )
    at, now = made_at.isoformat(), utcnow()
    values: list[dict[str, Any]] = [
        {"name": f"{_HELD}{number}", "value": {"value": {"made_at": at, "waiting": waiting}}}
        for number, waiting in held.items()
    ]
    kept = {"made_at": at, "restored_at": now.isoformat(), "campaigns": len(held), "mails": mails}
    values.append({"name": NOTICE, "value": {"value": kept}})
    connection.execute(insert(OfficeSetting), values)
    connection.execute(
        insert(AuditEntry),
        [{"at": now, "user_name": "command line", "action": "office.restore", "detail": kept}],
    )


# -- afterwards ----------------------------------------------------------------------------------


def hold_of(campaign: Campaign) -> Hold | None:
    """Why the campaign is held, if it is."""
    kept = settings.get(f"{_HELD}{campaign.id}")
    return Hold(datetime.fromisoformat(kept["made_at"]), int(kept["waiting"])) if kept else None


def words(hold: Hold) -> str:
    """What to tell about a held campaign."""
    text = _(
        "Restored from the backup of %(at)s: %(mails)s mails were still to be sent then; some may "
        "have left since.",
        at=format_datetime(hold.made_at, "medium"),
        mails=hold.waiting,
    )
    return str(text)


def require_released(campaign: Campaign) -> None:
    """
    :raises Conflict: the campaign came back from a backup and nobody has confirmed it yet.
    """
    held = hold_of(campaign)
    if held is not None:
        raise Conflict(
            words(held) + " " + _l("Look at what has left, then confirm that it may go on.")
        )


def release(campaign: Campaign) -> None:
    """Somebody has looked: the campaign may send again.

    :raises Conflict: it is not held.
    """
    if hold_of(campaign) is None:
        raise Conflict(_l("This campaign is not held: there is nothing to confirm."))
    db.session.execute(delete(OfficeSetting).where(OfficeSetting.name == f"{_HELD}{campaign.id}"))
    audit.record("campaign.release", campaign)
    db.session.commit()


def notice() -> datetime | None:
    """From when (UTC) the restored office's data are, until somebody has read it."""
    kept = settings.get(NOTICE)
    return datetime.fromisoformat(kept["made_at"]) if kept else None


def dismiss() -> None:
    """The notice was read."""
    db.session.execute(delete(OfficeSetting).where(OfficeSetting.name == NOTICE))
    audit.record("office.restore_read", None)
    db.session.commit()
