"""Allowed hours: days, holidays, the office's clock, and what a campaign does with them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from ctm import office
from ctm.campaigns import operations
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.mailing import control, hours
from ctm.models import Campaign, Outcome
from tests import factories
from tests.mailing.test_windows import Days, Turned, campaign_of

ROME = ZoneInfo("Europe/Rome")
WEEKDAYS = {"from": 540, "to": 1080, "days": [0, 1, 2, 3, 4], "holidays": True}


def kept(**values: object) -> hours.Hours:
    closed = values.pop("closed", [])
    return hours.read_hours(WEEKDAYS | values, "Europe/Rome", closed)  # type: ignore[arg-type]


def rome(*parts: int) -> datetime:
    """A moment of Rome's clock as naive UTC."""
    return datetime(*parts, tzinfo=ROME).astimezone(UTC).replace(tzinfo=None)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ((2026, 11, 23, 8, 59), (2026, 11, 23, 9, 0)),
        ((2026, 11, 23, 9, 0), (2026, 11, 23, 9, 0)),
        ((2026, 11, 23, 17, 59), (2026, 11, 23, 17, 59)),
        ((2026, 11, 23, 18, 0), (2026, 11, 24, 9, 0)),
        ((2026, 11, 27, 18, 0), (2026, 11, 30, 9, 0)),
        ((2026, 11, 28, 12, 0), (2026, 11, 30, 9, 0)),
        ((2026, 12, 7, 19, 0), (2026, 12, 9, 9, 0)),
        ((2026, 12, 24, 18, 0), (2026, 12, 28, 9, 0)),
        ((2026, 4, 3, 18, 0), (2026, 4, 7, 9, 0)),
        ((2027, 3, 29, 10, 0), (2027, 3, 30, 9, 0)),
        ((2026, 3, 27, 18, 0), (2026, 3, 30, 9, 0)),
        ((2026, 10, 23, 18, 0), (2026, 10, 26, 9, 0)),
    ],
    ids=[
        "before opening",
        "at opening",
        "before closing",
        "at closing",
        "Friday evening",
        "Saturday",
        "the Immaculate Conception",
        "Christmas and Saint Stephen's",
        "Easter Monday 2026",
        "Easter Monday 2027",
        "over the change to summer time",
        "over the change to winter time",
    ],
)
def test_the_next_moment_at_which_a_mail_may_leave(
    at: tuple[int, ...], opens: tuple[int, ...]
) -> None:
    assert kept().next_open(rome(*at)) == rome(*opens)
    assert kept().is_open(rome(*at)) == (at == opens)


def test_a_closed_day_of_the_office_is_left_out_also_where_holidays_are_not() -> None:
    closed = [date(2026, 12, 7), date(2026, 12, 9)]
    found = kept(closed=closed, holidays=False)
    assert found.next_open(rome(2026, 12, 4, 20)) == rome(2026, 12, 8, 9)
    assert kept(closed=closed).next_open(rome(2026, 12, 4, 20)) == rome(2026, 12, 10, 9)


def test_an_hour_that_summer_time_skips_is_none() -> None:
    at_night = kept(**{"from": 150, "to": 240, "days": [6], "holidays": False})
    opens = at_night.next_open(rome(2026, 3, 28, 12))
    assert opens == datetime(2026, 3, 29, 1, 30)
    assert at_night.next_open(datetime(2026, 3, 29, 2, 0)) == rome(2026, 4, 5, 2, 30)


