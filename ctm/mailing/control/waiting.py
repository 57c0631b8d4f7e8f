"""Why nothing of a running campaign leaves at the moment, and when it goes on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing import pace
from ctm.mailing.hours import read_hours
from ctm.models import Campaign, CampaignState, Mailing, MailingState

WORTH_SAYING = timedelta(seconds=20)


class Reason(StrEnum):
    """What the mails wait for."""

    HOURS = "hours"
    WINDOW = "window"
    DELAY = "delay"


@dataclass(frozen=True)
class Waiting:
    """Nothing leaves before ``until``."""

    reason: Reason
    until: datetime

    def words(self, at: str) -> str:
        """In a sentence; ``at`` is ``until`` as the reader writes it."""
        if self.reason is Reason.HOURS:
            return str(_("Outside the allowed hours: it goes on at %(at)s.", at=at))
        if self.reason is Reason.WINDOW:
            words = _("The account has sent what its limits allow: it goes on at %(at)s.", at=at)
            return str(words)
        return str(_("The next mail leaves at %(at)s, after the delay.", at=at))


def waiting(campaign: Campaign, now: datetime | None = None) -> Waiting | None:
    """What the mails of a running campaign wait for; None if they may leave now."""
    now = now or utcnow()
    if campaign.state != CampaignState.RUNNING:
        return None
    query = (
        select(Mailing)
        .where(Mailing.campaign_id == campaign.id, Mailing.state == MailingState.RUNNING)
        .order_by(Mailing.id.desc())
        .limit(1)
    )
    mailing = db.session.scalar(query)
    if mailing is None:
        return None
    reason, until = Reason.HOURS, now
    if mailing.delay_seconds and mailing.last_delivery_at:
        after = mailing.last_delivery_at + timedelta(seconds=mailing.delay_seconds)
        if after > until:
            reason, until = Reason.DELAY, after
    limits = pace.read_limits(mailing.account.limits or [])
    _allowed, free_at = pace.allowance(db.session, mailing.account_id, limits, now, 1)
    if free_at is not None and free_at > until:
        reason, until = Reason.WINDOW, free_at
    if mailing.hours:
        opens_at = read_hours(mailing.hours).next_open(until)
        if opens_at > until:
            reason, until = Reason.HOURS, opens_at
    return Waiting(reason, until) if until - now >= WORTH_SAYING else None
