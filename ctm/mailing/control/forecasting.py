"""What pressing start would do, before it is pressed (X1)."""

from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from ctm.clock import utcnow
from ctm.errors import CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import pace, recipients, snapshot
from ctm.mailing.control import counting, queueing
from ctm.mailing.hours import read_hours
from ctm.mailing.outbox import is_waiting
from ctm.mailing.recipients import LeftOut, Tally
from ctm.models import Campaign, Mailing, MailingState, Message, SmtpAccount
from ctm.sender import operations as sender
from ctm.sender import words
from ctm.sender.check import domain_of
from ctm.sender.report import PROBLEM

TYPICAL_PER_CONNECTION = 2.0


@dataclass(frozen=True)
class Forecast:
    """What pressing start would do (X1).

    ``last_at`` is when the last mail leaves, ``first_at`` when the first one does if it has to
    wait for the allowed hours. While a large campaign is ``counting``, the figures are zeros.
    """

    will_go: int
    clients: int
    left_out: dict[str, int]
    last_at: datetime | None
    notes: list[str]
    first_at: datetime | None = None
    counting: bool = False


def forecast(campaign: Campaign, now: datetime | None = None, wait: bool = True) -> Forecast:
    """Who would get the mail now, who would not and why, and when the last one leaves.

    Without ``wait`` a large campaign is not counted here: the figures are those kept, if any.
    """
    now = now or utcnow()
    known: Tally | None = None
    if not wait and queueing.is_large(campaign):
        known = counting.kept(campaign, now)
        counted = known or Tally()
    else:
        counted = known = recipients.tally(db.session, campaign)
    notes = []
    last_at = None
    if not current_app.config["CTM_PUBLIC_URL"]:
        notes.append(
            _(
                "CTM_PUBLIC_URL is not set: opens, clicks and removals cannot reach this "
                "server from outside."
            )
        )
    try:
        account = snapshot.account_of(campaign)
    except CtmError as error:
        notes.append(str(error))
    else:
        notes += _account_notes(account)
        notes += _sender_notes(account, campaign.from_email or account.from_email)
        last_at = _last_departure(campaign, counted.will_go, now) if counted.will_go else None
    first_at = read_hours(campaign.hours).next_open(now) if campaign.hours and last_at else now
    return Forecast(
        counted.will_go,
        counted.clients,
        counted.left_out,
        last_at,
        notes,
        first_at if first_at > now else None,
        counting=known is None,
    )


def _account_notes(account: SmtpAccount) -> list[str]:
    notes = []
    if account.stopped_at:
        notes.append(_("The SMTP account is stopped: %(why)s", why=account.stopped_reason))
    if account.tested_at is None and not account.practice:
        notes.append(_("The SMTP account has never been tested."))
    return notes


def _sender_notes(account: SmtpAccount, from_email: str) -> list[str]:
    """What DNS says of the sender (X7), before the first mail leaves."""
    if account.practice:
        return []
    domain, checked = domain_of(from_email), sender.kept(account)
    if domain != domain_of(account.from_email):
        return [
            _(
                "The mails come from %(domain)s, but the account is for %(other)s: receivers may "
                "take them for forged.",
                domain=domain,
                other=domain_of(account.from_email),
            )
        ]
    if checked is None:
        return [_("The DNS of %(domain)s has not been checked; see the account.", domain=domain)]
    found = [each for each in checked.findings if each.level == PROBLEM]
    return [f"{words.PARTS[each.part]}: {words.says(each)}" for each in found[:3]]


def _last_departure(campaign: Campaign, count: int, now: datetime) -> datetime:
    account = snapshot.account_of(campaign)
    limits = pace.read_limits(account.limits)
    waiting = (
        select(Message.id)
        .join(Mailing, Mailing.id == Message.mailing_id)
        .where(Mailing.account_id == account.id, Mailing.state == MailingState.RUNNING)
        .where(is_waiting())
    )
    ahead = db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
    past = pace.history(db.session, account.id, limits, now)
    speed = max(1, account.connections) * TYPICAL_PER_CONNECTION
    hours = read_hours(campaign.hours) if campaign.hours else None
    return pace.last_departure(
        count + ahead, now, limits, campaign.delay_seconds, past, speed, hours
    )


def left_out(campaign: Campaign, reason: str, limit: int = 100, skip: int = 0) -> list[LeftOut]:
    """Who is left out for a reason, a page at a time."""
    if reason not in recipients.REASONS:
        raise InvalidInput(_l("There is no such reason."))
    return recipients.left_out(db.session, campaign, reason, limit, skip)
