"""The table of faults: every stage of the SMTP conversation, and every way to misbehave in it.

Each row is an account of its own with a server of its own. One worker sends them all at once, next
to a healthy account; then the faults end, and another worker sends what is left.
"""

import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import event, insert, select, update

from app import create_app
from ctm import counters
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.engine.connection import Timeouts
from ctm.models import Campaign, CampaignMember, Client, Message, SmtpAccount
from tests import factories
from tests.accounts.servers import certificate
from tests.mailing.engine.faulty import (
    BYTE_BY_BYTE,
    CLOSE,
    CLOSE_AFTER,
    ENDLESS,
    HANG,
    IN_ADVANCE,
    PIPELINED,
    Fault,
    FaultyServer,
)

MAILS = 3
TIMEOUTS = Timeouts(connect=6.0, command=6.0, body=6.0, idle=0.5, quit=1.0)

REFUSE = "554 5.5.0 not here"
DEFER = "451 4.3.0 not now"
CLOSING = "421 4.7.0 too many connections"
TOO_MUCH = "450 4.7.1 Error: too much mail from 192.0.2.1"
NO_SPACE = "452 4.3.1 Insufficient system storage"
LATER = "454 4.7.0 try again later"
DAILY = "550 5.4.5 Daily user sending limit exceeded."
PERHAPS = "334 perhaps"

WAYS = {
    "refuses": REFUSE,
    "defers": DEFER,
    "throttles-421": CLOSING,
    "throttles-450": TOO_MUCH,
    "throttles-452": NO_SPACE,
    "throttles-454": LATER,
    "is-spent-550": DAILY,
    "hangs": HANG,
    "is-cut-before-the-answer": CLOSE,
    "is-cut-after-the-answer": CLOSE_AFTER,
    "says-garbage": "what a lovely day",
    "says-a-line-too-long": "250 " + "x" * 9000,
    "never-ends-its-lines": ENDLESS,
    "changes-its-code": "250-one\r\n550 other",
    "answers-byte-by-byte": BYTE_BY_BYTE,
    "says-nul-bytes": "2\x0050 \x00\x00",
    "answers-3xx": PERHAPS,
    "answers-in-advance": IN_ADVANCE,
}
THROTTLES = {CLOSING, TOO_MUCH, NO_SPACE, LATER, DAILY}
NO_REPLY = {each for name, each in WAYS.items() if name.startswith(("says", "never", "changes"))}

GOES_ON, WAITS, RESTS, STOPPED = "goes on", "waits", "rests", "is stopped"
KEPT = "kept"


@dataclass(frozen=True)
class Expected:
    """What becomes of the second mail, and of the account; ``words`` are among the account's."""

    mail: str
    account: str = GOES_ON
    words: str = ""


@dataclass
class Row:
    """A case of the table, and what was seen of it."""

    stage: str
    way: str
    pipelined: bool
    expected: Expected
    server: FaultyServer | None = None
    campaign_id: int = 0
    mail: Message | None = None
    states: Counter[str] = field(default_factory=Counter)
    account: SmtpAccount | None = None
    last: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return f"{self.stage}-{self.way}" + ("-pipelined" if self.pipelined else "")

    @property
    def action(self) -> str:
        return WAYS[self.way]


def _problem(action: str) -> Expected | None:
    """What breaks a conversation wherever it happens before a body: the mail can leave later."""
    if action in THROTTLES:
        return Expected(KEPT, RESTS, action)
    if action == HANG:
        return Expected(KEPT, WAITS, "no answer in time")
    if action == CLOSE:
        return Expected(KEPT, WAITS, "closed the connection")
    if action in NO_REPLY:
        return Expected(KEPT, WAITS, "no SMTP reply")
    if action == BYTE_BY_BYTE:
        return Expected("sent")
    return None


def _before_mails(stage: str, action: str) -> Expected:
    found = _problem(action)
    if found is not None:
        return found
    if action == IN_ADVANCE:
        return Expected("sent") if stage == "starttls" else Expected(KEPT, WAITS, "does not fit")
    if action == CLOSE_AFTER:
        return Expected(KEPT, WAITS, "")
    stopped = stage == "auth" and action == REFUSE
    return Expected(KEPT, STOPPED if stopped else WAITS, action)


