"""Start, pause, resume, stop, retry."""

from collections import Counter
from typing import Any

from sqlalchemy import func, insert, literal, null, select, update
from sqlalchemy.sql import ColumnElement

from ctm import audit, counters, sql
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import recipients, returning, snapshot
from ctm.mailing.control.states import STARTABLE, move, set_mailings
from ctm.mailing.outbox import is_waiting
from ctm.mailing.requeue import queue_again
from ctm.models import (
    Campaign,
    CampaignState,
    Mailing,
    MailingKind,
    MailingState,
    Message,
    MessageState,
)


def start(campaign: Campaign) -> Mailing:
    """Queue the mails of a campaign and let them leave.

    :raises Conflict: it is running already, or there is nobody to send to.
    :raises CtmError: the mail cannot be made.
    """
    returning.require_released(campaign)
    now = utcnow()
    move(campaign, STARTABLE, CampaignState.RUNNING, started_at=now, scheduled_at=None)
    try:
        mailing = snapshot.take(campaign, MailingKind.CAMPAIGN, audit.actor().user_id)
    except CtmError:
        db.session.rollback()
        raise
    db.session.flush()
    queued = _queue(campaign, mailing)
    if queued == 0:
        db.session.rollback()
        raise Conflict(_l("There is nobody to send to: see who is left out and why."))
    counters.add(campaign.id, {"total": queued, "queued": queued})
    audit.record("campaign.start", campaign, mails=queued)
    db.session.commit()
    return mailing


def _queue(campaign: Campaign, mailing: Mailing) -> int:
    """One INSERT … SELECT: the ledger of everybody who gets this mailing."""
    _set_aside(campaign)
    found = recipients.judged(campaign)
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
    chosen = (
        select(*row.values()).where(found.c.reason == "").order_by(found.c.member_id, found.c.rank)
    )
    db.session.execute(insert(Message).from_select(list(row), chosen))
    mine = select(func.count()).select_from(Message).where(Message.mailing_id == mailing.id)
    return db.session.scalar(mine) or 0


def _set_aside(campaign: Campaign) -> None:
    """Mails of earlier runs that never left make room for those queued now."""
    statement = (
        update(Message)
        .where(Message.campaign_id == campaign.id, Message.state.in_(recipients.ALLOWED_AGAIN))
        .values(campaign_id=null(), member_id=null())
        .returning(Message.state)
        .execution_options(synchronize_session=False)
    )
    states = Counter(db.session.execute(statement).scalars())
    deltas = {state: -count for state, count in states.items()}
    counters.add(campaign.id, deltas | {"total": -states.total()})


def pause(campaign: Campaign) -> None:
    """Let no further mail begin; the one in flight finishes."""
    move(campaign, [CampaignState.RUNNING], CampaignState.PAUSED)
    set_mailings(campaign, [MailingState.RUNNING], MailingState.PAUSED)
    audit.record("campaign.pause", campaign)
    db.session.commit()


def resume(campaign: Campaign) -> None:
    """Go on where it was paused.

    :raises Conflict: it is not paused, or came back from a backup and was not released yet.
    """
    returning.require_released(campaign)
    move(campaign, [CampaignState.PAUSED], CampaignState.RUNNING)
    set_mailings(campaign, [MailingState.PAUSED], MailingState.RUNNING)
    audit.record("campaign.resume", campaign)
    db.session.commit()


def stop(campaign: Campaign) -> int:
    """Cancel what has not left yet; returns how many mails. A later start takes them up again."""
    move(
        campaign,
        [CampaignState.RUNNING, CampaignState.PAUSED],
        CampaignState.STOPPED,
        finished_at=utcnow(),
    )
    set_mailings(campaign, [MailingState.RUNNING, MailingState.PAUSED], MailingState.STOPPED)
    cancelled = cancel_waiting(campaign.id)
    audit.record("campaign.stop", campaign, cancelled=cancelled)
    db.session.commit()
    return cancelled


def cancel_waiting(campaign_id: int) -> int:
    """Cancel waiting mails of a campaign's stopped mailings, in the current transaction."""
    stopped = select(Mailing.id).where(
        Mailing.campaign_id == campaign_id, Mailing.state == MailingState.STOPPED
    )
    statement = (
        update(Message)
        .where(Message.mailing_id.in_(stopped), is_waiting())
        .values(state=MessageState.CANCELLED.value)
        .execution_options(synchronize_session=False)
    )
    cancelled: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    counters.add(campaign_id, {"queued": -cancelled, "cancelled": cancelled})
    return cancelled


def retry_failed(campaign: Campaign) -> int:
    """Queue the failed mails of a campaign again; returns how many."""
    before = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.RUNNING)
    move(campaign, before, CampaignState.RUNNING, finished_at=None)
    again = queue_again(Message.campaign_id == campaign.id, MessageState.FAILED)
    if not again:
        db.session.rollback()
        raise Conflict(_l("No mail of this campaign has failed."))
    audit.record("campaign.retry_failed", campaign, mails=again)
    db.session.commit()
    return again
