"""Deleting a campaign that is too large for a request."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import counters, tasks
from ctm.campaigns import deletion, members, operations
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control, undecided
from ctm.models import (
    AuditEntry,
    Campaign,
    CampaignMember,
    CampaignState,
    Client,
    Hit,
    HitKind,
    Message,
    MessageState,
    Task,
    TaskState,
    User,
)
from tests import factories

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def campaign(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Five clients who got a mail each and opened it, and a mail whose member is gone."""
    monkeypatch.setattr(deletion, "AT_ONCE", 2)
    monkeypatch.setattr(deletion, "STEP", 2)
    for _ in range(5):
        factories.customer()
    made: Campaign = factories.campaign(name="Renewal", account=factories.account(practice=True))
    members.add_clients(made, db.select(Client.id))
    control.start(made)
    made.state = CampaignState.FINISHED
    for message in db.session.scalars(db.select(Message)):
        message.state, message.sent_at = MessageState.SENT, utcnow()
        db.session.add(
            Hit(kind=HitKind.OPEN, campaign_id=made.id, message_id=message.id, at=utcnow())
        )
    last = db.session.scalars(db.select(CampaignMember).order_by(CampaignMember.id.desc())).first()
    db.session.delete(last)
    db.session.commit()
    return made


def count(model: type) -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(model)) or 0


def ask(campaign: Campaign) -> Task:
    task = deletion.delete(campaign, factories.user(role="manager"))
    assert task is not None
    return task


def test_it_is_deleted_by_a_task_with_all_that_belongs_to_it(
    campaign: Campaign, login_as: LogIn
) -> None:
    other = factories.campaign(name="Other")
    factories.member(other, factories.customer())
    browser = login_as("manager")
    answer = browser.post(f"/campaigns/{campaign.id}/delete")
    assert "/tasks/" in answer.location
    assert count(Message) == 5
    assert tasks.run_waiting() == 1
    assert "The campaign and its 5 mails are deleted." in browser.get(answer.location).text
    assert [each.name for each in db.session.scalars(db.select(Campaign))] == ["Other"]
    assert [count(model) for model in (Message, Hit, CampaignMember)] == [0, 0, 1]
    entry = db.session.scalars(db.select(AuditEntry).where(AuditEntry.action == "campaign.delete"))
    manager = db.session.scalars(db.select(User).where(User.role == "manager")).one()
    assert [(each.detail["mails"], each.user_id) for each in entry] == [(5, manager.id)]


def test_one_that_is_stopped_halfway_can_only_be_deleted(
    campaign: Campaign, login_as: LogIn
) -> None:
    """It has forgotten some of those who got its mails: it must not send to anybody."""
    task = ask(campaign)
    stop_after_one_step(task)
    tasks.run_waiting()
    db.session.refresh(task)
    assert (task.state, task.done) == (TaskState.CANCELLED, 2)
    assert (count(CampaignMember), count(Message)) == (2, 5)
    assert counters.read(campaign.id)["members"] == 3
    db.session.expire_all()
    assert campaign.state == CampaignState.DELETING
    starts: list[Callable[[], object]] = [
        lambda: control.start(campaign),
        lambda: control.schedule(campaign, utcnow() + timedelta(days=1)),
        lambda: control.retry_failed(campaign),
    ]
    changes: list[Callable[[], object]] = [
        lambda: members.add_clients(campaign, db.select(Client.id)),
        lambda: members.remove(campaign, [1]),
        lambda: members.set_status(campaign, [1], None),
        lambda: operations.update(campaign, {"subject": "Again"}),
    ]
    for action in starts + changes:
        words = "being deleted" if action in changes else "not in a state that allows this"
        with pytest.raises(Conflict, match=words):
            action()
        db.session.rollback()
    browser = login_as("manager")
    assert browser.post(f"/campaigns/{campaign.id}/add/all").status_code < 500
    assert count(CampaignMember) == 2
    page = browser.get(f"/campaigns/{campaign.id}/mailing").text
    assert "stopped half-way" in page
    assert "Delete the rest" in page
    assert "START" not in page
    watched = login_as("supervisor").get(f"/campaigns/{campaign.id}/mailing").text
    assert "stopped half-way" in watched
    assert "Delete the rest" not in watched
    assert browser.post(f"/campaigns/{campaign.id}/delete").status_code == 302
    tasks.run_waiting()
    assert count(Campaign) == count(Message) == 0


