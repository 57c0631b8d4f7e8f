"""A start at a chosen moment."""

from datetime import datetime, timedelta

from sqlalchemy import select

from ctm import audit
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import returning, snapshot
from ctm.mailing.control.running import start
from ctm.mailing.control.states import STARTABLE, move
from ctm.models import Campaign, CampaignState

OVERDUE_AFTER = timedelta(minutes=5)


def schedule(campaign: Campaign, at: datetime) -> None:
    """Start by itself at ``at`` (naive UTC).

    :raises InvalidInput: a moment that has passed.
    """
    if at <= utcnow():
        raise InvalidInput(_l("This moment has passed. Choose a later one."), "scheduled_at")
    returning.require_released(campaign)
    snapshot.account_of(campaign)
    move(campaign, STARTABLE, CampaignState.SCHEDULED, scheduled_at=at)
    audit.record("campaign.schedule", campaign, at=at.isoformat())
    db.session.commit()


def unschedule(campaign: Campaign) -> None:
    """Forget the planned start."""
    move(
        campaign,
        [CampaignState.SCHEDULED, CampaignState.OVERDUE],
        CampaignState.DRAFT,
        scheduled_at=None,
    )
    audit.record("campaign.unschedule", campaign)
    db.session.commit()


def start_due(now: datetime | None = None) -> int:
    """Start the campaigns whose moment has come; returns how many.

    A start that is late (the server was off) or refused is not fired: it waits for a person.
    """
    now = now or utcnow()
    query = select(Campaign).where(
        Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= now
    )
    started = 0
    for campaign in db.session.scalars(query).all():
        planned = campaign.scheduled_at or now
        try:
            if now - planned > OVERDUE_AFTER:
                _hold_overdue(campaign, "late")
            else:
                start(campaign)
                started += 1
        except CtmError as error:
            db.session.rollback()
            _hold_overdue(campaign, str(error))
    return started


def _hold_overdue(campaign: Campaign, why: str) -> None:
    """Let the campaign wait for a person, unless one has decided in the meantime."""
    try:
        move(campaign, [CampaignState.SCHEDULED], CampaignState.OVERDUE)
    except Conflict:
        return
    audit.record("campaign.overdue", campaign, why=why)
    db.session.commit()
