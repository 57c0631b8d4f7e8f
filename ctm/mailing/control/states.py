"""The states of a campaign and its mailings, moved by compare-and-set."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update

from ctm import counters, sql
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.outbox import is_waiting
from ctm.models import Campaign, CampaignState, Mailing, MailingState, Message, MessageState

STARTABLE = (
    CampaignState.DRAFT,
    CampaignState.SCHEDULED,
    CampaignState.OVERDUE,
    CampaignState.STOPPED,
    CampaignState.FINISHED,
)


def move(
    campaign: Campaign,
    before: Sequence[CampaignState],
    after: CampaignState,
    **values: object,
) -> None:
    """Compare and set the campaign's state in the current transaction."""
    statement = (
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state.in_(before))
        .values(state=after.value, **values)
        .execution_options(synchronize_session=False)
    )
    changed = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    if changed != 1:
        db.session.rollback()
        raise Conflict(
            _l(
                "The campaign is not in a state that allows this any more. Look again at what "
                "it is doing."
            )
        )
    db.session.expire(campaign)


def set_mailings(campaign: Campaign, before: Sequence[MailingState], after: MailingState) -> None:
    db.session.execute(
        update(Mailing)
        .where(Mailing.campaign_id == campaign.id, Mailing.state.in_(before))
        .values(state=after.value)
        .execution_options(synchronize_session=False)
    )
    sql.announce(db.session)


def _cancellable(campaign_id: int) -> ColumnElement[bool]:
    """Waiting mails of a campaign's stopped mailings."""
    stopped = select(Mailing.id).where(
        Mailing.campaign_id == campaign_id, Mailing.state == MailingState.STOPPED
    )
    return Message.mailing_id.in_(stopped) & is_waiting()


def count_waiting(campaign_id: int) -> int:
    """How many mails :func:`cancel_waiting` would cancel."""
    return db.session.scalar(select(func.count()).where(_cancellable(campaign_id))) or 0


def cancel_waiting(campaign_id: int, most: int | None = None) -> int:
    """Cancel waiting mails of a campaign's stopped mailings, at most ``most`` of them, in the
    current transaction; returns how many."""
    condition = _cancellable(campaign_id)
    if most is not None:
        condition = Message.id.in_(select(Message.id).where(condition).limit(most)) & is_waiting()
    statement = (
        update(Message)
        .where(condition)
        .values(state=MessageState.CANCELLED.value)
        .execution_options(synchronize_session=False)
    )
    cancelled: int = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    counters.add(campaign_id, {"queued": -cancelled, "cancelled": cancelled})
    return cancelled
