"""Openings and clicks over time: even steps, nothing left out, by how long it went on."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from ctm.extensions import db
from ctm.mailing.tracking import statistics
from ctm.models import Campaign, HitBucket, HitKind
from tests import factories

START = datetime(2026, 11, 10, 8, 30)


@pytest.fixture
def campaign(app: Flask) -> Campaign:
    return factories.campaign()


def _bucket(campaign: Campaign, at: datetime, value: int = 1, kind: HitKind = HitKind.OPEN) -> None:
    db.session.add(HitBucket(campaign_id=campaign.id, at=at, kind=kind, value=value))
    db.session.commit()


def test_a_campaign_nobody_opened_has_no_course(campaign: Campaign) -> None:
    assert statistics.over_time(campaign.id) == statistics.Course("minute", [], [], [])


def test_ten_minutes_without_a_hit_are_shown_as_none(campaign: Campaign) -> None:
    _bucket(campaign, START, 3)
    _bucket(campaign, START + timedelta(minutes=30), 2, HitKind.CLICK)

    course = statistics.over_time(campaign.id)

    assert course.unit == "minute"
    assert course.times == [START + timedelta(minutes=10 * n) for n in range(4)]
    assert (course.opens, course.clicks) == ([3, 0, 0, 0], [0, 0, 0, 2])


def test_some_days_are_shown_hour_by_hour(campaign: Campaign) -> None:
    _bucket(campaign, START, 3)
    _bucket(campaign, START + timedelta(minutes=10), 4)
    _bucket(campaign, START + timedelta(days=3), 2)

    course = statistics.over_time(campaign.id)

    assert (course.unit, len(course.times)) == ("hour", 3 * 24 + 1)
    assert course.times[0] == datetime(2026, 11, 10, 8)
    assert (course.opens[0], course.opens[-1], sum(course.opens)) == (7, 2, 9)


def test_weeks_are_shown_by_the_offices_days(campaign: Campaign) -> None:
    late_evening = datetime(2026, 11, 10, 22, 50)
    after_midnight_in_rome = datetime(2026, 11, 10, 23, 10)
    _bucket(campaign, late_evening, 1)
    _bucket(campaign, after_midnight_in_rome, 5)
    _bucket(campaign, datetime(2026, 11, 20, 9), 2)

    course = statistics.over_time(campaign.id)

    assert course.unit == "day"
    assert course.times[:2] == [datetime(2026, 11, 9, 23), datetime(2026, 11, 10, 23)]
    assert course.opens == [1, 5, *[0] * 8, 2]


@pytest.mark.parametrize("first", [datetime(2026, 3, 20, 9), datetime(2026, 10, 16, 9)])
def test_a_day_of_23_or_25_hours_loses_no_hit(campaign: Campaign, first: datetime) -> None:
    for day in range(14):
        _bucket(campaign, first + timedelta(days=day), day + 1)

    course = statistics.over_time(campaign.id)

    assert course.opens == list(range(1, 15))
