"""A mail as it was sent (A22): made again from what was kept of it, byte for byte but for the
boundaries between its parts."""

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select

from ctm import files
from ctm.clock import utcnow
from ctm.errors import NotFound, Unavailable
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import retention, snapshot, values
from ctm.mailing.compose import Attachment, CompiledMail, header_address, needs_utf8
from ctm.mailing.compose import preview as render
from ctm.mailing.tracking.tokens import make_token
from ctm.models import Message, MessageFile, StoredFile

SHOWN_HEADERS = (
    *("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID"),
    *("Disposition-Notification-To", "List-Unsubscribe"),
)


@dataclass(frozen=True)
class Content:
    """What the recipient got. ``html`` has the original links, so that looking counts nothing."""

    headers: list[tuple[str, str]]
    bcc: str
    html: str | None
    text: str
    attachments: list[StoredFile]


def content(message: Message) -> Content:
    """The mail's headers, bodies and files.

    :raises CtmError: it cannot be made any more: its text was deleted, its client is gone.
    """
    mailing = message.mailing
    if mailing.options.get(retention.PURGED):
        raise Unavailable(_l("Text and files were deleted after the time the office keeps them."))
    merged = _values(message, snapshot.compile_mailing(mailing))
    shown = render(snapshot.content_of(mailing), merged, snapshot.catalogue(mailing))
    parsed = email.message_from_bytes(raw(message), policy=email.policy.default)
    headers = [
        (name, " ".join(str(parsed[name]).split())) for name in SHOWN_HEADERS if parsed[name]
    ]
    if message.attempted_at is None:
        headers = [each for each in headers if each[0] != "Date"]
    return Content(headers, mailing.bcc, shown.html, shown.text, attachments(message))


def raw(message: Message) -> bytes:
    """The whole mail as the server got it.

    :raises CtmError: it cannot be made any more.
    """
    compiled = snapshot.compile_mailing(message.mailing)
    others = snapshot.split_addresses(message.to_others or "")
    key: bytes = current_app.extensions["ctm.tracking_key"]
    return compiled.render(
        to_address=message.to_address,
        to_name=message.to_name,
        values=_values(message, compiled),
        token=make_token(key, message.id),
        message_id=message.message_id,
        date=message.sent_at or message.attempted_at or utcnow(),
        utf8=any(map(needs_utf8, map(header_address, (message.to_address, *others)))),
        others=others,
        attachments=[
            Attachment(each.name, each.content_type, files.read(each))
            for each in own_files(message)
        ],
    )


def _values(message: Message, compiled: CompiledMail) -> dict[str, object]:
    if message.merge_values is not None or not compiled.fields:
        return values.thaw(message.merge_values or {})
    ids = [message.client_id] if message.client_id else []
    language = message.mailing.options.get("language", "it")
    found = values.of_clients(db.session, ids, compiled.fields, language)
    if message.client_id not in found:
        raise Unavailable(_l("The client was deleted before the mail was made."))
    return found[message.client_id]


def own_files(message: Message) -> Sequence[StoredFile]:
    """The documents made for this mail alone."""
    query = select(StoredFile).join(MessageFile, MessageFile.file_id == StoredFile.id)
    query = query.where(MessageFile.message_id == message.id).order_by(MessageFile.id)
    return db.session.scalars(query).all()


def attachments(message: Message) -> list[StoredFile]:
    """All files of the mail: those of every mail of its mailing, then its own."""
    shared = [each.file for each in message.mailing.attachments]
    return [*shared, *own_files(message)]


def attachment(message: Message, file_id: int) -> StoredFile:
    """
    :raises NotFound: the mail has no such file.
    """
    found = next((each for each in attachments(message) if each.id == file_id), None)
    if found is None:
        raise NotFound(_l("The mail has no such file."))
    return found