def _in_envelope(stage: str, action: str) -> Expected:
    found = _problem(action)
    if found is not None:
        return found
    if action == IN_ADVANCE:
        return Expected(KEPT, WAITS, "does not fit")
    if action == CLOSE_AFTER:
        return Expected("uncertain" if stage == "data" else KEPT, WAITS, "")
    if action == PERHAPS:
        return Expected(KEPT, WAITS, f"does not fit: {PERHAPS}")
    return Expected("failed" if action == REFUSE else "deferred")


def _after_body(action: str) -> Expected:
    if action in THROTTLES:
        return Expected("deferred", RESTS, action)
    if action == IN_ADVANCE:
        return Expected("sent", WAITS, "does not fit")
    if action == CLOSE_AFTER:
        return Expected("sent", WAITS, "")
    if action == PERHAPS:
        return Expected("uncertain", WAITS, PERHAPS)
    found = _problem(action)
    if found is not None and found.mail == KEPT:
        return Expected("uncertain", found.account, found.words)
    return found or Expected("failed" if action == REFUSE else "deferred")


def _after_refusal(action: str) -> Expected:
    """RSET follows a refused recipient: its mail has failed, whatever comes."""
    if action == CLOSING:
        return Expected("failed", RESTS, action)
    found = _problem(action)
    if action == IN_ADVANCE:
        return Expected("failed", WAITS, "does not fit")
    if action == CLOSE_AFTER:
        return Expected("failed", WAITS, "")
    if found is not None and found.account == WAITS:
        return Expected("failed", WAITS, found.words)
    return Expected("failed")


def _expected(stage: str, action: str) -> Expected:
    if stage in ("greeting", "ehlo", "starttls", "auth"):
        return _before_mails(stage, action)
    if stage in ("mail", "rcpt", "data"):
        return _in_envelope(stage, action)
    if stage == "answer":
        return _after_body(action)
    return _after_refusal(action) if stage == "rset" else Expected("sent")


def _rows() -> list[Row]:
    alone = ("greeting", "ehlo", "starttls", "auth", "quit")
    both = ("mail", "rcpt", "data", "answer", "rset")
    places = [(stage, False) for stage in alone + both] + [(stage, True) for stage in both]
    return [
        Row(stage, way, pipelined, _expected(stage, action))
        for stage, pipelined in places
        for way, action in WAYS.items()
    ]


ROWS = _rows()


def _hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An office of its own, whose machine trusts one certificate."""
    folder = tmp_path_factory.mktemp("faults")
    _context, chain = certificate(folder)
    application = create_app(
        {
            "CTM_INSTANCE": str(folder / "instance"),
            "CTM_LANGUAGE": "en",
            "CTM_PUBLIC_URL": "http://mail.test",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "CTM_WORKER": False,
            "CTM_SCHEDULER": False,
            "TESTING": True,
        }
    )
    with pytest.MonkeyPatch.context() as patch, application.app_context():
        patch.setenv("SSL_CERT_FILE", str(chain))
        event.listen(db.engine, "connect", _hurry)
        db.create_all()
        yield application
        db.session.remove()
        db.engine.dispose()


def _server(row: Row, folder: Path) -> FaultyServer:
    mail = 2 if row.stage in ("mail", "rcpt", "data", "answer", "rset") else 0
    faults = [Fault(row.stage, row.action, mail=mail)]
    if row.stage == "rset":
        faults.append(Fault("rcpt", "550 5.1.1 no such user", mail=2))
    features = PIPELINED if row.pipelined else ()
    tls = None
    if row.stage == "starttls":
        features = ("STARTTLS",)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if row.stage == "auth":
        features = ("AUTH PLAIN LOGIN",)
    return FaultyServer(*faults, features=features, tls=tls)


def _campaign(port: int, stage: str, mails: int = MAILS) -> int:
    account = factories.account(port=port, connections=1)
    if stage == "starttls":
        account.host, account.security = "localhost", "starttls"
    if stage == "auth":
        account.username = "agenzia@office.example"
        account.password_sealed = current_app.extensions["ctm.vault"].seal("segreta")
    campaign = factories.campaign(account=account)
    clients = [
        Client(first_name="N", display_name="N", email1=f"c{campaign.id}.{number}@example.com")
        for number in range(mails)
    ]
    db.session.add_all(clients)
    db.session.flush()
    members = [{"campaign_id": campaign.id, "client_id": client.id} for client in clients]
    db.session.execute(insert(CampaignMember), members)
    counters.add(campaign.id, {"members": mails, "status:0": mails})
    db.session.commit()
    control.start(campaign)
    return int(campaign.id)


def _messages(campaign_id: int) -> list[Message]:
    query = select(Message).where(Message.campaign_id == campaign_id).order_by(Message.id)
    return list(db.session.scalars(query))


def _look(row: Row) -> None:
    messages = _messages(row.campaign_id)
    row.mail = messages[1]
    row.states = Counter(message.state for message in messages)
    campaign = db.session.get_one(Campaign, row.campaign_id)
    row.account = db.session.get_one(SmtpAccount, campaign.account_id)
    db.session.expunge(row.account)
    db.session.expunge(row.mail)


@pytest.fixture(scope="module")
def table(office: Flask, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows after both runs; under ``healthy`` the account that nothing is wrong with."""
    folder = Path(office.instance_path).parent
    healthy = Row("", "healthy", False, Expected("sent"))
    with ExitStack() as stack:
        for row in [*ROWS, healthy]:
            server = FaultyServer() if row is healthy else _server(row, folder)
            row.server = stack.enter_context(server)
            row.campaign_id = _campaign(server.port, row.stage, 20 if row is healthy else MAILS)
        build_worker(timeouts=TIMEOUTS).run(until_idle=True)
        db.session.expire_all()
        for row in [*ROWS, healthy]:
            _look(row)
            assert row.server
            row.server.faults = ()
        again = {"retry_at": None, "stopped_at": None}
        db.session.execute(update(SmtpAccount).values(again))
        db.session.execute(update(Message).values(due_at=None))
        db.session.commit()
        build_worker(timeouts=TIMEOUTS).run(until_idle=True)
        db.session.expire_all()
        for row in [*ROWS, healthy]:
            messages = _messages(row.campaign_id)
            row.last = Counter(message.state for message in messages)
            row.sent = {each.to_address for each in messages if each.state == "sent"}
        db.session.rollback()
    return {row.id: row for row in ROWS} | {"healthy": healthy}


