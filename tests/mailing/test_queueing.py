"""Large campaigns are queued in the background: in steps, all or nothing, and never twice."""

import pytest
from flask import Flask

from ctm import counters, suppressions, tasks
from ctm.campaigns import members
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control, outbox
from ctm.mailing.control import counting, queueing
from ctm.models import Campaign, CampaignState, Client, Mailing, Message, Task
from tests import factories


@pytest.fixture
def campaign(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Seven clients: one has another's address, one is suppressed, one has no address."""
    monkeypatch.setattr(queueing, "AT_ONCE", 3)
    monkeypatch.setattr(queueing, "STEP", 2)
    for address in ("a", "b", "A", "c", "barred", "", "d"):
        factories.customer(email1=f"{address}@example.it" if address else "")
    suppressions.suppress("barred@example.it", "by_hand")
    made: Campaign = factories.campaign()
    members.add_clients(made, db.select(Client.id))
    return made


def addresses(campaign: Campaign) -> list[str]:
    query = db.select(Message.to_address).where(Message.campaign_id == campaign.id)
    return [address[0] for address in db.session.scalars(query.order_by(Message.id))]


def state(campaign: Campaign) -> tuple[str, str]:
    db.session.expire_all()
    mailing = db.session.scalars(db.select(Mailing).order_by(Mailing.id.desc())).first()
    return db.session.get_one(Campaign, campaign.id).state, mailing.state if mailing else ""


def kept(campaign: Campaign) -> dict[str, int]:
    names = ("total", "queued", "cancelled")
    return {name: counters.read(campaign.id).get(name, 0) for name in names}


def test_nothing_leaves_before_all_mails_are_queued(campaign: Campaign) -> None:
    control.start(campaign)
    assert state(campaign) == ("running", "queueing")
    assert control.is_queueing(campaign)
    assert outbox.open_mailings(db.session.connection()) == []
    assert tasks.run_waiting() == 1
    assert state(campaign) == ("running", "running")
    assert addresses(campaign) == ["a", "b", "c", "d"]
    assert kept(campaign) == {"total": 4, "queued": 4, "cancelled": 0}
    task = db.session.scalars(db.select(Task)).one()
    assert (task.state, task.done, task.total) == ("done", 7, 7)


def test_the_same_mails_are_queued_at_once_and_in_steps(campaign: Campaign) -> None:
    control.start(campaign, wait=True)
    assert state(campaign) == ("running", "running")
    assert addresses(campaign) == ["a", "b", "c", "d"]


def test_queueing_goes_on_where_a_crash_left_it(campaign: Campaign) -> None:
    control.start(campaign)
    mailing = db.session.scalars(db.select(Mailing)).one()
    calls: list[int] = []
    totals: list[int] = []

    def crash(count: int) -> None:
        db.session.commit()
        calls.append(count)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queueing.fill(campaign, mailing, CampaignState.DRAFT, totals.append, crash)
    assert addresses(campaign) == ["a", "b", "c"]
    tasks.run_waiting()
    assert addresses(campaign) == ["a", "b", "c", "d"]
    assert kept(campaign) == {"total": 4, "queued": 4, "cancelled": 0}
    assert state(campaign) == ("running", "running")


def test_a_campaign_paused_meanwhile_stays_paused(campaign: Campaign) -> None:
    control.start(campaign)
    control.pause(campaign)
    tasks.run_waiting()
    assert state(campaign) == ("paused", "paused")
    control.resume(campaign)
    assert state(campaign) == ("running", "running")


def test_a_campaign_stopped_meanwhile_queues_nothing_more(campaign: Campaign) -> None:
    control.start(campaign)
    control.stop(campaign)
    tasks.run_waiting()
    assert state(campaign) == ("stopped", "stopped")
    assert addresses(campaign) == []


def test_work_that_is_stopped_stops_the_campaign(campaign: Campaign) -> None:
    control.start(campaign)
    task = db.session.scalars(db.select(Task)).one()
    task.cancel_requested = True
    db.session.commit()
    tasks.run_waiting()
    control.finish_done()
    assert state(campaign) == ("stopped", "stopped")
    assert db.session.get_one(Task, task.id).state == "cancelled"
    assert kept(campaign)["queued"] == 0


def test_a_stopped_campaign_is_cancelled_in_steps_and_starts_again(campaign: Campaign) -> None:
    control.start(campaign, wait=True)
    assert control.stop(campaign) == 4
    assert kept(campaign)["queued"] == 2
    control.finish_done()
    assert kept(campaign) == {"total": 4, "queued": 0, "cancelled": 4}
    control.start(campaign)
    tasks.run_waiting()
    assert addresses(campaign) == ["a", "b", "c", "d"]
    assert kept(campaign) == {"total": 4, "queued": 4, "cancelled": 0}


def test_a_start_soon_after_a_stop_takes_up_what_was_not_cancelled_yet(campaign: Campaign) -> None:
    control.start(campaign, wait=True)
    control.stop(campaign)
    control.start(campaign, wait=True)
    assert addresses(campaign) == ["a", "b", "c", "d"]
    assert kept(campaign) == {"total": 4, "queued": 4, "cancelled": 0}


def test_with_nobody_to_send_to_the_campaign_is_what_it_was(campaign: Campaign) -> None:
    for name in "abcd":
        suppressions.suppress(f"{name}@example.it", "by_hand")
    control.start(campaign)
    tasks.run_waiting()
    assert state(campaign) == ("draft", "stopped")
    task = db.session.scalars(db.select(Task)).one()
    assert task.state == "failed"
    assert "nessuno a cui inviare" in task.error
    with pytest.raises(Conflict, match="nobody"):
        control.start(campaign, wait=True)


def test_two_starts_queue_once(campaign: Campaign) -> None:
    control.start(campaign)
    with pytest.raises(Conflict):
        control.start(campaign)
    assert tasks.run_waiting() == 1
    assert addresses(campaign) == ["a", "b", "c", "d"]


def test_a_large_forecast_is_counted_in_the_background_and_kept(campaign: Campaign) -> None:
    first = control.forecast(campaign, wait=False)
    assert first.counting
    control.count_later(campaign, None)
    control.count_later(campaign, None)
    assert control.is_counting(campaign)
    assert tasks.run_waiting() == 1
    known = control.forecast(campaign, wait=False)
    exact = control.forecast(campaign)
    assert not known.counting
    assert (known.will_go, known.clients, known.left_out) == (4, 4, exact.left_out)
    members.add_clients(campaign, db.select(Client.id).where(Client.id == factories.customer().id))
    assert control.forecast(campaign, wait=False).counting
    assert db.session.scalars(db.select(Task.kind)).one() == counting.TASK
