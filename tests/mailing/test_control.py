"""Starting, pausing, stopping and retrying: once, together, and with counters that add up."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from ctm import audit, counters, suppressions
from ctm.campaigns import members
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError
from ctm.extensions import db
from ctm.mailing import control, outcomes, undecided
from ctm.mailing.control import planning
from ctm.mailing.engine.command import build_worker
from ctm.models import (
    Campaign,
    CampaignMember,
    Client,
    Mailing,
    Message,
    Outcome,
    OutcomeStatus,
)
from tests import factories
from tests.mailing.engine.servers import SmtpSink

PENDING = {"queued", "deferred", "claimed", "sending"}


@pytest.fixture
def campaign(app: Flask) -> Campaign:
    """Five clients, each with a list status for every outcome."""
    made = factories.campaign()
    for outcome in (Outcome.SENT, Outcome.READ, Outcome.REMOVED):
        status = factories.list_status(outcome.value)
        db.session.add(
            OutcomeStatus(campaign_id=made.id, outcome=outcome, list_status_id=status.id)
        )
    for _ in range(5):
        factories.customer()
    members.add_clients(made, db.select(Client.id))
    return made


def recounted(campaign: Campaign) -> dict[str, int]:
    """All counters of mails and list statuses, counted from the records."""
    db.session.expire_all()
    found: Counter[str] = Counter()
    for message in db.session.scalars(db.select(Message).filter_by(campaign_id=campaign.id)):
        found["total"] += 1
        found["queued" if message.state in PENDING else message.state] += 1
    for member in db.session.scalars(db.select(CampaignMember).filter_by(campaign_id=campaign.id)):
        found["members"] += 1
        found[f"status:{member.list_status_id or 0}"] += 1
    return dict(found)


def add_up(campaign: Campaign) -> dict[str, int]:
    kept = {name: value for name, value in counters.read(campaign.id).items() if value}
    assert kept == recounted(campaign)
    return kept


def together(app: Flask, action: Callable[[Campaign], Any], campaign: Campaign, times: int) -> list:  # type: ignore[type-arg]
    """Do the same at once in several threads; what each returned or raised."""
    identity = campaign.id
    db.session.commit()
    gate = threading.Barrier(times)
    answers: list[Any] = []

    def act() -> None:
        with app.app_context():
            audit.act_as(None)
            mine = db.session.get_one(Campaign, identity)
            gate.wait()
            try:
                action(mine)
                answers.append("done")
            except CtmError as error:
                answers.append(error)

    threads = [threading.Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.expire_all()
    return answers


def test_two_starts_at_once_queue_once(app: Flask, campaign: Campaign) -> None:
    answers = together(app, control.start, campaign, 6)
    assert answers.count("done") == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 5
    assert add_up(campaign)["total"] == 5
    assert db.session.scalar(db.select(db.func.count()).select_from(Mailing)) == 1


def test_two_stops_at_once_cancel_once(app: Flask, campaign: Campaign) -> None:
    control.start(campaign)
    assert together(app, control.stop, campaign, 4).count("done") == 1
    assert add_up(campaign)["cancelled"] == 5


def test_two_retries_at_once_queue_each_mail_once(app: Flask, campaign: Campaign) -> None:
    control.start(campaign)
    db.session.execute(db.update(Message).values(state="failed"))
    counters.add(campaign.id, {"queued": -5, "failed": 5})
    assert together(app, control.retry_failed, campaign, 4).count("done") == 1
    assert add_up(campaign) == {"members": 5, "status:0": 5, "total": 5, "queued": 5}


def test_a_due_start_fires_once_however_many_look(app: Flask, campaign: Campaign) -> None:
    at = utcnow() + timedelta(hours=1)
    control.schedule(campaign, at)
    together(app, lambda _campaign: control.start_due(at), campaign, 4)
    assert campaign.state == "running"
    assert add_up(campaign)["total"] == 5


def test_one_campaign_that_cannot_start_does_not_hold_up_the_next(campaign: Campaign) -> None:
    at = utcnow() + timedelta(hours=1)
    other = factories.campaign()
    factories.member(other, factories.customer())
    control.schedule(campaign, at)
    control.schedule(other, at)
    campaign.subject = ""
    db.session.commit()
    assert control.start_due(at) == 1
    assert (campaign.state, other.state) == ("overdue", "running")


def test_a_campaign_given_up_at_the_last_moment_holds_up_no_other(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = utcnow() + timedelta(hours=1)
    other = factories.campaign()
    factories.member(other, factories.customer())
    control.schedule(campaign, at)
    control.schedule(other, at)
    start = control.start

    def given_up_first(each: Campaign) -> Mailing:
        if each.id == campaign.id:
            control.unschedule(each)
            raise Conflict("not in this state any more")
        return start(each)

    monkeypatch.setattr(planning, "start", given_up_first)
    assert control.start_due(at) == 1
    assert (campaign.state, other.state) == ("draft", "running")


def test_the_counters_add_up_after_every_operation(campaign: Campaign) -> None:
    control.start(campaign)
    assert add_up(campaign)["queued"] == 5
    control.pause(campaign)
    add_up(campaign)
    control.resume(campaign)
    add_up(campaign)
    first = db.session.scalar(db.select(Message.id).order_by(Message.id))
    db.session.execute(db.update(Message).where(Message.id == first).values(state="sent"))
    counters.add(campaign.id, {"queued": -1, "sent": 1})
    control.stop(campaign)
    assert add_up(campaign)["cancelled"] == 4
    suppressions.suppress(db.session.scalars(db.select(Client)).all()[-1].email1)
    control.start(campaign)
    kept = add_up(campaign)
    assert (kept["total"], kept["sent"], kept["queued"]) == (4, 1, 3)
    db.session.execute(db.update(Message).filter_by(state="queued").values(state="uncertain"))
    counters.add(campaign.id, {"queued": -3, "uncertain": 3})
    waiting = db.session.scalars(db.select(Message.id).where(undecided.waiting())).all()
    assert undecided.leave(waiting[:1]) == 1
    add_up(campaign)
    assert undecided.resend(waiting) == 2
    kept = add_up(campaign)
    assert (kept["queued"], kept["uncertain"]) == (2, 1)
    control.stop(campaign)
    add_up(campaign)


def test_mails_skipped_at_the_last_moment_are_counted(campaign: Campaign, sink: SmtpSink) -> None:
    campaign.account.port = sink.port
    control.start(campaign)
    suppressions.suppress(db.session.scalars(db.select(Client.email1)).first())
    assert build_worker().run(until_idle=True) == 4
    kept = add_up(campaign)
    assert (kept["sent"], kept["skipped"]) == (4, 1)
    assert campaign.state == "finished"


def test_a_start_that_is_refused_leaves_nothing_behind(campaign: Campaign) -> None:
    campaign.body_html = "<p>[clienti.nomme]</p>"
    db.session.commit()
    with pytest.raises(CtmError, match="nomme"):
        control.start(campaign)
    db.session.commit()
    assert campaign.state == "draft"
    assert db.session.scalars(db.select(Mailing)).all() == []
    assert add_up(campaign) == {"members": 5, "status:0": 5}


def test_clients_added_to_a_finished_campaign_get_it_and_the_others_do_not(
    campaign: Campaign, sink: SmtpSink
) -> None:
    campaign.account.port = sink.port
    control.start(campaign)
    build_worker().run(until_idle=True)
    late = factories.customer()
    members.add_clients(campaign, db.select(Client.id).where(Client.id == late.id))
    db.session.expire_all()
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 1
    assert set(sink.deliveries().values()) == {1}
    assert add_up(campaign)["sent"] == 6


def member_of(campaign: Campaign) -> CampaignMember:
    query = db.select(CampaignMember).filter_by(campaign_id=campaign.id)
    return db.session.scalars(query.order_by(CampaignMember.id)).first()


def test_a_status_set_by_hand_is_kept_until_a_removal(campaign: Campaign) -> None:
    chosen = factories.list_status("Called back")
    member = member_of(campaign)
    members.set_status(campaign, [member.id], chosen)
    for outcome in (Outcome.SENT, Outcome.READ):
        outcomes.reach(db.session, outcome, [member.id])
        db.session.commit()
        add_up(campaign)
        assert member_of(campaign).list_status.name == "Called back"
    outcomes.reach(db.session, Outcome.REMOVED, [member.id])
    db.session.commit()
    add_up(campaign)
    assert member_of(campaign).list_status.name == "removed"


def test_an_earlier_outcome_never_takes_a_later_one_back(campaign: Campaign) -> None:
    member = member_of(campaign)
    for outcome in (Outcome.READ, Outcome.SENT, Outcome.FAILED):
        outcomes.reach(db.session, outcome, [member.id])
        db.session.commit()
    add_up(campaign)
    assert (member_of(campaign).outcome, member_of(campaign).list_status.name) == ("read", "read")
