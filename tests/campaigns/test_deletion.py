"""Deleting a campaign that is too large for a request."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import counters, tasks
from ctm.campaigns import deletion, members
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control
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


def test_one_that_is_stopped_sends_to_nobody_again(campaign: Campaign) -> None:
    """Not even to the address of a client who is gone, which another one shares."""
    addresses = db.session.scalars(db.select(Message.to_address).order_by(Message.id)).all()
    sharer = factories.customer(email1=addresses[0])
    factories.member(campaign, sharer)
    db.session.commit()
    task = ask(campaign)
    stop_after_one_step(task)
    tasks.run_waiting()
    db.session.refresh(task)
    assert (task.state, task.done) == (TaskState.CANCELLED, 2)
    left = db.session.scalars(db.select(CampaignMember.client_id)).all()
    assert len(left) == 3
    assert sharer.id in left
    assert count(Message) == 5
    assert counters.read(campaign.id)["members"] == 3
    db.session.expire_all()
    with pytest.raises(Conflict, match="nobody to send to"):
        control.start(campaign)
    ask(campaign)
    tasks.run_waiting()
    assert count(Campaign) == count(Message) == 0


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
    assert "was started again" in task.error
    assert count(Message) == 5


def test_it_is_asked_for_once(campaign: Campaign) -> None:
    ask(campaign)
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
