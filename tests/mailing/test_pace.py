"""How fast an account may send: its windows, the delay, and the forecast of both."""

import itertools
from datetime import datetime, timedelta

import pytest
from flask import Flask

from ctm.clock import SystemClock
from ctm.extensions import db
from ctm.mailing import control, pace
from ctm.mailing.engine.command import build_worker
from ctm.models import Campaign, Message
from tests import factories
from tests.mailing.engine.servers import SmtpSink

NOON = datetime(2026, 11, 22, 12)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def campaign(app: Flask) -> Campaign:
    campaign = factories.campaign()
    for _ in range(10):
        factories.member(campaign, factories.customer())
    control.start(campaign)
    return campaign


def attempted(campaign: Campaign, *times: datetime) -> None:
    """The account's first mails were tried at these times."""
    messages = db.session.scalars(db.select(Message).order_by(Message.id)).all()
    for message, at in zip(messages, times, strict=False):
        message.attempted_at = at
    db.session.commit()


def allowance(
    campaign: Campaign, *limits: tuple[int, int], wanted: int = 100
) -> tuple[int, datetime | None]:
    return pace.allowance(db.session, campaign.account_id, limits, NOON, wanted)


def test_without_limits_everything_may_leave(campaign: Campaign) -> None:
    assert allowance(campaign) == (100, None)


def test_a_window_counts_what_was_tried_in_it_and_nothing_older(campaign: Campaign) -> None:
    attempted(campaign, NOON - seconds(61), NOON - seconds(60), NOON - seconds(59), NOON)
    assert allowance(campaign, (5, 60)) == (3, None)


def test_a_full_window_says_when_the_next_mail_may_leave(campaign: Campaign) -> None:
    attempted(campaign, NOON - seconds(50), NOON - seconds(40), NOON - seconds(10))
    assert allowance(campaign, (3, 60)) == (0, NOON + seconds(10))
    assert allowance(campaign, (2, 60)) == (0, NOON + seconds(20))


def test_the_tightest_of_several_windows_counts(campaign: Campaign) -> None:
    attempted(campaign, NOON - seconds(3000), NOON - seconds(30), NOON - seconds(20))
    assert allowance(campaign, (10, 60), (4, 3600)) == (1, None)
    assert allowance(campaign, (2, 60), (3, 3600)) == (0, NOON + seconds(600))


def test_another_account_has_its_own_windows(campaign: Campaign) -> None:
    attempted(campaign, NOON, NOON, NOON)
    other = factories.account()
    assert pace.allowance(db.session, other.id, [(3, 60)], NOON, 100) == (3, None)


def test_the_history_holds_what_still_weighs_oldest_first(campaign: Campaign) -> None:
    times = [NOON - seconds(ago) for ago in (4000, 3000, 50, 20)]
    attempted(campaign, *reversed(times))
    limits = [(2, 60), (3, 3600)]
    assert pace.history(db.session, campaign.account_id, limits, NOON) == times[1:]
    assert pace.history(db.session, campaign.account_id, [(2, 60)], NOON) == times[2:]
    assert pace.history(db.session, campaign.account_id, [], NOON) == []


@pytest.mark.parametrize(
    ("count", "limits", "delay", "past", "expected"),
    [
        (0, [], 10, [], 0),
        (1, [], 10, [], 0),
        (11, [], 10, [], 100),
        (11, [], 0, [], 5),
        (10, [(10, 60)], 0, [], 4.5),
        (11, [(10, 60)], 0, [], 60),
        (21, [(10, 60)], 0, [], 120),
        (11, [(10, 60)], 10, [], 100),
        (1, [(2, 60)], 0, [-30, -10], 30),
        (2, [(2, 60)], 0, [-30, -10], 50),
        (5, [(2, 10), (3, 100)], 0, [], 100.5),
    ],
)
def test_the_last_departure_is_worked_out_ahead(
    count: int,
    limits: list[tuple[int, int]],
    delay: float,
    past: list[float],
    expected: float,
) -> None:
    times = [NOON + seconds(each) for each in past]
    found = pace.last_departure(count, NOON, limits, delay, times, per_second=2.0)
    assert (found - NOON).total_seconds() == pytest.approx(expected)


def test_the_forecast_of_a_large_campaign_is_quick() -> None:
    limits = [(100, 60), (3000, 3600), (20_000, 86_400)]
    found = pace.last_departure(100_000, NOON, limits, 0, [], per_second=50)
    assert found >= NOON + timedelta(days=4)


def test_the_forecast_counts_the_mails_that_wait_on_the_same_account(
    campaign: Campaign,
) -> None:
    second = factories.campaign(account_id=campaign.account_id, delay_seconds=10)
    factories.member(second, factories.customer())
    assert control.forecast(second, NOON).last_at == NOON + seconds(100)
    control.pause(campaign)
    assert control.forecast(second, NOON).last_at == NOON


class TurnedClock(SystemClock):
    """A clock that runs three thousand times as fast."""

    def __init__(self) -> None:
        self._born = super().monotonic()
        self._start = super().now()

    def monotonic(self) -> float:
        return self._born + (super().monotonic() - self._born) * 3000

    def now(self) -> datetime:
        return self._start + seconds(self.monotonic() - self._born)


@pytest.mark.parametrize("values", [{"delay_seconds": 600.0}, {}], ids=["delay", "window"])
def test_the_engine_keeps_the_pace_over_any_clock(
    app: Flask, sink: SmtpSink, values: dict[str, float]
) -> None:
    limits = [] if values else [[2, 1800]]
    campaign = factories.campaign(
        account=factories.account(port=sink.port, limits=limits, connections=4), **values
    )
    for _ in range(5):
        factories.member(campaign, factories.customer())
    control.start(campaign)
    clock = TurnedClock()
    while build_worker(clock=clock).run(until_idle=True) or campaign.state != "finished":
        db.session.expire_all()
    times = sorted(db.session.scalars(db.select(Message.sent_at)))
    assert len(times) == 5
    if values:
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert min(gaps) >= seconds(600)
    else:
        spans = [later - sooner for sooner, later in zip(times, times[2:], strict=False)]
        assert min(spans) >= seconds(1800)
    assert set(sink.deliveries().values()) == {1}
