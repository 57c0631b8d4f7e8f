"""Which answers speak of the account, and what the engine then does."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from ctm.accounts import operations
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.engine.replies import Reply
from ctm.mailing.engine.throttling import Kind, account_words
from ctm.models import Message, SmtpAccount
from tests.accounts.servers import certificate
from tests.mailing.engine.faulty import CLOSE, HANG, IN_ADVANCE, PIPELINED, Fault, FaultyServer
from tests.mailing.engine.test_faults import (
    AUTH,
    SHORT,
    MakeCampaign,
    account_of,
    addresses,
    run,
    states,
    the,
    with_login,
)

pytestmark = pytest.mark.one_database

ACCOUNT = [
    ("421 4.7.0 Our system has detected an unusual rate of unsolicited mail", Kind.SLOWER),
    ("421 4.7.0 Try again later, closing connection.", Kind.SLOWER),
    ("450 4.2.1 Peak SMTP relay limit exceeded for customer.", Kind.SLOWER),
    ("454 4.7.0 Cannot authenticate due to a temporary system problem.", Kind.SLOWER),
    ("454 4.7.0 Too many login attempts, please try again later.", Kind.SLOWER),
    ("452 4.5.3 Your message has too many recipients.", Kind.SLOWER),
    ("550 5.4.5 Daily user sending limit exceeded. gsmtp", Kind.SPENT),
    ("550 5.4.5 Daily SMTP relay sending limit exceeded for customer.", Kind.SPENT),
    ("550 5.4.5 https://support.google.com/mail/?p=DailyLimitExceeded", Kind.SPENT),
    ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Kind.SLOWER),
    ("432 4.3.2 Concurrent connections limit exceeded. Visit aka.ms", Kind.SLOWER),
    ("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException;", Kind.SPENT),
    ("550 5.1.90 Your message can't be sent because you've reached your daily limit", Kind.SPENT),
    ("550 5.2.252 Sender throttled due to continuous send as denied errors.", Kind.SLOWER),
    ("451 4.7.500 Server busy. Please try again later", Kind.SLOWER),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", Kind.BARRED),
    ("550 5.1.8 Access denied, bad outbound sender", Kind.BARRED),
    ("550 X.X.X iemL1p01Z0hMcT901emQ77 policy violation", Kind.SLOWER),
    ("553 5.7.1 <a@b.it>: Sender address rejected: not logged in", Kind.BARRED),
    ("550 MAX RCPT TO DAILY LIMIT", Kind.SPENT),
    ("554 Hai superato il limite di invio giornaliero", Kind.SPENT),
    ("450 Mail send limit exceeded.", Kind.SLOWER),
    ("450 4.7.1 Error: too much mail from 192.0.2.7", Kind.SLOWER),
    ("421 4.7.0 Error: too many connections from 192.0.2.7", Kind.SLOWER),
    (
        "554 5.7.1 <a@b.it>: Sender address rejected: Policy rejection; Message count exceeded",
        Kind.SPENT,
    ),
    ("421 4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume", Kind.SLOWER),
    ("452 4.3.1 Insufficient system storage", Kind.SLOWER),
    ("452 insufficient storage", Kind.SLOWER),
    ("550 You have exceeded the hourly sending limit of 200", Kind.SPENT),
]
MAIL = [
    "250 2.0.0 queued",
    "354 go on",
    "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
    "452 4.2.2 The email account that you tried to reach is over quota.",
    "552 5.2.2 mailbox full",
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException",
    "550 5.1.1 The email account that you tried to reach does not exist.",
    "450 4.7.1 Greylisting in action, please come back later",
    "451 4.7.1 Greylisted, daily limit of patience",
    "552 5.3.4 Message size exceeds fixed limit",
    "552 5.2.3 Your message exceeded Google's message size limits.",
    "554 5.7.1 Spam message rejected",
    "550 5.7.1 Relaying denied",
    "451 4.3.0 try later",
    "554 La casella è piena",
    "550 5.7.1 limited access",
]


def reply(words: str) -> Reply:
    return Reply(int(words[:3]), (words[4:],))


@pytest.mark.parametrize(("words", "kind"), ACCOUNT, ids=[words for words, _kind in ACCOUNT])
def test_answers_that_speak_of_the_account(words: str, kind: Kind) -> None:
    assert account_words(reply(words)) is kind


@pytest.mark.parametrize("words", MAIL)
def test_answers_that_speak_of_the_mail_alone(words: str) -> None:
    assert account_words(reply(words)) is None


def test_a_connection_that_breaks_while_the_account_waits_neither_holds_a_mail_nor_ends_the_wait(
    big_campaign: MakeCampaign,
) -> None:
    words = "550 5.4.5 Daily user sending limit exceeded."
    faults = (Fault("rcpt", HANG, mail=2), Fault("rcpt", words, mail=3))
    with FaultyServer(*faults) as server:
        campaign = big_campaign(6, server.port, connections=2)
        control.start(campaign)
        assert run() == 1
        assert server.begun == 3
        assert states(campaign) == {"sent": 1, "queued": 5}
        account = account_of(campaign)
        assert account.last_error == words
        assert account.retry_at
        assert account.retry_at - utcnow() > timedelta(minutes=55)


def test_gmails_daily_limit_fails_no_mail_and_tries_again_in_an_hour(
    big_campaign: MakeCampaign,
) -> None:
    words = "550 5.4.5 Daily user sending limit exceeded."
    with FaultyServer(Fault("rcpt", words)) as server:
        campaign = big_campaign(4, server.port)
        control.start(campaign)
        assert run() == 0
        knocked = server.connections
        assert run() == 0
        assert server.connections == knocked, "the second worker knows of the first one's wait"
        assert states(campaign) == {"queued": 4}
        assert set(db.session.scalars(select(Message.attempts))) == {0}
        account = account_of(campaign)
        assert account.last_error == words
        assert account.retry_at
        assert timedelta(minutes=55) < account.retry_at - utcnow() <= timedelta(hours=1)
        server.faults = ()
        operations.restart(account)
        assert run() == 4
    assert server.accepted == Counter(addresses(campaign))


def test_a_sender_that_is_not_allowed_stops_the_account_before_its_mails_fail(
    big_campaign: MakeCampaign,
) -> None:
    words = "553 5.7.1 <office1@office.example>: Sender address rejected: not owned by user"
    with FaultyServer(Fault("rcpt", words)) as server:
        campaign = big_campaign(4, server.port)
        control.start(campaign)
        assert run() == 0
    assert states(campaign) == {"queued": 4}
    assert account_of(campaign).stopped_reason == words


def test_a_throttled_account_goes_on_with_fewer_connections(
    big_campaign: MakeCampaign, app: Flask
) -> None:
    with FaultyServer(
        Fault("mail", "432 4.3.2 Concurrent connections limit exceeded", 3)
    ) as server:
        campaign = big_campaign(40, server.port, connections=4)
        control.start(campaign)
        worker = build_worker(timeouts=SHORT)
        worker.run(until_idle=True)
        assert worker._lanes[campaign.account_id].fewer == 2
    assert not states(campaign)["failed"]


def test_a_wait_that_a_person_lifts_is_lifted_in_the_running_worker(
    big_campaign: MakeCampaign,
) -> None:
    with FaultyServer(Fault("mail", "450 4.7.1 too much mail", mail=1)) as server:
        campaign = big_campaign(3, server.port, connections=1)
        control.start(campaign)
        worker = build_worker(timeouts=SHORT)
        told = worker.account_waits

        def lift(*arguments: object) -> None:
            told(*arguments)  # type: ignore[arg-type]
            db.session.execute(update(SmtpAccount).values(retry_at=None))
            db.session.commit()

        worker.account_waits = lift  # type: ignore[method-assign]
        worker.run(until_idle=True)
        assert worker.sent + run() == 3
    assert states(campaign) == {"sent": 3}


@pytest.mark.parametrize("words", ["530 5.7.0 authentication required", "535 5.7.8 expired"])
def test_a_login_lost_in_mid_session_is_tried_anew(big_campaign: MakeCampaign, words: str) -> None:
    with FaultyServer(Fault("mail", words, mail=3), features=AUTH) as server:
        campaign = with_login(big_campaign(5, server.port, connections=1))
        control.start(campaign)
        sent = run()
        assert account_of(campaign).stopped_at is None
        assert account_of(campaign).last_error == words
        assert sent + run() == 5
        assert server.connections >= 2
    assert server.accepted == Counter(addresses(campaign))


def test_a_login_lost_for_good_stops_the_account(big_campaign: MakeCampaign) -> None:
    words = "530 5.7.0 authentication required"
    with FaultyServer(Fault("mail", words), features=AUTH) as server:
        campaign = with_login(big_campaign(3, server.port, connections=1))
        control.start(campaign)
        assert run() == 0
    assert account_of(campaign).stopped_reason == words
    assert states(campaign) == {"queued": 3}


@pytest.mark.parametrize("features", [(), PIPELINED], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("stage", ["mail", "answer"])
def test_a_mail_that_is_too_large_for_the_server_fails_alone(
    big_campaign: MakeCampaign, features: tuple[str, ...], stage: str
) -> None:
    words = "552 5.3.4 Message size exceeds fixed limit"
    with FaultyServer(Fault(stage, words, mail=2), features=features) as server:
        campaign = big_campaign(4, server.port, connections=1)
        control.start(campaign)
        assert run() == 3
    assert states(campaign) == {"sent": 3, "failed": 1}
    assert the("failed", campaign).server_words == words


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("mail.elsewhere.example", 30, "Hostname mismatch"),
        ("localhost", -1, "certificate has expired"),
    ],
    ids=["wrong name", "expired"],
)
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_is_wrong_stops_the_account_before_the_password_leaves(
    big_campaign: MakeCampaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    name: str,
    days: int,
    words: str,
) -> None:
    context, chain = certificate(tmp_path, name, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    at_once = security == "tls"
    with FaultyServer(features=("STARTTLS", *AUTH), tls=context, tls_at_once=at_once) as server:
        campaign = with_login(big_campaign(2, server.port), security=security, host="localhost")
        control.start(campaign)
        assert run() == 0
    assert words in account_of(campaign).stopped_reason
    assert states(campaign) == {"queued": 2}
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_words_slipped_in_before_tls_are_not_believed(
    big_campaign: MakeCampaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2011-0411: what came in clear must not count once the talk is secret."""
    context, chain = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))

    with FaultyServer(
        Fault("starttls", IN_ADVANCE), features=("STARTTLS", *AUTH), tls=context
    ) as server:
        campaign = with_login(big_campaign(2, server.port), security="starttls", host="localhost")
        control.start(campaign)
        assert run() == 2
    assert account_of(campaign).last_error == ""
    assert server.accepted == Counter(addresses(campaign))


@pytest.mark.parametrize("action", [CLOSE, HANG, "220 not TLS"])
def test_a_handshake_that_fails_makes_the_account_wait(
    big_campaign: MakeCampaign, action: str
) -> None:
    with FaultyServer(Fault("greeting", action)) as server:
        campaign = big_campaign(2, server.port, security="tls")
        control.start(campaign)
        assert run() == 0
    account = account_of(campaign)
    assert account.last_error
    assert account.retry_at
    assert account.stopped_at is None
    assert states(campaign) == {"queued": 2}
