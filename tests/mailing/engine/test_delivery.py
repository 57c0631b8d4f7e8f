"""Campaigns over a real SMTP server."""

import email
import email.policy
import itertools
import re
import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import counters
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.outbox import Result
from ctm.models import Campaign, CampaignMember, ListStatus, Message, SmtpAccount, Suppression
from tests import factories
from tests.mailing.engine.servers import SmtpSink, free_port

MANY = 10_000
MakeCampaign = Callable[..., Campaign]


def recounted(campaign: Campaign) -> dict[str, int]:
    """The mail counters, counted from the messages."""
    query = (
        select(Message.state, func.count())
        .where(Message.campaign_id == campaign.id)
        .group_by(Message.state)
    )
    found = {row[0]: row[1] for row in db.session.execute(query)}
    return found | {"total": sum(found.values())}


def kept(campaign: Campaign) -> dict[str, int]:
    names = ("total", "queued", "sent", "failed", "uncertain", "skipped", "cancelled")
    return {k: v for k, v in counters.read(campaign.id).items() if k in names and v}


def test_every_recipient_gets_one_mail(sink: SmtpSink, big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(500, sink.port)
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 500
    assert sorted(sink.deliveries()) == sorted(f"client{n}@example.com" for n in range(1, 501))
    assert set(sink.deliveries().values()) == {1}
    db.session.expire_all()
    assert campaign.state == "finished"
    assert kept(campaign) == recounted(campaign) == {"total": 500, "sent": 500}


def test_the_sent_mail_moves_the_list_status(sink: SmtpSink, big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(3, sink.port)
    control.start(campaign)
    build_worker().run(until_idle=True)
    names = db.session.scalars(
        select(ListStatus.name).join(CampaignMember, CampaignMember.list_status_id == ListStatus.id)
    ).all()
    assert names == [f"sent {campaign.id}"] * 3
    status = next(k for k in counters.read(campaign.id) if k.startswith("status:") and k[-1] != "0")
    assert counters.read(campaign.id)[status] == 3
    assert counters.read(campaign.id)["status:0"] == 0


def test_the_mail_is_personal_and_well_formed(sink: SmtpSink, big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(1, sink.port, from_name="Agenzia Però", reply_to="reply@office.example")
    control.start(campaign)
    build_worker().run(until_idle=True)
    raw = sink.content()
    raw = raw[raw.index(b"Date:") :]
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Subject"] == "Renewal for Name1"
    assert mail["From"] == f"Agenzia Però <{campaign.account.from_email}>"
    assert mail["Reply-To"] == "reply@office.example"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http://mail\.test/r/[\w-]{24}>", mail["List-Unsubscribe"])
    html = mail.get_body(("html",)).get_content()
    assert "Dear Name1" in html
    assert re.search(r"http://mail\.test/c/[\w-]{24}/1", html)
    assert "https://office.example/renew" in mail.get_body(("plain",)).get_content()
    stored = db.session.scalar(select(Message))
    assert mail["Message-ID"] == stored.message_id
    assert stored.merge_values == {"clienti.nome": "Name1"}


def test_the_bcc_is_in_the_envelope_only(sink: SmtpSink, big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(1, sink.port, bcc="archive@office.example")
    control.start(campaign)
    build_worker().run(until_idle=True)
    assert sink.deliveries()["archive@office.example"] == 1
    body = sink.content()[sink.content().index(b"Date:") :]
    assert b"archive@office.example" not in body


def test_both_addresses_of_a_client_get_the_mail(sink: SmtpSink, app: Flask) -> None:
    campaign = factories.campaign(account=factories.account(port=sink.port))
    person = factories.customer(email1="one@example.com", email2="two@example.com", email3="x@y.zz")
    factories.member(campaign, person)
    control.start(campaign)
    build_worker().run(until_idle=True)
    assert sink.deliveries() == {"one@example.com": 1, "two@example.com": 1}


def test_an_address_removed_after_queueing_is_left_out(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(3, sink.port)
    control.start(campaign)
    db.session.add(Suppression(address="client2@example.com"))
    db.session.commit()
    build_worker().run(until_idle=True)
    assert sorted(sink.deliveries()) == ["client1@example.com", "client3@example.com"]
    assert kept(campaign) == recounted(campaign) == {"total": 3, "sent": 2, "skipped": 1}


def test_the_delay_between_mails_is_kept_over_restarts(
    sink: SmtpSink, big_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = big_campaign(4, sink.port, delay_seconds=0.4)
    control.start(campaign)
    worker = build_worker()
    note = worker.note_result

    def note_and_stop(result: Result) -> None:
        note(result)
        worker.stop()

    monkeypatch.setattr(worker, "note_result", note_and_stop)
    assert worker.run() == 1
    build_worker().run(until_idle=True)
    times = sorted(db.session.scalars(select(Message.sent_at)).all())
    gaps = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(times)]
    assert len(gaps) == 3
    assert min(gaps) >= 0.4
    assert kept(campaign) == recounted(campaign) == {"total": 4, "sent": 4}


def test_a_pause_acts_within_one_message(
    sink: SmtpSink, big_campaign: MakeCampaign, app: Flask
) -> None:
    campaign = big_campaign(MANY, sink.port, connections=1)
    control.start(campaign)
    worker = build_worker()
    identity = campaign.id
    seen: list[int] = []

    def pause_soon() -> None:
        try:
            with app.app_context():
                while not worker.sent:
                    time.sleep(0.001)
                control.pause(db.session.get(Campaign, identity))
                seen.append(worker.sent)
                time.sleep(1.0)
                seen.append(worker.sent)
        finally:
            worker.stop()

    thread = threading.Thread(target=pause_soon)
    thread.start()
    worker.run()
    thread.join()
    assert seen[1] < MANY, "the campaign was over before the pause"
    assert seen[1] - seen[0] <= 1
    db.session.expire_all()
    control.resume(campaign)
    build_worker().run(until_idle=True)
    assert set(sink.deliveries().values()) == {1}
    assert sink.deliveries().total() == MANY
    assert kept(campaign) == recounted(campaign) == {"total": MANY, "sent": MANY}


def test_stop_cancels_what_has_not_left_and_a_new_start_takes_it_up(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(5, sink.port)
    control.start(campaign)
    assert control.stop(campaign) == 5
    assert kept(campaign) == recounted(campaign) == {"total": 5, "cancelled": 5}
    assert build_worker().run(until_idle=True) == 0
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 5
    assert sink.deliveries().total() == 5
    assert kept(campaign) == recounted(campaign) == {"total": 5, "sent": 5}


def test_a_dead_server_holds_up_its_own_account_alone(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    dead = big_campaign(3, free_port())
    alive = big_campaign(50, sink.port)
    control.start(dead)
    control.start(alive)
    assert build_worker().run(until_idle=True) == 50
    db.session.expire_all()
    assert recounted(alive) == {"total": 50, "sent": 50}
    assert recounted(dead) == {"total": 3, "queued": 3}
    account = db.session.get(SmtpAccount, dead.account_id)
    assert "refused" in account.last_error.lower()
    assert account.retry_at is not None


def test_a_provider_window_is_kept(sink: SmtpSink, big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(30, sink.port, limits=[[10, 3600]])
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 10
    assert build_worker().run(until_idle=True) == 0
    assert (
        kept(campaign)
        == recounted(campaign) | {"queued": 20}
        == {
            "total": 30,
            "sent": 10,
            "queued": 20,
        }
    )


def test_a_refused_recipient_fails_alone_with_the_servers_words(
    tmp_path: object, big_campaign: MakeCampaign
) -> None:
    with SmtpSink(tmp_path / "refusing", "-f", "RCPT") as server:  # type: ignore[operator]
        campaign = big_campaign(3, server.port)
        control.start(campaign)
        assert build_worker().run(until_idle=True) == 0
    messages = db.session.scalars(select(Message)).all()
    assert {message.state for message in messages} == {"failed"}
    assert all(message.server_words.startswith("500") for message in messages)
    assert kept(campaign) == recounted(campaign) == {"total": 3, "failed": 3}