def test_one_that_is_given_up_before_its_first_step_stays_as_it_was(campaign: Campaign) -> None:
    task = ask(campaign)
    tasks.cancel(task)
    assert tasks.run_waiting() == 0
    db.session.expire_all()
    assert campaign.state == CampaignState.FINISHED
    assert (count(CampaignMember), count(Message)) == (4, 5)


def test_nobody_is_asked_about_the_doubts_of_one_that_is_going(
    campaign: Campaign, login_as: LogIn
) -> None:
    one = db.session.scalars(db.select(Message)).first()
    assert one is not None
    one.state = MessageState.UNCERTAIN
    db.session.commit()
    assert one.to_address in login_as("manager").get("/undecided").text
    campaign.state = CampaignState.DELETING
    db.session.commit()
    assert one.to_address not in login_as("manager").get("/undecided").text
    assert undecided.resend([one.id]) == 0


def test_none_of_its_mails_is_sent_again(campaign: Campaign, login_as: LogIn) -> None:
    one = db.session.scalars(db.select(Message)).first()
    assert one is not None
    one.state, one.mailing.state = MessageState.FAILED, "finished"
    campaign.state = CampaignState.DELETING
    db.session.commit()
    login_as("administrator").post(f"/mails/{one.id}/retry")
    db.session.expire_all()
    assert (one.state, one.mailing.state) == (MessageState.FAILED, "finished")
    campaign.state = CampaignState.FINISHED
    db.session.commit()
    login_as("administrator").post(f"/mails/{one.id}/retry")
    db.session.expire_all()
    assert one.state == MessageState.QUEUED


def stop_after_one_step(task: Task) -> None:
    """Let somebody ask for the end of a task while its first step is under way."""
    step = deletion._step
    patch = pytest.MonkeyPatch()

    def stepping(campaign_id: int) -> int | None:
        mails = step(campaign_id)
        wanted = db.update(Task).where(Task.id == task.id).values(cancel_requested=True)
        db.session.execute(wanted)
        patch.undo()
        return mails

    patch.setattr(deletion, "_step", stepping)


def test_one_that_is_started_meanwhile_stays(campaign: Campaign) -> None:
    task = ask(campaign)
    campaign.state = CampaignState.RUNNING
    db.session.commit()
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.FAILED
    assert "was started before" in task.error
    assert count(Message) == 5


def test_it_is_asked_for_once(campaign: Campaign, login_as: LogIn) -> None:
    ask(campaign)
    deletion._step(campaign.id)
    db.session.commit()
    page = login_as("supervisor").get(f"/campaigns/{campaign.id}/mailing").text
    assert "first its clients" in page
    assert "Delete the rest" not in page
    with pytest.raises(Conflict):
        deletion.delete(campaign, None)
    assert count(Task) == 1


def test_a_process_that_died_goes_on_where_it_was(campaign: Campaign) -> None:
    task = ask(campaign)
    assert deletion._step(campaign.id) == 2
    db.session.commit()
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.DONE
    assert count(Campaign) == count(Message) == 0


@pytest.mark.parametrize("role", ["supervisor", "operator"])
def test_who_may_not_edit_deletes_nothing(campaign: Campaign, login_as: LogIn, role: str) -> None:
    assert login_as(role).post(f"/campaigns/{campaign.id}/delete").status_code == 403
    assert count(Task) == 0


def test_a_small_one_goes_at_once(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "AT_ONCE", 20)
    assert deletion.delete(campaign, None) is None
    assert count(Campaign) == count(Message) == count(Task) == 0
