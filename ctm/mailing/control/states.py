"""The states of a campaign and its mailings, moved by compare-and-set."""

from collections.abc import Sequence

from sqlalchemy import update

from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Campaign, CampaignState, Mailing, MailingState

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