@pytest.mark.parametrize("name", [row.id for row in ROWS])
def test_the_fault_has_its_outcome_and_harms_nothing_else(table: dict[str, Row], name: str) -> None:
    row = table[name]
    assert row.mail
    assert row.account
    assert row.server
    _check_mail(row, row.mail)
    _check_account(row, row.account)
    lasting = {"uncertain", "failed"} & {row.expected.mail}
    assert row.last == Counter(
        {"sent": MAILS}
        if not lasting
        else {
            "sent": MAILS - 1,
            row.expected.mail: 1,
        }
    )
    assert max(row.server.accepted.values()) == 1, "somebody got the mail twice"
    missed = row.sent - set(row.server.accepted)
    assert not missed, "called sent, but the server never took it"


def _check_mail(row: Row, mail: Message) -> None:
    expected = row.expected.mail
    if expected == KEPT:
        assert mail.state in ("queued", "sent")
        assert mail.attempts == (mail.state == "sent")
        return
    assert mail.state == expected
    if expected == "uncertain":
        assert mail.reason == "no_answer"
        assert mail.server_words
        assert mail.sent_at is None
    if expected in ("failed", "deferred"):
        words = "550 5.1.1 no such user" if row.stage == "rset" else row.action
        assert mail.server_words == words
        assert mail.server_code == int(words[:3])
        throttled = row.action in THROTTLES and row.action != CLOSING and row.stage != "rset"
        assert mail.attempts == (0 if throttled else 1)
    if expected == "deferred":
        assert mail.due_at is not None


def _check_account(row: Row, account: SmtpAccount) -> None:
    state = row.expected.account
    assert (account.stopped_at is not None) == (state == STOPPED)
    assert row.expected.words in account.last_error
    if state == GOES_ON:
        assert account.retry_at is None
        assert account.last_error == ""
    if state in (WAITS, RESTS):
        assert account.retry_at
        assert account.last_error_at
        assert account.last_error
        pause = account.retry_at - account.last_error_at
        assert (pause >= timedelta(seconds=29)) == (state == RESTS)
        assert (pause > timedelta(minutes=59)) == (row.action == DAILY)


def test_the_healthy_account_did_not_notice(table: dict[str, Row]) -> None:
    healthy = table["healthy"]
    assert healthy.states == Counter({"sent": 20})
    assert healthy.account
    assert healthy.account.last_error == ""
