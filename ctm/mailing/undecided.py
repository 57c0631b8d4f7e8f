"""Mails whose fate is unknown, waiting for a person: send again, or let them be (X2)."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.sql import ColumnElement

from ctm import audit
from ctm.extensions import db
from ctm.mailing.requeue import of_kept_campaign, queue_again
from ctm.models import Campaign, CampaignState, Message, MessageState

LEFT = "left"


def waiting() -> ColumnElement[bool]:
    """The condition of a message that somebody has to decide."""
    undecided = (Message.state == MessageState.UNCERTAIN.value) & (Message.reason != LEFT)
    return undecided & of_kept_campaign()


def resend(message_ids: Iterable[int]) -> int:
    """Send undecided mails again, with the same Message-ID; returns how many."""
    ids = list(message_ids)
    again = queue_again(Message.id.in_(ids) & waiting(), MessageState.UNCERTAIN)
    owners = select(Message.campaign_id).where(
        Message.id.in_(ids), Message.state == MessageState.QUEUED
    )
    db.session.execute(
        update(Campaign)
        .where(
            Campaign.id.in_(owners),
            Campaign.state.in_([CampaignState.FINISHED, CampaignState.STOPPED]),
        )
        .values(state=CampaignState.RUNNING.value, finished_at=None)
        .execution_options(synchronize_session=False)
    )
    audit.record("mail.resend_uncertain", None, mails=again, ids=ids[:100])
    db.session.commit()
    return again


def leave(message_ids: Iterable[int]) -> int:
    """Let undecided mails be: they stay ``uncertain`` and are not asked about again."""
    ids = list(message_ids)
    statement = (
        update(Message)
        .where(Message.id.in_(ids), waiting())
        .values(reason=LEFT)
        .execution_options(synchronize_session=False)
    )
    left: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    audit.record("mail.leave_uncertain", None, mails=left, ids=ids[:100])
    db.session.commit()
    return left
