"""A mailing compiled to a byte skeleton, and filled in for each recipient.

Everything that all copies share is encoded once. A copy is a list of bytes in which the
recipient's values, the token and four header fields are put, and joined.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from ctm.i18n import _
from ctm.mailing.compose import headers
from ctm.mailing.compose.addresses import header_address, needs_utf8
from ctm.mailing.compose.bodies import compile_bodies
from ctm.mailing.compose.content import Attachment, MailContent
from ctm.mailing.compose.errors import ComposeError
from ctm.mailing.compose.memory import Memory
from ctm.mailing.compose.quoting import quote_value
from ctm.mailing.compose.skeleton import Skeleton
from ctm.mailing.compose.structure import Room, body_part, own_part
from ctm.mailing.compose.tracking import base_address
from ctm.mailing.merge import Catalogue, Field, Template

_TOKEN_VALUE = re.compile(r"[A-Za-z0-9_.~-]{1,75}")


class CompiledMail:
    """A mailing ready to be filled in; safe to share between threads.

    ``dotted``: its copies may have lines that start with a dot. Quoted-printable never writes
    one, so what is put in for a recipient never makes one.
    """

    def __init__(
        self, content: MailContent, subject: Template, links: tuple[str, ...], skeleton: Skeleton
    ) -> None:
        self.links = links
        self.fields = tuple(dict.fromkeys([*subject.fields, *skeleton.names]))
        self.needs_utf8 = any(needs_utf8(each) for each in _own_addresses(content))
        self._subject = subject
        self._templates = (subject, *skeleton.templates)
        self._fixed_subject = None if subject.fields else _subject_field(subject.render({}))
        self._subjects = Memory(_subject_field)
        self._parts = skeleton.parts
        self.dotted = skeleton.dotted
        self._field_slots = tuple(
            (slot, piece, Memory(partial(_field_value, piece))) for slot, piece in skeleton.fields
        )
        self._rooms = tuple(skeleton.rooms)
        self._tokens = skeleton.has_tokens
        self._blocks = tuple((slot, block.ready()) for slot, block in skeleton.blocks)
        self._stretches, self._open = skeleton.between_tokens()
        self.size_estimate = skeleton.size_estimate + 300

    def empty(self, values: Mapping[str, object]) -> dict[str, str]:
        """The fields of subject and bodies that would show nothing: key → the field as written."""
        found = [each.empty(values) for each in reversed(self._templates)]
        return {key: text for each in found for key, text in each.items()}

    def render(
        self,
        *,
        to_address: str,
        to_name: str,
        values: Mapping[str, object],
        token: str,
        message_id: str,
        date: datetime,
        utf8: bool = False,
        others: Sequence[str] = (),
        attachments: Sequence[Attachment] = (),
    ) -> bytes:
        """One recipient's mail: a whole RFC 5322 message with CRLF, not dot-stuffed.

        ``date`` naive is UTC. With ``utf8`` the connection has SMTPUTF8 and addresses with
        non-ASCII local parts are written as they are; without it they raise ``ComposeError``, as
        does anything that cannot stand in a header. Domains are always written in ASCII.
        ``others`` are the addresses that stand in To beside this one; ``attachments`` the copy's
        own, where the mailing has room for them.
        """
        address = header_address(to_address)
        together = [address, *map(header_address, others)]
        if not utf8 and (self.needs_utf8 or not all(map(str.isascii, together))):
            refused = ", ".join(filter(needs_utf8, together)) or _("the sender")
            raise ComposeError(
                _("The mail server does not take international addresses (%(who)s).", who=refused)
            )
        subject = self._fixed_subject or self._subjects[self._subject.render(values)]
        parts = self._parts.copy()
        head = (
            headers.date_field(date)
            + headers.message_id_field(message_id)
            + _to_field(to_name, together)
            + subject
        )
        parts[0] = head.encode("utf-8")
        encoded = b""
        if self._tokens:
            if not _TOKEN_VALUE.fullmatch(token):
                raise ComposeError(_("The tracking token is not valid."))
            encoded = token.encode("ascii")
        for slot, piece, known in self._field_slots:
            value = values.get(piece.key)
            parts[slot] = known[value] if type(value) is str else _field_value(piece, value)
        for slot, block in self._blocks:
            parts[slot] = block.fill(values, encoded)
        for slot, room in self._rooms if attachments else ():
            parts[slot] = b"".join([own_part(room, each) for each in attachments])
        stretches = self._stretches.copy()
        for place, start, end in self._open:
            stretches[place] = b"".join(parts[start:end])
        return encoded.join(stretches)


def _to_field(name: str, addresses: list[str]) -> str:
    if len(addresses) > 1:
        return headers.address_list_field("To", addresses)
    return headers.mailbox_field("To", name, addresses[0])


def _field_value(piece: Field, value: object) -> bytes:
    """One field's value as it stands in a body."""
    return quote_value(piece.fill({piece.key: value}))


def _subject_field(text: str) -> str:
    return headers.text_field("Subject", text[: headers.LONGEST_SUBJECT])


def _own_addresses(content: MailContent) -> list[str]:
    """The addresses that are the same in every copy."""
    optional = [each for each in (content.reply_to, content.read_receipt_to) if each]
    return [content.from_email, *content.cc, *optional]


def compile_mail(content: MailContent, catalogue: Catalogue) -> CompiledMail:
    """Compile a mailing's snapshot; raises ``MergeError`` or ``ComposeError``."""
    bodies = compile_bodies(content, catalogue)
    skeleton = Skeleton()
    skeleton.literal(_fixed_headers(content).encode("utf-8"))
    base = base_address(content.public_url)
    if base is not None and content.unsubscribe:
        skeleton.literal(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        skeleton.literal(f"List-Unsubscribe: <{base}/r/".encode("ascii"))
        skeleton.slot(None)
        skeleton.literal(b">\r\n")
    skeleton.literal(b"MIME-Version: 1.0\r\n")
    files = (*content.attachments, *bodies.images)
    for stretch in body_part(bodies, files, content.documents):
        if isinstance(stretch, bytes):
            skeleton.literal(stretch)
        elif isinstance(stretch, Room):
            skeleton.room(stretch)
        else:
            skeleton.template(stretch)
    return CompiledMail(content, bodies.subject, bodies.links, skeleton)


def _fixed_headers(content: MailContent) -> str:
    """The header fields that are the same in every copy. There is never a Bcc among them."""
    written = headers.mailbox_field("From", content.from_name, header_address(content.from_email))
    if content.reply_to:
        written += f"Reply-To: {header_address(content.reply_to)}\r\n"
    if content.cc:
        addresses = [header_address(each) for each in content.cc]
        written += headers.address_list_field("Cc", addresses)
    if content.read_receipt_to:
        address = header_address(content.read_receipt_to)
        written += f"Disposition-Notification-To: {address}\r\n"
    for name, value in content.extra_headers:
        written += headers.extra_field(name, value)
    return written