def test_until_midnight_is_the_end_of_the_day() -> None:
    late = kept(to=24 * 60)
    assert late.is_open(rome(2026, 11, 23, 23, 59))
    assert not late.is_open(rome(2026, 11, 24, 0, 0))


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))
def test_the_next_moment_is_open_and_nothing_before_it_is(at: datetime) -> None:
    found = kept()
    opens = found.next_open(at)
    assert opens >= at
    local = opens.replace(tzinfo=UTC).astimezone(ROME)
    assert 540 <= local.hour * 60 + local.minute < 1080
    assert local.weekday() < 5
    assert local.date() not in hours.public_holidays(local.year)
    step = (opens - at) / 7
    assert not step or not any(kept().is_open(at + step * place) for place in range(7))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"from": ""}, "hours_from"),
        ({"from": "nine"}, "hours_from"),
        ({"from": "9"}, "hours_from"),
        ({"from": "-1:00"}, "hours_from"),
        ({"from": "9:60"}, "hours_from"),
        ({"to": "24:01"}, "hours_to"),
        ({"to": "٩:٠٠"}, "hours_to"),
        ({"to": "8:59"}, "hours_to"),
        ({"from": "18:00"}, "hours_to"),
        ({"days": []}, "hours_days"),
        ({"days": ["7"]}, "hours_days"),
        ({"days": ["1", "x"]}, "hours_days"),
        ({"days": ["12"]}, "hours_days"),
    ],
)
def test_hours_that_are_none_are_refused_beside_their_field(
    app: Flask, values: dict[str, object], field: str
) -> None:
    typed = {"from": "9:00", "to": "18:00", "days": ["0"], "holidays": True}
    with pytest.raises(InvalidInput) as caught:
        hours.clean(typed | values)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-13-01", "30/2/2026", "2026-12-7-1", "7.12", "²026-12-07"]
)
def test_a_day_that_is_none_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        hours.read_closed_days(f"2026-12-07\n{text}")
    assert caught.value.field == "closed_days"
    assert text in str(caught.value)


def test_closed_days_are_read_as_people_write_them(app: Flask) -> None:
    office.update("The Office", "it", "7/12/2026, 2026-08-14\n15.08.2026; 7/12/2026")
    assert hours.closed_days() == [date(2026, 8, 14), date(2026, 8, 15), date(2026, 12, 7)]
    with pytest.raises(InvalidInput):
        office.update("The Office", "it", " ".join(f"1/1/{year}" for year in range(1000, 1400)))
    assert len(hours.closed_days()) == 3


@pytest.mark.one_database
def test_the_engine_sends_in_the_allowed_hours_alone(app: Flask) -> None:
    office.update("The Office", "it", "2026-11-25")
    campaign = campaign_of(60, limits=[[8, 14_400]], hours=WEEKDAYS)
    clock = Turned()  # Monday at 8 in Rome
    days = Days(campaign.account, clock, pace=1.0)
    while len(days.attempts) < 60:
        messages = days.claim()
        if messages:
            days.send(messages)
        else:
            days.rest()
    open_hours = kept(closed=[date(2026, 11, 25)])
    assert all(open_hours.is_open(at) for at in days.attempts)
    dates = {at.date() for at in days.attempts}
    assert dates == {date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 26)}
    assert days.attempts[0] - rome(2026, 11, 23, 9) < timedelta(seconds=5)


def test_a_campaign_says_what_it_waits_for_and_until_when(app: Flask) -> None:
    campaign = campaign_of(9, limits=[[4, 3600]], hours=WEEKDAYS)
    early, noon = rome(2026, 11, 23, 6), rome(2026, 11, 23, 12)
    found = control.waiting(campaign, early)
    assert found
    assert (found.reason, found.until) == ("hours", rome(2026, 11, 23, 9))
    assert "09:00" in found.words("09:00")
    assert control.waiting(campaign, noon) is None
    clock = Turned()
    clock.seconds = (noon - clock.now()).total_seconds()
    days = Days(campaign.account, clock, pace=0.0)
    days.send(days.claim())
    found = control.waiting(campaign, noon)
    assert found
    assert (found.reason, found.until) == ("window", noon + timedelta(hours=1))
    control.pause(campaign)
    assert control.waiting(campaign, noon) is None


