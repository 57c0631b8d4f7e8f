"""Closing mailings and campaigns when nothing is left to send."""

from sqlalchemy import select, update

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.control.queueing import STEP
from ctm.mailing.control.states import cancel_waiting
from ctm.mailing.outbox import is_pending, is_waiting
from ctm.models import Campaign, CampaignState, Mailing, MailingState, Message


def finish_done() -> int:
    """Close mailings and campaigns with nothing left to send; returns how many mailings."""
    running = select(Mailing.id).where(
        Mailing.state == MailingState.RUNNING, ~is_pending(Mailing.id)
    )
    finished = sum(finish(mailing_id) for mailing_id in db.session.scalars(running).all())
    waiting = select(Message.id).where(Message.mailing_id == Mailing.id, is_waiting())
    left = select(Mailing.campaign_id).where(
        Mailing.state == MailingState.STOPPED, waiting.exists()
    )
    for campaign_id in set(db.session.scalars(left).all()):
        if campaign_id is not None:
            while cancel_waiting(campaign_id, STEP):
                db.session.commit()
            db.session.commit()
    return finished


def finish(mailing_id: int) -> bool:
    """Close a running mailing if nothing of it is left to send, and its campaign with it."""
    now = utcnow()
    statement = (
        update(Mailing)
        .where(
            Mailing.id == mailing_id, Mailing.state == MailingState.RUNNING, ~is_pending(mailing_id)
        )
        .values(state=MailingState.FINISHED.value, finished_at=now)
        .returning(Mailing.campaign_id)
        .execution_options(synchronize_session=False)
    )
    row = db.session.execute(statement).first()
    if row is not None and row.campaign_id is not None:
        others = select(Mailing.id).where(
            Mailing.campaign_id == row.campaign_id,
            Mailing.state.in_([MailingState.RUNNING, MailingState.QUEUEING]),
        )
        db.session.execute(
            update(Campaign)
            .where(
                Campaign.id == row.campaign_id,
                Campaign.state == CampaignState.RUNNING,
                ~others.exists(),
            )
            .values(state=CampaignState.FINISHED.value, finished_at=now)
            .execution_options(synchronize_session=False)
        )
    db.session.commit()
    return row is not None
