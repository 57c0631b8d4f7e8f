"""Sliding windows are exact: over days, restarts, several workers, retries and turned clocks."""

import itertools
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import claiming, control, outbox, pace, settling
from ctm.mailing.engine.claims import Claims
from ctm.mailing.engine.lane import AccountData, Lane
from ctm.mailing.engine.session import Login
from ctm.mailing.hours import Hours, read_hours
from ctm.models import Campaign, CampaignMember, Client, Message, PastAttempt, SmtpAccount
from tests import factories

START = datetime(2026, 11, 23, 7)
DAY = 86400


def campaign_of(count: int, **values: object) -> Campaign:
    """A campaign over ``count`` clients that has been started."""
    account_values = {name: values.pop(name) for name in ("limits",) if name in values}
    campaign = factories.campaign(account=factories.account(**account_values), **values)
    rows = [{"display_name": f"C{n}", "email1": f"c{n}@example.com"} for n in range(count)]
    made = db.session.scalars(insert(Client).returning(Client.id), rows)
    members = [{"campaign_id": campaign.id, "client_id": number} for number in made]
    db.session.execute(insert(CampaignMember), members)
    db.session.commit()
    control.start(campaign)
    return campaign


class Turned:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


class Days:
    """Workers, one after the other, that send as the engine does, over a clock that is turned.

    A group of claimed mails takes ``pace`` seconds. ``attempts`` are the moments at which the
    server saw a mail.
    """

    def __init__(self, account: SmtpAccount, clock: Turned, pace: float = 5.0) -> None:
        self.clock = clock
        self.attempts: list[datetime] = []
        self._account = account
        self._pace = pace
        self._names = (f"worker-{number}" for number in itertools.count())
        self.restart()

    def restart(self) -> None:
        self.name = next(self._names)
        self._claims = Claims(db.engine, self.clock, self.name, lambda _ids: None)
        data = AccountData(
            id=self._account.id,
            name="",
            host="",
            port=0,
            tls=False,
            login=Login("", False, "", ""),
            connections=2,
            limits=pace.read_limits(self._account.limits),
            allow_private=True,
        )
        self._lane = Lane(data, None, None, 0.0)  # type: ignore[arg-type]

    def claim(self) -> list[outbox.Claimed]:
        self._claims.refresh()
        taken = self._claims.fill(self._lane, self.clock.monotonic(), tuple)
        return [message for messages in taken.values() for message in messages]

    def rest(self) -> None:
        """Turn the clock to when the claims say that something may leave."""
        now = self.clock.monotonic()
        self.clock.seconds += max(0.001, self._claims.next_at(now) - now)

    def send(self, messages: Sequence[outbox.Claimed], state: str = "sent") -> None:
        self.clock.seconds += self._pace
        at = self.clock.now()
        self.attempts += [at] * len(messages)
        due_at = at + timedelta(seconds=60) if state == "deferred" else None
        results = [outbox.Result(message, state, at, due_at=due_at) for message in messages]
        settling.settle(db.engine, self.name, results)

    def give_back(self, messages: Sequence[outbox.Claimed]) -> None:
        at = self.clock.now()
        results = [outbox.Result(each, "queued", at, attempted=False) for each in messages]
        settling.settle(db.engine, self.name, results)


def fits(times: Sequence[datetime], messages: int, seconds: int) -> bool:
    """Whether no span of ``seconds`` holds more than ``messages`` of these times."""
    span = timedelta(seconds=seconds)
    return all(later - sooner >= span for sooner, later in zip(times, times[messages:]))  # noqa: B905


@pytest.mark.one_database
def test_eleven_days_of_gmails_hundred_a_day(app: Flask) -> None:
    campaign = campaign_of(1100, limits=[[100, DAY]])
    clock = Turned()
    days = Days(campaign.account, clock, pace=0.2)
    for turn in itertools.count():
        messages = days.claim()
        if not messages:
            if len(days.attempts) == 1100:
                break
            days.rest()
            continue
        if turn % 10 == 0:  # the worker ends with half of its claims in hand
            days.send(messages[::2])
            days.give_back(messages[1::2])
            days.restart()
        else:
            days.send(messages)
    assert fits(days.attempts, 100, DAY)
    span = timedelta(seconds=DAY)
    late = timedelta(seconds=11)
    for place, at in enumerate(days.attempts):
        sooner = days.attempts[place - 1] if place else START
        free = days.attempts[place - 100] + span if place >= 100 else START
        assert at - max(sooner, free) <= late, "a mail waited although the window had room"
    assert days.attempts[-1] - START < timedelta(days=10, minutes=10)