def test_a_window_that_frees_at_night_waits_for_the_morning(app: Flask) -> None:
    campaign = campaign_of(9, limits=[[4, 36_000]], hours=WEEKDAYS)
    clock = Turned()
    afternoon = rome(2026, 11, 23, 17)
    clock.seconds = (afternoon - clock.now()).total_seconds()
    days = Days(campaign.account, clock, pace=0.0)
    days.send(days.claim())
    found = control.waiting(campaign, afternoon)
    assert found
    assert (found.reason, found.until) == ("hours", rome(2026, 11, 24, 9))


def test_the_delay_is_said_when_it_is_long(app: Flask) -> None:
    campaign = campaign_of(3, delay_seconds=600.0)
    clock = Turned()
    days = Days(campaign.account, clock)
    days.send(days.claim())
    found = control.waiting(campaign, clock.now())
    assert found
    assert (found.reason, found.until) == ("delay", days.attempts[0] + timedelta(seconds=600))


def test_the_forecast_knows_nights_weekends_and_holidays(app: Flask) -> None:
    account = factories.account(limits=[[10, 86_400]])
    campaign = factories.campaign(account=account, hours=WEEKDAYS)
    for _ in range(25):
        factories.member(campaign, factories.customer())
    found = control.forecast(campaign, rome(2026, 12, 4, 20))
    assert found.first_at == rome(2026, 12, 7, 9)
    assert found.last_at is not None
    last = found.last_at.replace(tzinfo=UTC).astimezone(ROME)
    assert (last.date(), last.hour) == (date(2026, 12, 10), 9)
    assert control.forecast(campaign, rome(2026, 12, 7, 10)).first_at is None


FORM = {
    "name": "With hours",
    "subject": "Hello",
    "body_format": "text",
    "body_text": "Hello",
    "delay_seconds": "0",
    "hours_on": "y",
    "hours_from": "08:30",
    "hours_to": "12:45",
    "hours_days": ["0", "5"],
    "account_id": "",
    "initial_status_id": "",
} | {f"status_{outcome}": "" for outcome in Outcome}


@pytest.mark.one_database
def test_the_form_keeps_hours_shows_them_and_takes_them_away(
    login_as: Callable[[str], FlaskClient],
) -> None:
    browser = login_as("manager")
    browser.post("/campaigns/new", data=FORM)
    campaign = db.session.scalars(db.select(Campaign)).one()
    assert campaign.hours == {"from": 510, "to": 765, "days": [0, 5], "holidays": False}
    page = browser.get(f"/campaigns/{campaign.id}/emailing").get_data(as_text=True)
    assert 'value="08:30"' in page
    assert "Saturday" in page
    answer = browser.post(f"/campaigns/{campaign.id}/emailing", data=FORM | {"hours_to": "8:00"})
    assert "The end must be later than the beginning." in answer.get_data(as_text=True)
    answer = browser.post(f"/campaigns/{campaign.id}/emailing", data=FORM | {"hours_days": "9"})
    assert "Choose days of the week." in answer.get_data(as_text=True)
    without = {name: value for name, value in FORM.items() if not name.startswith("hours")}
    browser.post(f"/campaigns/{campaign.id}/emailing", data=without)
    db.session.expire_all()
    assert campaign.hours is None


@pytest.mark.one_database
def test_the_office_page_keeps_closed_days(login_as: Callable[[str], FlaskClient]) -> None:
    browser = login_as("administrator")
    values = {"name": "The Office", "language": "it", "closed_days": "7/12/2026"}
    assert browser.post("/office", data=values).status_code == 302
    assert "2026-12-07" in browser.get("/office").get_data(as_text=True)
    answer = browser.post("/office", data=values | {"closed_days": "Christmas"})
    assert "is no day" in answer.get_data(as_text=True)
    assert hours.closed_days() == [date(2026, 12, 7)]


def test_a_mailing_keeps_the_hours_it_was_started_with(app: Flask) -> None:
    campaign = factories.campaign(hours=WEEKDAYS)
    factories.member(campaign, factories.customer())
    mailing = control.start(campaign)
    control.stop(campaign)
    operations.update(campaign, {"hours": None})
    db.session.expire_all()
    assert mailing.hours == WEEKDAYS
    assert campaign.hours is None
