"""The practice mailbox's SMTP server catches real mail."""

import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import select

from ctm import practice
from ctm.errors import Unavailable
from ctm.extensions import db
from ctm.models import PracticeMail
from jobs.practice import PracticeServer


@pytest.fixture
def server(app: Flask) -> Iterator[PracticeServer]:
    server = PracticeServer(app)
    server.start(0, fixed=True)
    yield server
    server.stop()


def mail(subject: str = "Rinnovo polizza", body: str = "Buongiorno") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Agenzia <agenzia@brera.example>"
    message["To"] = "mario.rossi@posta.example"
    message["Subject"] = subject
    message.set_content(body)
    return message


def kept() -> list[PracticeMail]:
    db.session.rollback()
    return list(db.session.scalars(select(PracticeMail).order_by(PracticeMail.id)))


def test_a_mail_sent_over_smtp_is_kept_byte_for_byte(server: PracticeServer) -> None:
    raw = b"Subject: Uno\r\nX-Test: a\r\n\r\n.riga con punto\r\n8-bit: \xc3\xa0\r\n"
    with smtplib.SMTP("127.0.0.1", server.port) as smtp:
        smtp.sendmail("agenzia@brera.example", ["mario@posta.example"], raw)
    (one,) = kept()
    assert one.raw == raw
    assert (one.mail_from, one.rcpt_to) == ("agenzia@brera.example", ["mario@posta.example"])
    assert (one.subject, one.size) == ("Uno", len(raw))


def test_encoded_subjects_are_shown_as_written(server: PracticeServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.port) as smtp:
        smtp.send_message(mail("Perché è già scaduta – €"))
    assert kept()[0].subject == "Perché è già scaduta – €"


def test_many_mails_on_one_connection_are_all_kept_in_order(server: PracticeServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.port) as smtp:
        for number in range(20):
            smtp.send_message(mail(f"Mail {number}"))
    assert [one.subject for one in kept()] == [f"Mail {number}" for number in range(20)]


def test_it_listens_on_this_machine_only(server: PracticeServer) -> None:
    sockets = server._controller.server.sockets
    assert {one.getsockname()[0] for one in sockets} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("address", "code"),
    [("inesistente.rossi@posta.example", 550), ("casellapiena@posta.example", 452)],
)
def test_some_recipients_are_refused_so_that_one_sees_what_that_looks_like(
    server: PracticeServer, address: str, code: int
) -> None:
    with (
        smtplib.SMTP("127.0.0.1", server.port) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        smtp.sendmail("a@brera.example", [address], "Subject: x\r\n\r\ny")
    assert refused.value.recipients[address][0] == code
    assert kept() == []


def test_a_mail_larger_than_the_limit_is_refused(server: PracticeServer) -> None:
    with (
        smtplib.SMTP("127.0.0.1", server.port) as smtp,
        pytest.raises(smtplib.SMTPResponseException) as refused,
    ):
        smtp.sendmail("a@b.example", ["c@d.example"], b"x" * (41 * 1024 * 1024))
    assert refused.value.smtp_code == 552


def test_a_mail_that_cannot_be_stored_is_put_off_and_the_server_lives_on(
    server: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError("disk full")

    with smtplib.SMTP("127.0.0.1", server.port) as smtp:
        with monkeypatch.context() as patch:
            patch.setattr(practice, "store", full)
            with pytest.raises(smtplib.SMTPDataError) as refused:
                smtp.send_message(mail())
        assert refused.value.smtp_code == 451
        smtp.send_message(mail("Seconda"))
    assert [one.subject for one in kept()] == ["Seconda"]


def test_a_busy_port_named_by_the_user_is_refused_in_words(app: Flask) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        server = PracticeServer(app)
        with pytest.raises(Unavailable, match=f"Port {busy} .*CTM_PRACTICE_PORT"):
            server.start(busy, fixed=True)
        server.stop()


def test_a_busy_default_port_gives_way_to_a_free_one_that_workers_can_find(app: Flask) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        server = PracticeServer(app)
        server.start(busy, fixed=False)
        try:
            db.session.rollback()
            assert server.port not in {0, busy}
            assert practice.port() == server.port
        finally:
            server.stop()
