"""What pressing send would do (X1): how many mails, who is left out and why, when it is over."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from flask_babel import to_user_timezone, to_utc
from sqlalchemy import func, select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import pace
from ctm.mailing.control.forecasting import TYPICAL_PER_CONNECTION
from ctm.mailing.listmail import letters
from ctm.mailing.listmail.letters import Letter
from ctm.mailing.listmail.recipients import REASONS, Planned, planned
from ctm.mailing.outbox import TYPED, is_waiting
from ctm.models import Mailing, MailingState, Message, SmtpAccount

LOOKED_THROUGH = 20_000
NAMES = 50
MOST_TODAY = 20_000


@dataclass
class Forecast:
    """``left_out``: by reason how many, and the first of them with name and address.

    ``empty``: fields that some recipients have no value for, how many, and the first names.
    ``on_reserve``: how many of ``will_go`` leave by the other account. ``looked_through``: whether
    the merge fields of all recipients were read.
    """

    problems: list[tuple[str, str]] = field(default_factory=list)
    will_go: int = 0
    clients: int = 0
    left_out: dict[str, tuple[int, list[tuple[str, str]]]] = field(default_factory=dict)
    empty: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    last_at: datetime | None = None
    today: int | None = None
    on_reserve: int = 0
    notes: list[str] = field(default_factory=list)
    looked_through: bool = True


def forecast(letter: Letter, now: datetime | None = None) -> Forecast:
    """What sending the draft now would do."""
    now = now or utcnow()
    found = Forecast(list(letters.check(letter)))
    ids = letter.draft.row_ids
    found.looked_through = len(ids) <= LOOKED_THROUGH
    clients: set[int] = set()
    left_out: dict[str, tuple[int, list[tuple[str, str]]]] = {}
    for group in planned(letter, ids, found.looked_through and not letter.problems):
        for each in group:
            _count(found, left_out, clients, each)
    found.left_out = {name: left_out[name] for name in REASONS if name in left_out}
    found.clients = len(clients)
    if letter.account is not None:
        found.today = room_today(letter.account, letter, now)
        _time(found, letter, letter.account, now)
    return found


def _count(
    found: Forecast,
    left_out: dict[str, tuple[int, list[tuple[str, str]]]],
    clients: set[int],
    each: Planned,
) -> None:
    if each.reason:
        count, names = left_out.get(each.reason, (0, []))
        if count < NAMES:
            names.append((each.row.name, each.address))
        left_out[each.reason] = (count + 1, names)
    else:
        found.will_go += 1
        if each.source != TYPED:
            clients.add(each.row.client_id)
    for text in each.empty:
        number, who = found.empty.get(text, (0, []))
        if number < NAMES:
            who.append(each.row.name)
        found.empty[text] = (number + 1, who)


def _time(found: Forecast, letter: Letter, account: SmtpAccount, now: datetime) -> None:
    if account.stopped_at:
        found.notes.append(account.stopped_reason)
    if not found.will_go:
        return
    here = found.will_go
    if letter.overflow is not None and found.today is not None:
        here = min(found.will_go, found.today)
        found.on_reserve = found.will_go - here
    ends = [_last(account, letter, here, now)] if here else []
    if letter.overflow is not None and found.on_reserve:
        ends.append(_last(letter.overflow, letter, found.on_reserve, now))
    found.last_at = max(ends)


def _last(account: SmtpAccount, letter: Letter, count: int, now: datetime) -> datetime:
    limits = pace.read_limits(account.limits)
    past = pace.history(db.session, account.id, limits, now)
    speed = max(1, account.connections) * TYPICAL_PER_CONNECTION
    return pace.last_departure(count + ahead(account, letter), now, limits, 0.0, past, speed)


def ahead(account: SmtpAccount, letter: Letter) -> int:
    """How many mails of the account leave before these."""
    priority = letters.BEFORE_CAMPAIGNS if letter.content["first"] else 0
    waiting = (
        select(Message.id)
        .join(Mailing, Mailing.id == Message.mailing_id)
        .where(Mailing.account_id == account.id, Mailing.state == MailingState.RUNNING)
        .where(Mailing.priority <= priority, is_waiting())
    )
    return db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def room_today(account: SmtpAccount, letter: Letter, now: datetime) -> int | None:
    """How many mails of this letter the account may still send before the office's midnight, after
    those that leave before it; None without limits."""
    limits = pace.read_limits(account.limits)
    if not limits:
        return None
    past = pace.history(db.session, account.id, limits, now)
    speed = max(1, account.connections) * TYPICAL_PER_CONNECTION
    until, low, high = end_of_day(now), 0, MOST_TODAY
    while low < high:
        middle = (low + high + 1) // 2
        if pace.last_departure(middle, now, limits, 0.0, past, speed) < until:
            low = middle
        else:
            high = middle - 1
    return max(0, low - ahead(account, letter))


def end_of_day(now: datetime) -> datetime:
    """The office's next midnight, naive UTC."""
    tomorrow = to_user_timezone(now).date() + timedelta(days=1)
    midnight: datetime = to_utc(datetime.combine(tomorrow, time()))
    return midnight.replace(tzinfo=None)
