"""What goes over the wire: dots, bytes with the eighth bit, international addresses."""

import email
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy import func, select

from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.models import Campaign, Message
from tests import factories
from tests.mailing.engine.faulty import FaultyServer
from tests.mailing.engine.servers import SmtpSink, free_port

pytestmark = pytest.mark.one_database

BODIES = [
    ".\nfirst line a dot",
    "last line a dot\n.",
    "..\n...\n.x\n. \n.\n.\n\n.",
    "..",
    "." * 300,
    ".[clienti.nome].\n.[clienti.cognome]\n[clienti.nome]",
    "x\n.\nMAIL FROM:<evil@example.com>\nRCPT TO:<all@example.com>\nDATA\n",
]
VALUES = {"first_name": ".", "last_name": "..\r\n.\r\n.x"}
FEATURES = [
    (),
    ("PIPELINING",),
    ("8BITMIME",),
    ("SMTPUTF8", "8BITMIME", "PIPELINING"),
    ("SMTPUTF8", "8BITMIME", "SIZE 1000000"),
]


def run() -> int:
    return build_worker().run(until_idle=True)


def campaign_to(port: int, *addresses: str, **values: object) -> Campaign:
    account = factories.account(port=port, connections=1)
    campaign: Campaign = factories.campaign(account=account, **values)
    for address in addresses:
        factories.member(campaign, factories.customer(email1=address, **VALUES))
    return campaign


def outcomes(campaign: Campaign) -> Counter[str]:
    db.session.expire_all()
    query = (
        select(Message.state, func.count())
        .where(Message.campaign_id == campaign.id)
        .group_by(Message.state)
    )
    return Counter({row[0]: row[1] for row in db.session.execute(query)})


def unstuffed(body: bytes) -> bytes:
    """RFC 5321, section 4.5.2, as a server does it."""
    return re.sub(rb"^\.", b"", body, flags=re.M)


def text_of(body: bytes) -> str:
    message = email.message_from_bytes(body, policy=default)
    assert isinstance(message, EmailMessage)
    found: str = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return found.replace("\r\n", "\n")


def expected(body: str) -> str:
    filled = body.replace("[clienti.nome]", ".").replace("[clienti.cognome]", "..\n.\n.x")
    return filled.rstrip("\n") + "\n"


def test_lines_of_dots_arrive_as_they_left(app: Flask) -> None:
    with FaultyServer(features=("PIPELINING",)) as server:
        for body in BODIES:
            campaign = campaign_to(
                server.port,
                "a@example.com",
                "b@example.com",
                body_format="text",
                body_text=body,
                unsubscribe=False,
            )
            control.start(campaign)
        assert run() == 2 * len(BODIES)
    assert Counter(text_of(unstuffed(each)) for each in server.bodies) == Counter(
        [expected(body) for body in BODIES] * 2
    )
    for written in server.bodies:
        assert not re.search(rb"(^|\n)\.(?!\.)", written), "a dot that is not doubled"
    assert not {each for each in server.commands if "evil" in each or "all@" in each}


def test_a_real_server_takes_lines_of_dots_for_text(sink: SmtpSink, app: Flask) -> None:
    for number, body in enumerate(BODIES):
        campaign = campaign_to(
            sink.port,
            f"client{number}@example.com",
            subject=f"Mail {number}",
            body_format="text",
            body_text=body,
            unsubscribe=False,
        )
        control.start(campaign)
    assert run() == len(BODIES)
    assert sink.deliveries() == {f"client{number}@example.com": 1 for number in range(len(BODIES))}
    mails = re.split(rb"^(?=X-Client-Addr:)", sink.content(), flags=re.M)[1:]
    found = {str(email.message_from_bytes(each)["Subject"]): each[:-1] for each in mails}
    assert {subject: text_of(mail) for subject, mail in found.items()} == {
        f"Mail {number}": expected(body) for number, body in enumerate(BODIES)
    }


