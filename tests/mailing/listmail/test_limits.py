"""An account's limits as the sender meets them (A21): said before, and then kept."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from ctm.extensions import db
from ctm.mailing.listmail import drafts, forecasting, letters, queueing
from ctm.models import Mailing, Message
from tests import factories
from tests.mailing.listmail import office
from tests.mailing.test_windows import START, Days, Turned

DAY = 86_400


@pytest.fixture
def at_start(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office's clock stands at ``START``, a Monday at eight in the morning in Italy."""
    for module in (forecasting, queueing):
        monkeypatch.setattr(module, "utcnow", lambda: START)


def run(account: Any) -> Days:
    """Send as the engine does, over a clock that is turned, until nothing is left."""
    days = Days(account, Turned(), pace=0.5)
    for _turn in range(200):
        messages = days.claim()
        if messages:
            days.send(messages)
            continue
        waiting = db.select(Message.id).where(
            Message.account_id == account.id, Message.state == "queued"
        )
        if db.session.scalar(waiting.limit(1)) is None:
            return days
        db.session.rollback()
        days.rest()
    raise AssertionError("it never ends")


@pytest.mark.usefixtures("at_start")
@pytest.mark.one_database
def test_the_forecasts_last_mail_is_when_the_last_mail_leaves(app: Flask) -> None:
    sender, account = office.sender_with_account(limits=[[10, DAY], [4, 3600]])
    clients = [factories.customer() for _ in range(25)]
    draft = office.draft_of(sender, account, "clienti", clients)
    expected = forecasting.forecast(letters.read(draft), START)
    assert expected.today == 10
    assert expected.last_at is not None
    office.send(draft)
    left = run(account).attempts
    assert len(left) == 25
    assert abs(left[-1] - expected.last_at) < timedelta(minutes=1)
    assert left[-1] - START > timedelta(days=2)


@pytest.mark.usefixtures("at_start")
def test_what_one_account_may_not_send_today_leaves_by_the_other(app: Flask) -> None:
    sender, account = office.sender_with_account(limits=[[10, DAY]], from_email="office@example.it")
    reserve = factories.account(from_email="Office@example.it", users=[sender])
    stranger = factories.account(from_email="office@example.it")
    clients = [factories.customer() for _ in range(13)]
    draft = office.draft_of(sender, account, "clienti", clients)
    assert letters.reserves(draft, account) == [reserve]
    drafts.change(draft, {"overflow_id": stranger.id})
    assert letters.check(letters.read(draft))[0][0] == "overflow_id"
    drafts.change(draft, {"overflow_id": reserve.id})
    expected = forecasting.forecast(letters.read(draft), START)
    assert (expected.today, expected.on_reserve) == (10, 3)
    assert expected.last_at is not None
    assert expected.last_at - START < timedelta(minutes=1)
    mailing = office.send(draft)
    second = db.session.get_one(Mailing, mailing.options["reserve"])
    assert [len(office.mails(each)) for each in (mailing, second)] == [10, 3]
    assert (second.account_id, second.from_email) == (reserve.id, account.from_email)
    assert {each.account_id for each in office.mails(second)} == {reserve.id}


@pytest.mark.usefixtures("at_start")
def test_what_waits_already_takes_its_room_of_today(app: Flask) -> None:
    sender, account = office.sender_with_account(limits=[[10, DAY]])
    first = office.draft_of(sender, account, "clienti", [factories.customer() for _ in range(4)])
    office.send(first)
    draft = office.draft_of(sender, account, "clienti", [factories.customer()])
    assert forecasting.forecast(letters.read(draft), START).today == 6


def test_the_office_s_day_ends_at_its_own_midnight(app: Flask) -> None:
    assert forecasting.end_of_day(START).hour == 23  # UTC: Italy is an hour ahead in winter
