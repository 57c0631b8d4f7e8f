"""The practice mailbox: what the SMTP server in ``jobs.practice`` caught, kept and taken apart."""

from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import defer

from ctm import audit, settings
from ctm.errors import NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import PracticeMail

KEEP_MAILS = 2000
KEEP_BYTES = 300 * 1024 * 1024
TRIM_EVERY = 50
PAGE = 50
SAFE_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
PORT_SETTING = "practice_port"


def port() -> int:
    """The port the practice mailbox of this installation listens on; 0 if it is off."""
    if not current_app.config["CTM_PRACTICE_PORT"]:
        return 0
    return int(settings.get(PORT_SETTING) or current_app.config["CTM_PRACTICE_PORT"])


def store(mail_from: str, rcpt_to: list[str], raw: bytes) -> PracticeMail:
    """Keep a mail, and now and then forget the oldest ones beyond the caps."""
    mail = PracticeMail(
        mail_from=mail_from[:320],
        rcpt_to=[str(address)[:320] for address in rcpt_to],
        subject=_subject(raw)[:500],
        size=len(raw),
        raw=raw,
    )
    db.session.add(mail)
    db.session.commit()
    if mail.id % TRIM_EVERY == 0:
        trim()
    return mail


def _subject(raw: bytes) -> str:
    head = raw.split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0] + b"\r\n\r\n"
    try:
        return " ".join(
            str(message_from_bytes(head, policy=policy.default)["subject"] or "").split()
        )
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        return ""


def trim(keep_mails: int = KEEP_MAILS, keep_bytes: int = KEEP_BYTES) -> int:
    """Delete the oldest mails beyond so many, or so many bytes; returns how many went."""
    kept_bytes = 0
    newest = db.session.execute(
        select(PracticeMail.id, PracticeMail.size).order_by(PracticeMail.id.desc())
    )
    for index, (number, size) in enumerate(newest):
        kept_bytes += size
        if index >= keep_mails or (index and kept_bytes > keep_bytes):
            gone = db.session.execute(delete(PracticeMail).where(PracticeMail.id <= number))
            db.session.commit()
            return int(gone.rowcount)  # type: ignore[attr-defined]
    return 0


def delete_all() -> int:
    """Empty the mailbox; returns how many mails were in it."""
    count = db.session.scalar(select(func.count()).select_from(PracticeMail)) or 0
    db.session.execute(delete(PracticeMail))
    audit.record("practice.emptied", count=count)
    db.session.commit()
    return count


def newest(search: str = "", before: int | None = None, limit: int = PAGE) -> list[PracticeMail]:
    """Mails, newest first, without their bytes. ``search`` looks at recipient and subject."""
    query = select(PracticeMail).options(defer(PracticeMail.raw)).order_by(PracticeMail.id.desc())
    if before is not None:
        query = query.where(PracticeMail.id < before)
    if search:
        text = search.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        pattern = f"%{text}%"
        recipient = func.lower(db.cast(PracticeMail.rcpt_to, db.Text))
        query = query.where(
            or_(
                PracticeMail.subject.ilike(pattern, escape="\\"),
                recipient.like(pattern.lower(), escape="\\"),
            )
        )
    return list(db.session.scalars(query.limit(limit)))


def remember_port(number: int) -> None:
    """Say which port the practice mailbox listens on, to workers elsewhere on this machine."""
    if settings.get(PORT_SETTING) != number:
        settings.put(PORT_SETTING, number)
        db.session.commit()


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(PracticeMail)) or 0


def get(number: int) -> PracticeMail:
    """
    :raises NotFound: no such mail (any more).
    """
    mail = db.session.get(PracticeMail, number) if number < 2**31 else None
    if mail is None:
        raise NotFound(_l("This practice mail is no longer there: the mailbox was emptied."))
    return mail


@dataclass(frozen=True)
class Part:
    """An attachment or an inline image of a mail."""

    index: int
    name: str
    content_type: str
    content_id: str
    content: bytes


@dataclass(frozen=True)
class Opened:
    """A mail taken apart. ``one_click`` is the URL a mail program would POST to (RFC 8058)."""

    subject: str
    sender: str
    recipients: str
    reply_to: str
    date: str
    html: str
    text: str
    headers: str
    one_click: str
    attachments: list[Part] = field(default_factory=list)
    images: list[Part] = field(default_factory=list)


def open_mail(mail: PracticeMail) -> Opened:
    """Take a mail apart as a mail program does; a malformed one gives what can be read."""
    message = message_from_bytes(mail.raw, policy=policy.default)
    attachments: list[Part] = []
    images: list[Part] = []
    bodies = {"text/html": "", "text/plain": ""}
    for index, part in enumerate(message.walk()):
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        content_id = _header(part, "content-id").strip("<> ")
        shown = part.get_content_disposition() != "attachment" and not part.get_filename()
        if kind in bodies and shown and not bodies[kind]:
            bodies[kind] = _text(part)
            continue
        content = part.get_payload(decode=True)
        found = Part(
            index,
            part.get_filename() or f"{kind.replace('/', '-')}-{index}",
            kind,
            content_id,
            content if isinstance(content, bytes) else b"",
        )
        (images if content_id and kind in SAFE_IMAGES else attachments).append(found)
    return Opened(
        subject=_header(message, "subject"),
        sender=_header(message, "from"),
        recipients=_header(message, "to") or ", ".join(mail.rcpt_to),
        reply_to=_header(message, "reply-to"),
        date=_header(message, "date"),
        html=bodies["text/html"],
        text=bodies["text/plain"],
        headers=_head(mail.raw),
        one_click=_one_click(message),
        attachments=attachments,
        images=images,
    )


def part_of(mail: PracticeMail, index: int) -> Part:
    """
    :raises NotFound: the mail has no such attachment or image.
    """
    opened = open_mail(mail)
    for part in (*opened.attachments, *opened.images):
        if part.index == index:
            return part
    raise NotFound(_l("This mail has no such attachment."))


def _head(raw: bytes) -> str:
    return raw.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")


def _header(part: Any, name: str) -> str:
    try:
        return " ".join(str(part.get(name, "")).split())
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        return ""


def _text(part: Any) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError, KeyError):
        payload = part.get_payload(decode=True) or b""
        return bytes(payload).decode("utf-8", "replace")


def _one_click(message: EmailMessage | Any) -> str:
    if "one-click" not in _header(message, "list-unsubscribe-post").lower():
        return ""
    for piece in _header(message, "list-unsubscribe").split(","):
        url = piece.strip().strip("<>").strip()
        if urlsplit(url).scheme in {"http", "https"}:
            return url
    return ""
