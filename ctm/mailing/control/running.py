"""Start, pause, resume, stop."""

from ctm import audit
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError
from ctm.extensions import db
from ctm.mailing import returning, snapshot
from ctm.mailing.control import queueing
from ctm.mailing.control.states import (
    STARTABLE,
    cancel_waiting,
    count_waiting,
    move,
    set_mailings,
)
from ctm.models import (
    Campaign,
    CampaignState,
    Mailing,
    MailingKind,
    MailingState,
)


def start(campaign: Campaign, wait: bool = False) -> Mailing:
    """Queue the mails of a campaign and let them leave; many are queued in the background.

    With ``wait`` they are all queued when this returns.

    :raises Conflict: it is running already, or there is nobody to send to.
    :raises CtmError: the mail cannot be made.
    """
    returning.require_released(campaign)
    now, before = utcnow(), CampaignState(campaign.state)
    move(campaign, STARTABLE, CampaignState.RUNNING, started_at=now, scheduled_at=None)
    try:
        mailing = snapshot.take(campaign, MailingKind.CAMPAIGN, audit.actor().user_id)
    except CtmError:
        db.session.rollback()
        raise
    db.session.flush()
    if queueing.is_large(campaign):
        if wait:
            queueing.queue_in_steps(campaign, mailing, before)
        else:
            queueing.queue_later(campaign, mailing, before)
        return mailing
    queued = queueing.queue_now(campaign, mailing)
    if queued == 0:
        db.session.rollback()
        raise Conflict(queueing.NOBODY)
    audit.record("campaign.start", campaign, mails=queued)
    db.session.commit()
    return mailing


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
    """Cancel what has not left yet; returns how many mails. A later start takes them up again.

    Nothing begins any more when this returns; of many mails some are marked cancelled later, by
    :func:`finish_done`.
    """
    moving = [CampaignState.RUNNING, CampaignState.PAUSED]
    move(campaign, moving, CampaignState.STOPPED, finished_at=utcnow())
    open_ones = [MailingState.RUNNING, MailingState.PAUSED, MailingState.QUEUEING]
    set_mailings(campaign, open_ones, MailingState.STOPPED)
    cancelled = count_waiting(campaign.id)
    cancel_waiting(campaign.id, queueing.STEP)
    audit.record("campaign.stop", campaign, cancelled=cancelled)
    db.session.commit()
    return cancelled