class Kept:
    """Keeps what aiosmtpd understood."""

    def __init__(self) -> None:
        self.mails: dict[str, bytes] = {}
        self.options: list[list[str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.options.append(envelope.mail_options)
        self.mails.update(dict.fromkeys(envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 taken"


@contextmanager
def another_server(**options: Any) -> Iterator[tuple[int, Kept]]:
    """aiosmtpd, which refuses what it has not offered."""
    kept, port = Kept(), free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port, kept
    finally:
        controller.stop()


def state_of(address: str) -> tuple[str, str]:
    query = select(Message.state, Message.server_words).where(Message.to_address == address)
    state, words = db.session.execute(query).one()
    return state, words


INTERNATIONAL = ("anna@example.com", "zoé@example.com", "dora@città.example", "用户@例子.example")


def test_international_addresses_go_to_a_server_that_takes_them(app: Flask) -> None:
    with another_server(enable_SMTPUTF8=True) as (port, kept):
        campaign = campaign_to(port, *INTERNATIONAL)
        control.start(campaign)
        assert run() == 4
    assert kept.mails.keys() == {
        "anna@example.com",
        "zoé@example.com",
        "dora@xn--citt-3na.example",
        "用户@xn--fsqu00a.example",
    }
    assert sorted("SMTPUTF8" in each for each in kept.options) == [False, False, True, True]
    shown = {address: mail.partition(b"\r\nTo: ")[2] for address, mail in kept.mails.items()}
    for address, field in shown.items():
        assert f"<{address}>".encode() in field.partition(b"\r\nSubject")[0]


def test_where_they_are_not_taken_only_their_names_before_the_at_matter(app: Flask) -> None:
    with another_server(enable_SMTPUTF8=False) as (port, kept):
        campaign = campaign_to(port, *INTERNATIONAL)
        control.start(campaign)
        assert run() == 2
    assert kept.mails.keys() == {"anna@example.com", "dora@xn--citt-3na.example"}
    assert outcomes(campaign) == {"sent": 2, "failed": 2}
    assert state_of("zoé@example.com") == ("failed", "SMTPUTF8: not offered")
    assert state_of("用户@例子.example") == ("failed", "SMTPUTF8: not offered")
    assert state_of("dora@città.example")[0] == "sent"


@pytest.mark.parametrize("offered", [True, False])
def test_an_international_sender_needs_smtputf8_for_every_mail(app: Flask, offered: bool) -> None:
    with another_server(enable_SMTPUTF8=offered) as (port, kept):
        account = factories.account(port=port, from_email="società@office.example")
        campaign = factories.campaign(account=account)
        factories.member(campaign, factories.customer(email1="anna@example.com"))
        control.start(campaign)
        assert run() == offered
    if offered:
        assert outcomes(campaign) == {"sent": 1}
        assert "From: The Office <società@office.example>\r\n".encode() in kept.mails.popitem()[1]
    else:
        assert state_of("anna@example.com") == ("failed", "SMTPUTF8: not offered")


@pytest.mark.parametrize("offered", [True, False])
def test_an_international_bcc_gets_its_copy_where_that_can_be(app: Flask, offered: bool) -> None:
    with another_server(enable_SMTPUTF8=offered) as (port, kept):
        campaign = campaign_to(port, "anna@example.com", bcc="società@office.example")
        control.start(campaign)
        assert run() == 1
    assert outcomes(campaign) == {"sent": 1}
    assert "anna@example.com" in kept.mails
    if offered:
        assert kept.mails.keys() == {"anna@example.com", "società@office.example"}
        assert "SMTPUTF8" in kept.options[0]


@pytest.mark.parametrize("features", FEATURES, ids=" ".join)
def test_the_eighth_bit_is_used_only_for_addresses(app: Flask, features: tuple[str, ...]) -> None:
    with FaultyServer(features=features) as server:
        campaign = campaign_to(
            server.port,
            *INTERNATIONAL,
            subject="Perché 😀 [clienti.nome]",
            body_format="html",
            body_html="<p>però 😀 אבג</p>",
        )
        control.start(campaign)
        run()
    wide = "SMTPUTF8" in features
    assert len(server.bodies) == (4 if wide else 2)
    begun = [each for each in server.commands if each.startswith("MAIL")]
    for command, body in zip(begun, server.bodies, strict=True):
        head, _blank, content = body.partition(b"\r\n\r\n")
        assert content.isascii()
        assert ("SMTPUTF8" in command) == (not head.isascii())
        assert ("BODY=8BITMIME" in command) == ("8BITMIME" in features and not head.isascii())
        assert not set(re.findall(r" (SIZE|BODY|SMTPUTF8)", command)) - {
            {"8BITMIME": "BODY"}.get(each.split()[0], each.split()[0]) for each in features
        }
