"""What the engine makes of servers that refuse, break off, say nonsense or say nothing."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select, update

from ctm import counters
from ctm.accounts import operations as accounts
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.engine.connection import Timeouts
from ctm.models import Campaign, Message, SmtpAccount
from tests import factories
from tests.accounts.servers import certificate
from tests.mailing.engine.faulty import CLOSE, HANG, PIPELINED, Fault, FaultyServer
from tests.mailing.engine.servers import SmtpSink, free_port

pytestmark = pytest.mark.one_database

MakeCampaign = Callable[..., Campaign]
SHORT = Timeouts(connect=0.4, command=0.4, body=0.4, idle=2.0, quit=0.4)
FEATURES = pytest.mark.parametrize("features", [(), PIPELINED], ids=["one by one", "pipelined"])


def run() -> int:
    return build_worker(timeouts=SHORT).run(until_idle=True)


def states(campaign: Campaign) -> Counter[str]:
    """How many mails are in each state; the kept counters must say the same."""
    db.session.expire_all()
    query = (
        select(Message.state, func.count())
        .where(Message.campaign_id == campaign.id)
        .group_by(Message.state)
    )
    found = Counter({row[0]: row[1] for row in db.session.execute(query)})
    pending = {"queued", "deferred", "claimed", "sending"}
    kept = counters.read(campaign.id)
    assert kept["queued"] == sum(found[state] for state in pending)
    for state in ("sent", "failed", "uncertain", "skipped", "cancelled"):
        assert kept.get(state, 0) == found[state]
    return found


def the(state: str, campaign: Campaign) -> Message:
    """The one mail of a campaign in this state."""
    query = select(Message).where(Message.campaign_id == campaign.id, Message.state == state)
    return db.session.scalars(query).one()


def account_of(campaign: Campaign) -> SmtpAccount:
    return db.session.get_one(SmtpAccount, campaign.account_id, populate_existing=True)


def addresses(campaign: Campaign) -> set[str]:
    query = select(Message.to_address).where(Message.campaign_id == campaign.id)
    return set(db.session.scalars(query))


@FEATURES
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "answer"])
@pytest.mark.parametrize(
    ("words", "state"),
    [("451 4.3.0 try later, però", "deferred"), ("554 5.7.1 not for us", "failed")],
)
def test_a_refused_mail_is_refused_alone_and_keeps_the_servers_words(
    big_campaign: MakeCampaign, features: tuple[str, ...], stage: str, words: str, state: str
) -> None:
    with FaultyServer(Fault(stage, words, mail=2), features=features) as server:
        campaign = big_campaign(5, server.port, connections=1)
        control.start(campaign)
        assert run() == 4
    assert states(campaign) == {"sent": 4, state: 1}
    refused = the(state, campaign)
    assert refused.server_words == words
    assert refused.server_code == int(words[:3])
    assert (refused.due_at is not None) == (state == "deferred")
    assert server.accepted == Counter(addresses(campaign) - {refused.to_address})


def test_a_deferred_mail_leaves_when_its_time_has_come(big_campaign: MakeCampaign) -> None:
    with FaultyServer(Fault("rcpt", "450 4.2.1 greylisted", mail=1)) as server:
        campaign = big_campaign(1, server.port, connections=1)
        control.start(campaign)
        assert run() == 0
        assert run() == 0
        db.session.execute(update(Message).values(due_at=Message.created_at))
        db.session.commit()
        assert run() == 1
    assert states(campaign) == {"sent": 1}
    assert the("sent", campaign).attempts == 2


def test_a_server_that_always_defers_is_given_up_at_last(big_campaign: MakeCampaign) -> None:
    with FaultyServer(Fault("rcpt", "450 4.2.1 mailbox busy")) as server:
        campaign = big_campaign(1, server.port, connections=1)
        control.start(campaign)
        db.session.execute(update(Message).values(attempts=13))
        db.session.commit()
        assert run() == 0
    assert states(campaign) == {"failed": 1}
    assert the("failed", campaign).reason == "gave_up"
    assert the("failed", campaign).server_words == "450 4.2.1 mailbox busy"
    assert campaign.state == "finished"


@FEATURES
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data"])
def test_421_makes_the_account_wait_and_costs_no_mail_an_attempt(
    big_campaign: MakeCampaign, features: tuple[str, ...], stage: str
) -> None:
    words = "421 4.7.0 too many connections"
    mail = 2 if stage in ("mail", "rcpt", "data") else 0
    with FaultyServer(Fault(stage, words, mail=mail), features=features) as server:
        campaign = big_campaign(4, server.port, connections=1)
        control.start(campaign)
        sent = run()
        assert sent == (1 if mail else 0)
        assert states(campaign) == Counter({"sent": sent, "queued": 4 - sent})
        account = account_of(campaign)
        assert account.last_error == words
        assert account.retry_at is not None
        assert account.stopped_at is None
        attempts = db.session.scalars(select(Message.attempts).where(Message.state == "queued"))
        assert set(attempts) == {0}
        server.faults = ()
        accounts.restart(account)
        assert run() == 4 - sent
    assert server.accepted == Counter(addresses(campaign))


def test_421_in_place_of_the_answer_defers_that_mail(big_campaign: MakeCampaign) -> None:
    with FaultyServer(Fault("answer", "421 4.3.2 shutting down", mail=1)) as server:
        campaign = big_campaign(3, server.port, connections=1)
        control.start(campaign)
        assert run() == 0
        assert states(campaign) == {"deferred": 1, "queued": 2}
        assert the("deferred", campaign).server_words == "421 4.3.2 shutting down"
        assert run() == 2
    assert states(campaign) == {"deferred": 1, "sent": 2}


@FEATURES
@pytest.mark.parametrize("action", [CLOSE, HANG, "what a lovely day", "999 no such code"])
def test_a_lost_answer_leaves_one_mail_uncertain_and_never_repeats_it(
    big_campaign: MakeCampaign, features: tuple[str, ...], action: str
) -> None:
    with FaultyServer(Fault("answer", action, mail=2), features=features) as server:
        campaign = big_campaign(5, server.port, connections=1)
        control.start(campaign)
        run()
        assert states(campaign)["uncertain"] == 1
        run()
    assert states(campaign) == {"sent": 4, "uncertain": 1}
    lost = the("uncertain", campaign)
    assert lost.reason == "no_answer"
    assert lost.server_words
    assert lost.sent_at is None
    assert server.accepted == Counter(addresses(campaign) - {lost.to_address})


@FEATURES
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("action", [CLOSE, HANG, "\x16\x03 nonsense"])
def test_a_conversation_that_breaks_before_the_body_costs_nothing(
    big_campaign: MakeCampaign, features: tuple[str, ...], stage: str, action: str
) -> None:
    mail = 2 if stage in ("mail", "rcpt", "data") else 0
    with FaultyServer(Fault(stage, action, mail=mail), features=features) as server:
        campaign = big_campaign(4, server.port, connections=1)
        control.start(campaign)
        sent = run()
        assert sent == (1 if mail else 0)
        assert states(campaign) == Counter({"sent": sent, "queued": 4 - sent})
        expected = {CLOSE: "closed the connection", HANG: "no answer in time"}
        assert expected.get(action, "no SMTP reply") in account_of(campaign).last_error
        server.faults = ()
        assert run() == 4 - sent
    assert states(campaign) == {"sent": 4}
    assert server.accepted == Counter(addresses(campaign))


@pytest.mark.parametrize("action", [CLOSE, HANG])
def test_a_body_that_did_not_get_through_is_deferred(
    big_campaign: MakeCampaign, action: str
) -> None:
    with FaultyServer(Fault("body", action, mail=1), small_buffers=True) as server:
        campaign = big_campaign(
            2, server.port, connections=1, body_format="text", body_text="word " * 2_000_000
        )
        control.start(campaign)
        run()
    assert states(campaign) == {"deferred": 1, "queued": 1}
    assert the("deferred", campaign).attempts == 1
    assert not server.accepted


def test_a_server_that_refuses_connections_holds_up_nobody_else(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    dead = big_campaign(2, free_port())
    with FaultyServer(Fault("greeting", HANG)) as server:
        silent = big_campaign(2, server.port)
        alive = big_campaign(20, sink.port)
        for campaign in (dead, silent, alive):
            control.start(campaign)
        assert run() == 20
    assert states(dead) == states(silent) == {"queued": 2}
    assert states(alive) == {"sent": 20}
    assert "refused" in account_of(dead).last_error.lower()
    assert account_of(silent).last_error == "greeting: no answer in time"


def with_login(campaign: Campaign, **values: object) -> Campaign:
    """Its account logs in with a password."""
    account = account_of(campaign)
    account.username = "agenzia@office.example"
    account.password_sealed = current_app.extensions["ctm.vault"].seal("segreta è così")
    for name, value in values.items():
        setattr(account, name, value)
    db.session.commit()
    return campaign


AUTH = ("AUTH PLAIN LOGIN",)


@pytest.mark.parametrize(
    ("features", "fault", "words"),
    [
        (AUTH, "535 5.7.8 wrong password", "535 5.7.8 wrong password"),
        (AUTH, "534 5.7.9 use an app password", "534 5.7.9 use an app password"),
        (("AUTH XOAUTH2",), "", "AUTH PLAIN, AUTH LOGIN: not offered by the server"),
        ((), "", "AUTH PLAIN, AUTH LOGIN: not offered by the server"),
    ],
)
def test_a_refused_login_stops_the_account_and_keeps_its_mails(
    big_campaign: MakeCampaign, features: tuple[str, ...], fault: str, words: str
) -> None:
    with FaultyServer(Fault("auth", fault), features=features) as server:
        campaign = with_login(big_campaign(3, server.port))
        control.start(campaign)
        assert run() == 0
        assert run() == 0
    assert server.connections == 1, "a stopped account knocks no more"
    assert states(campaign) == {"queued": 3}
    account = account_of(campaign)
    assert account.stopped_reason == words
    assert account.stopped_at is not None
    assert campaign.state == "running"


def test_a_login_that_is_refused_for_now_waits(big_campaign: MakeCampaign) -> None:
    with FaultyServer(Fault("auth", "454 4.7.0 try later"), features=AUTH) as server:
        campaign = with_login(big_campaign(3, server.port))
        control.start(campaign)
        assert run() == 0
        account = account_of(campaign)
        assert account.stopped_at is None
        assert account.last_error == "454 4.7.0 try later"
        server.faults = ()
        accounts.restart(account)
        assert run() == 3
    assert states(campaign) == {"sent": 3}


def test_a_server_that_wants_a_login_stops_an_account_without_one(
    big_campaign: MakeCampaign,
) -> None:
    with FaultyServer(Fault("mail", "530 5.7.0 authentication required")) as server:
        campaign = big_campaign(3, server.port)
        control.start(campaign)
        assert run() == 0
    assert states(campaign) == {"queued": 3}
    assert account_of(campaign).stopped_reason == "530 5.7.0 authentication required"


def test_a_password_that_cannot_be_read_stops_the_account(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = with_login(big_campaign(2, sink.port), password_sealed="not sealed by us")
    control.start(campaign)
    assert run() == 0
    assert states(campaign) == {"queued": 2}
    assert account_of(campaign).stopped_reason


def test_without_the_wanted_starttls_nothing_is_sent_in_clear(big_campaign: MakeCampaign) -> None:
    with FaultyServer(features=AUTH) as server:
        campaign = with_login(big_campaign(2, server.port), security="starttls")
        control.start(campaign)
        assert run() == 0
    assert account_of(campaign).stopped_reason == "STARTTLS: not offered by the server"
    assert states(campaign) == {"queued": 2}
    assert server.begun == 0


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_nobody_vouches_for_stops_the_account(
    big_campaign: MakeCampaign, tmp_path: Path, security: str
) -> None:
    context, _chain = certificate(tmp_path)
    server = FaultyServer(features=("STARTTLS", *AUTH), tls=context, tls_at_once=security == "tls")
    with server:
        campaign = with_login(big_campaign(2, server.port), security=security, host="localhost")
        control.start(campaign)
        assert run() == 0
    assert "self-signed certificate" in account_of(campaign).stopped_reason
    assert states(campaign) == {"queued": 2}
    assert server.begun == 0


def test_a_server_without_tls_where_tls_is_wanted_makes_the_account_wait(
    big_campaign: MakeCampaign,
) -> None:
    with FaultyServer() as server:
        campaign = big_campaign(2, server.port, security="tls")
        control.start(campaign)
        assert run() == 0
    assert "TLS" in account_of(campaign).last_error
    assert states(campaign) == {"queued": 2}


def test_a_mail_larger_than_the_server_takes_fails_without_being_sent(
    big_campaign: MakeCampaign,
) -> None:
    with FaultyServer(features=("SIZE 300",)) as server:
        campaign = big_campaign(2, server.port)
        control.start(campaign)
        assert run() == 0
    assert states(campaign) == {"failed": 2}
    messages = db.session.scalars(select(Message)).all()
    assert {each.reason for each in messages} == {"size"}
    assert all(each.server_words.startswith("SIZE 300: ") for each in messages)
    assert server.begun == 0


@pytest.mark.parametrize("limit", ["²", "5" * 5000, "-1", "0", "lots"])
def test_a_limit_that_is_no_number_limits_nothing(big_campaign: MakeCampaign, limit: str) -> None:
    with FaultyServer(features=(f"SIZE {limit}",)) as server:
        control.start(big_campaign(2, server.port))
        assert build_worker().run(until_idle=True) == 2


def test_an_address_only_newer_servers_take_fails_alone(app: Flask) -> None:
    with FaultyServer() as server:
        campaign = factories.campaign(account=factories.account(port=server.port))
        for address in ("anna@example.com", "ànna@example.com", "carlo@example.com"):
            factories.member(campaign, factories.customer(email1=address))
        control.start(campaign)
        assert run() == 2
    assert states(campaign) == {"sent": 2, "failed": 1}
    assert the("failed", campaign).to_address == "ànna@example.com"
    assert the("failed", campaign).server_words == "SMTPUTF8: not offered"
    assert set(server.accepted) == {"anna@example.com", "carlo@example.com"}


@FEATURES
@pytest.mark.parametrize("words", ["550 5.1.1 no such user", "451 4.3.0 try later"])
def test_a_refused_bcc_does_not_keep_the_mail_from_the_client(
    big_campaign: MakeCampaign, features: tuple[str, ...], words: str
) -> None:
    with FaultyServer(Fault("rcpt", words, recipient=2), features=features) as server:
        campaign = big_campaign(3, server.port, bcc="archive@office.example")
        control.start(campaign)
        assert run() == 3
    assert states(campaign) == {"sent": 3}
    assert server.accepted == Counter(addresses(campaign))


@FEATURES
def test_a_refused_client_gets_no_mail_by_way_of_the_bcc(
    big_campaign: MakeCampaign, features: tuple[str, ...]
) -> None:
    words = "550 5.1.1 no such user"
    with FaultyServer(Fault("rcpt", words, mail=1), features=features) as server:
        campaign = big_campaign(2, server.port, bcc="archive@office.example", connections=1)
        control.start(campaign)
        run()
        run()
    assert states(campaign) == {"sent": 1, "failed": 1}
    assert server.accepted["archive@office.example"] == 1
    assert the("failed", campaign).to_address not in server.accepted