def test_retries_count_as_often_as_the_server_saw_them(app: Flask) -> None:
    campaign = campaign_of(6, limits=[[4, 3600]])
    days = Days(campaign.account, Turned(), pace=1.0)
    first = days.claim()
    assert len(first) == 4
    days.send(first[:2], "deferred")
    days.send(first[2:])
    assert days.claim() == []
    for _ in range(20):
        days.rest()
        messages = days.claim()
        if messages:
            days.send(messages)
    assert len(days.attempts) == 8
    assert fits(days.attempts, 4, 3600)
    assert db.session.scalar(select(func.count()).select_from(PastAttempt)) == 2


def test_an_earlier_attempt_outlives_a_claim_that_is_given_back(app: Flask) -> None:
    campaign = campaign_of(1, limits=[[1, 3600]])
    clock = Turned()
    days = Days(campaign.account, clock)
    days.send(days.claim(), "deferred")
    db.session.execute(update(SmtpAccount).values(limits=[[2, 3600]]))
    db.session.commit()
    days.restart()
    clock.seconds += 120
    days.give_back(days.claim())
    limits = [(1, 3600)]
    allowed, ready_at = pace.allowance(db.session, campaign.account_id, limits, clock.now(), 5)
    assert (allowed, ready_at) == (0, days.attempts[0] + timedelta(seconds=3600))


def test_a_claim_keeps_its_place_however_long_the_server_takes(app: Flask) -> None:
    campaign = campaign_of(9, limits=[[3, 60]])
    clock = Turned()
    days = Days(campaign.account, clock, pace=0.0)
    slow = days.claim()
    assert len(slow) == 3
    clock.seconds += 300
    assert days.claim() == []
    days.send(slow)
    assert days.claim() == []
    clock.seconds += 60
    assert len(days.claim()) == 3


def test_two_workers_do_not_take_the_same_place_in_a_window(app: Flask) -> None:
    campaign = campaign_of(300, limits=[[40, DAY]])
    clock = Turned()
    workers = [Days(campaign.account, clock) for _ in range(4)]
    for number, worker in enumerate(workers):
        worker.name = f"machine-{number}"
        worker._claims._worker = worker.name
    start = threading.Barrier(len(workers))
    taken: list[outbox.Claimed] = []

    def work(worker: Days) -> None:
        with app.app_context():
            start.wait()
            for _ in range(6):
                taken.extend(worker.claim())
            db.session.remove()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert len({message.id for message in taken}) == 40


def test_two_workers_keep_one_delay_together(app: Flask) -> None:
    campaign = campaign_of(5, delay_seconds=30.0)
    clock = Turned()
    one, other = Days(campaign.account, clock), Days(campaign.account, clock)
    first = one.claim()
    assert len(first) == 1
    assert other.claim() == []
    one.send(first)
    assert other.claim() == []
    other.rest()
    assert clock.now() - one.attempts[0] >= timedelta(seconds=29)
    clock.seconds += 30
    assert len(other.claim()) == 1


def test_a_clock_set_back_holds_an_account_up_for_one_window_at_most(app: Flask) -> None:
    campaign = campaign_of(6, limits=[[2, 600]])
    clock = Turned()
    days = Days(campaign.account, clock)
    days.send(days.claim())
    clock.seconds -= DAY
    days.restart()
    turned_at = clock.now()
    assert days.claim() == []
    for _ in range(10):
        days.rest()
        messages = days.claim()
        if messages:
            break
    assert len(messages) == 2
    assert clock.now() - turned_at <= timedelta(seconds=600 + 10)


def test_a_clock_set_forward_lets_nothing_leave_that_it_should_not(app: Flask) -> None:
    """What is counted has its time; a jump ahead looks like time that passed, and no more."""
    campaign = campaign_of(6, limits=[[2, 600]])
    clock = Turned()
    days = Days(campaign.account, clock)
    days.send(days.claim())
    clock.seconds += DAY
    assert len(days.claim()) == 2
    assert days.claim() == []


@pytest.mark.one_database
def test_the_allowance_is_quick_with_a_hundred_thousand_attempts(app: Flask) -> None:
    campaign = campaign_of(1)
    spaced = [START - timedelta(seconds=n * 0.8) for n in range(100_000)]
    rows = [{"account_id": campaign.account_id, "at": at} for at in spaced]
    db.session.execute(insert(PastAttempt), rows)
    db.session.commit()
    best = 9.9
    for limits in ([(120_000, DAY)], [(100_000, DAY)]):
        for _ in range(3):
            begun = time.perf_counter()
            allowed, _at = pace.allowance(db.session, campaign.account_id, limits, START, 200)
            best = min(best, time.perf_counter() - begun)
        assert allowed == (200 if limits[0][0] == 120_000 else 0)
    assert best < 0.1


def test_attempts_no_window_holds_any_more_are_forgotten(app: Flask) -> None:
    account = factories.account()
    times = [START - timedelta(days=days) for days in (50, 40, 2)]
    db.session.execute(insert(PastAttempt), [{"account_id": account.id, "at": at} for at in times])
    db.session.commit()
    assert pace.forget_past(START - timedelta(days=32)) == 2
    assert list(db.session.scalars(select(PastAttempt.at))) == times[2:]


