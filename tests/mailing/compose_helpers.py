"""What the tests of composed mails share."""

import email
import email.policy
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from ctm.mailing.compose import MailContent, compile_mail
from ctm.mailing.merge import CATALOGUE

WHEN = datetime(2026, 1, 20, 9, 30, 5, tzinfo=UTC)
BASE = "https://posta.example.it"


def content(**changes: Any) -> MailContent:
    """A small mail of plain text, from nobody in particular."""
    given: dict[str, Any] = {
        "subject": "Prova",
        "html": None,
        "text": "Ciao\n",
        "from_email": "agenzia@example.it",
        "unsubscribe": False,
    }
    return MailContent(**(given | changes))


def render(mail: MailContent, values: Mapping[str, object] | None = None, **changes: Any) -> bytes:
    given: dict[str, Any] = {
        "to_address": "anna@example.it",
        "to_name": "Anna",
        "values": values or {},
        "token": "t0k-en_1",
        "message_id": "<1.a@example.it>",
        "date": WHEN,
    }
    data = compile_mail(mail, CATALOGUE).render(**(given | changes))
    check_wire(data)
    return data


def check_wire(data: bytes) -> None:
    """What holds for every mail that leaves."""
    assert data.endswith(b"\r\n")
    assert b"\0" not in data
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    head, _blank, body = data.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert not [line for line in body.split(b"\r\n") if line.endswith((b" ", b"\t"))]
    assert not [line for line in head.lower().split(b"\r\n") if line.startswith(b"bcc")]


def parse(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def sent(
    mail: MailContent, values: Mapping[str, object] | None = None, **changes: Any
) -> EmailMessage:
    return parse(render(mail, values, **changes))


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")
