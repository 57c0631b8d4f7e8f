"""Queueing failed mails again when there are many."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import audit, counters, tasks
from ctm.campaigns import members
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.control import retrying
from ctm.models import (
    AuditEntry,
    Campaign,
    Client,
    Hit,
    HitKind,
    Mailing,
    Message,
    Task,
    TaskState,
)
from tests import factories

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def campaign(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Five mails of which the server refused all but the second, in steps of two."""
    monkeypatch.setattr(retrying, "STEP", 2)
    audit.act_as(factories.user(role="manager"))
    for _ in range(5):
        factories.customer()
    made: Campaign = factories.campaign(name="Renewal")
    members.add_clients(made, db.select(Client.id))
    control.start(made)
    db.session.execute(db.update(Message).values(state="failed"))
    db.session.execute(db.update(Message).where(Message.id == 2).values(state="sent"))
    db.session.execute(db.update(Mailing).values(state="finished"))
    made.state = "finished"
    counters.add(made.id, {"queued": -5, "failed": 4, "sent": 1})
    db.session.commit()
    return made


def states() -> list[str]:
    db.session.expire_all()
    return list(db.session.scalars(db.select(Message.state).order_by(Message.id)))


def test_the_first_go_at_once_and_the_rest_in_the_background(campaign: Campaign) -> None:
    assert control.retry_failed(campaign) == 4
    assert states() == ["queued", "sent", "queued", "failed", "failed"]
    assert control.is_retrying(campaign)
    assert tasks.run_waiting() == 1
    assert states() == ["queued", "sent", "queued", "queued", "queued"]
    assert (counters.read(campaign.id)["queued"], counters.read(campaign.id)["failed"]) == (4, 0)
    assert db.session.scalars(db.select(Mailing.state)).one() == "running"
    assert campaign.state == "running"
    task = db.session.scalars(db.select(Task)).one()
    assert (task.state, task.total, task.done) == (TaskState.DONE, 2, 2)
    entry = db.session.scalars(db.select(AuditEntry).filter_by(action="campaign.retry_failed"))
    assert [each.detail["mails"] for each in entry] == [4]
    assert not control.is_retrying(campaign)


def test_one_whose_first_mails_have_all_left_goes_on(campaign: Campaign) -> None:
    control.retry_failed(campaign)
    db.session.execute(db.update(Message).where(Message.state == "queued").values(state="sent"))
    db.session.commit()
    control.finish_done()
    db.session.expire_all()
    assert campaign.state == "finished"
    tasks.run_waiting()
    assert states() == ["sent", "sent", "sent", "queued", "queued"]
    assert campaign.state == "running"


def test_what_fails_once_more_is_not_tried_again_by_itself(campaign: Campaign) -> None:
    control.retry_failed(campaign)
    db.session.execute(db.update(Message).where(Message.id == 1).values(state="failed"))
    db.session.commit()
    tasks.run_waiting()
    assert states() == ["failed", "sent", "queued", "queued", "queued"]


def test_a_campaign_that_is_stopped_meanwhile_keeps_the_rest_failed(campaign: Campaign) -> None:
    control.retry_failed(campaign)
    control.stop(campaign)
    tasks.run_waiting()
    assert states() == ["cancelled", "sent", "cancelled", "failed", "failed"]
    task = db.session.scalars(db.select(Task)).one()
    assert task.state == TaskState.FAILED
    assert "was stopped" in task.error
    assert campaign.state == "stopped"


def test_a_paused_one_stays_paused(campaign: Campaign) -> None:
    control.retry_failed(campaign)
    control.pause(campaign)
    tasks.run_waiting()
    assert states() == ["queued", "sent", "queued", "queued", "queued"]
    assert campaign.state == "paused"
    assert db.session.scalars(db.select(Mailing.state)).one() == "paused"


@pytest.mark.one_database("postgresql")
def test_it_does_not_wait_for_those_who_note_hits(campaign: Campaign) -> None:
    """A row that refers to the campaign holds its key until its transaction ends."""
    control.retry_failed(campaign)
    hit = {"kind": HitKind.OPEN, "campaign_id": campaign.id, "message_id": 2, "at": utcnow()}
    with db.engine.connect() as other:
        other.execute(db.insert(Hit).values(hit))
        db.session.execute(db.text("SET LOCAL lock_timeout = '1s'"))
        retrying._keep_running(campaign.id)
        db.session.commit()


def test_it_is_asked_for_once_and_the_page_says_so(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("administrator")
    assert browser.post(f"/campaigns/{campaign.id}/mailing/retry").status_code == 302
    page = browser.get(f"/campaigns/{campaign.id}/mailing").text
    assert "being queued again" in page
    with pytest.raises(Conflict, match="already"):
        control.retry_failed(campaign)
    tasks.run_waiting()
    assert "being queued again" not in browser.get(f"/campaigns/{campaign.id}/mailing").text