LIMITS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 50)),
    min_size=1,
    max_size=3,
    unique_by=lambda x: x[1],
)


def _may_leave(times: Sequence[datetime], at: datetime, limits: Sequence[tuple[int, int]]) -> bool:
    """By the definition: no window that ends now would hold more than it may."""
    for messages, seconds in limits:
        begin = at - timedelta(seconds=seconds)
        if sum(begin < each <= at for each in times) >= messages:
            return False
    return True


@pytest.fixture
def windows_account(app: Flask) -> int:
    return factories.account().id


@pytest.mark.one_database
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(ago=st.lists(st.integers(0, 60), max_size=14), limits=LIMITS, wanted=st.integers(1, 9))
def test_the_allowance_is_what_the_definition_says(
    windows_account: int, ago: list[int], limits: list[tuple[int, int]], wanted: int
) -> None:
    times = [START - timedelta(seconds=each) for each in ago]
    db.session.execute(delete(PastAttempt))
    if times:
        rows = [{"account_id": windows_account, "at": at} for at in times]
        db.session.execute(insert(PastAttempt), rows)
    allowed, ready_at = pace.allowance(db.session, windows_account, limits, START, wanted)
    db.session.rollback()
    expected = 0
    while expected < wanted and _may_leave([*times, *[START] * expected], START, limits):
        expected += 1
    assert allowed == expected
    if expected:
        assert ready_at is None
        return
    ends = sorted(START + timedelta(seconds=second) for second in range(120))
    assert ready_at == next(at for at in ends if _may_leave(times, at, limits))


@settings(max_examples=60)
@given(
    limits=LIMITS,
    delay=st.integers(0, 20),
    ago=st.lists(st.integers(0, 60), max_size=10),
    opening=st.integers(0, 1200),
    length=st.integers(1, 239),
)
def test_what_is_worked_out_ahead_keeps_every_window_and_wastes_no_time(
    limits: list[tuple[int, int]], delay: int, ago: list[int], opening: int, length: int
) -> None:
    stored = {"from": opening, "to": opening + length, "days": [0, 2, 3, 6], "holidays": True}
    hours = read_hours(stored, "Europe/Rome", [])
    past: list[datetime] = []
    for at in sorted(START - timedelta(seconds=each) for each in ago):
        if _may_leave(past, at, limits):
            past.append(at)
    times: list[datetime] = []
    for count in range(1, 10):
        at = pace.last_departure(count, START, limits, delay, past, 1.0, hours)
        seen = [*past, *times]
        assert _may_leave(seen, at, limits)
        assert hours.is_open(at)
        assert not times or at - times[-1] >= timedelta(seconds=delay)
        assert _is_earliest(at, times, seen, limits, delay, hours)
        times.append(at)


def _is_earliest(
    at: datetime,
    times: Sequence[datetime],
    seen: Sequence[datetime],
    limits: Sequence[tuple[int, int]],
    delay: int,
    hours: Hours,
) -> bool:
    step = timedelta(seconds=max(delay, 1))
    moments = {times[-1] + step if times else START}
    moments |= {each + timedelta(seconds=span) for each in seen for _messages, span in limits}
    return at in moments or hours.next_open(at - timedelta(seconds=1)) == at


def test_a_window_is_the_accounts_over_all_its_campaigns(app: Flask) -> None:
    campaign = campaign_of(5, limits=[[4, 3600]])
    other = factories.campaign(account_id=campaign.account_id)
    for _ in range(5):
        factories.member(other, factories.customer())
    control.start(other)
    days = Days(campaign.account, Turned())
    first = days.claim()
    assert len(first) == 4
    days.send(first)
    assert days.claim() == []
    assert (
        db.session.scalar(
            select(func.count()).select_from(Message).where(Message.state == "queued")
        )
        == 6
    )


@pytest.mark.one_database("postgresql")
def test_a_claim_takes_no_more_than_its_limit_however_postgresql_runs_it(app: Flask) -> None:
    """A plan that asks the subquery again for every row must not give other rows each time."""
    campaign = campaign_of(300)
    mailing_id = db.session.scalar(db.select(Message.mailing_id).limit(1))
    db.session.commit()
    values = {"b_mailing": mailing_id, "b_now": utcnow(), "b_limit": 4, "b_worker": "w"}
    with db.engine.connect() as connection:
        for setting in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            connection.exec_driver_sql(f"SET enable_{setting} = off")
        claimed = connection.execute(claiming.claiming_statement("postgresql"), values).all()
        connection.rollback()
        for setting in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            connection.exec_driver_sql(f"SET enable_{setting} = on")
    assert len(claimed) == 4
    assert {row.account_id for row in claimed} == {campaign.account_id}
