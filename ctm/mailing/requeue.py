"""Mails that go back into the queue because a person said so."""

from sqlalchemy import func, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from ctm import counters
from ctm.extensions import db
from ctm.models import Campaign, CampaignState, Mailing, MailingState, Message, MessageState


def of_kept_campaign() -> ColumnElement[bool]:
    """Whether a message belongs to no campaign, or to one that is not being deleted."""
    campaign = aliased(Campaign)
    going = select(campaign.id).where(campaign.state == CampaignState.DELETING.value)
    return func.coalesce(Message.campaign_id, 0).not_in(going)


def queue_again(condition: ColumnElement[bool], state: MessageState) -> int:
    """Messages in ``state`` become queued; their mailings run again. Returns how many.

    Those of a campaign that is being deleted stay as they are: it never sends again.
    """
    statement = (
        update(Message)
        .where(condition, Message.state == state, of_kept_campaign())
        .values(state=MessageState.QUEUED.value, due_at=None, worker=None, reason="", attempts=0)
        .returning(Message.mailing_id, Message.campaign_id)
        .execution_options(synchronize_session=False)
    )
    rows = db.session.execute(statement).all()
    for campaign_id in {row.campaign_id for row in rows if row.campaign_id is not None}:
        count = sum(row.campaign_id == campaign_id for row in rows)
        counters.add(campaign_id, {state.value: -count, "queued": count})
    for mailing_id in {row.mailing_id for row in rows}:
        db.session.execute(
            update(Mailing)
            .where(
                Mailing.id == mailing_id,
                Mailing.state.in_([MailingState.FINISHED, MailingState.STOPPED]),
            )
            .values(state=MailingState.RUNNING.value, finished_at=None)
            .execution_options(synchronize_session=False)
        )
    return len(rows)
