"""The MIME structure of a mail, as stretches of bytes with templates between them."""

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from ctm.i18n import _
from ctm.mailing.compose.bodies import Bodies
from ctm.mailing.compose.content import Attachment
from ctm.mailing.compose.errors import ComposeError
from ctm.mailing.compose.headers import one_line, parameter
from ctm.mailing.merge import Template


@dataclass(frozen=True, slots=True)
class Room:
    """The place for a copy's own attachments, before the end of what ``boundary`` divides."""

    boundary: str


Stretch = bytes | Template | Room

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,60}/[A-Za-z0-9][A-Za-z0-9.+_-]{0,80}")
_OPAQUE = "application/octet-stream"
_CID = re.compile(r"[A-Za-z0-9._@+-]{1,200}")
_DIRECTION = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONGEST_NAME = 150


def body_part(
    bodies: Bodies, attachments: Sequence[Attachment], room: bool = False
) -> list[Stretch]:
    """The whole content from the first Content-Type on; with ``room`` for files of each copy.

    mixed( alternative( text, related( html, inline images ) ), attachments ), each level only
    where there is something for it.
    """
    inline = [each for each in attachments if each.cid is not None and bodies.html is not None]
    others = [each for each in attachments if each not in inline]
    part = _text("plain", bodies.text)
    if bodies.html is not None:
        html = _text("html", bodies.html)
        if inline:
            html = _multipart("related", [html, *map(_attachment, inline)], "text/html")
        part = _multipart("alternative", [part, html])
    if others or room:
        part = _multipart("mixed", [part, *map(_attachment, others)], room=room)
    return part


def own_part(room: Room, attachment: Attachment) -> bytes:
    """A file of one copy, as it is put into the room."""
    (written,) = _attachment(attachment)
    assert isinstance(written, bytes)
    return f"--{room.boundary}\r\n".encode("ascii") + written + b"\r\n"


def _text(subtype: str, template: Template) -> list[Stretch]:
    head = (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return [head.encode("ascii"), template]


def _multipart(
    subtype: str,
    parts: Sequence[list[Stretch]],
    root_type: str | None = None,
    room: bool = False,
) -> list[Stretch]:
    """Parts between boundaries; ``=_`` cannot occur in quoted-printable nor in base64."""
    boundary = f"=_{secrets.token_hex(12)}"
    root = f';\r\n type="{root_type}"' if root_type else ""
    head = f'Content-Type: multipart/{subtype}{root};\r\n boundary="{boundary}"\r\n\r\n'
    written: list[Stretch] = [head.encode("ascii")]
    for part in parts:
        written.append(f"--{boundary}\r\n".encode("ascii"))
        written.extend(part)
        written.append(b"\r\n")
    if room:
        written.append(Room(boundary))
    written.append(f"--{boundary}--\r\n".encode("ascii"))
    return written


def _attachment(attachment: Attachment) -> list[Stretch]:
    """A file, in base64."""
    name = clean_filename(attachment.filename)
    disposition = "attachment" if attachment.cid is None else "inline"
    head = f"Content-Type: {_media_type(attachment.content_type)}\r\n"
    head += "Content-Transfer-Encoding: base64\r\n"
    head += f"Content-Disposition: {disposition}{parameter('filename', name)}\r\n"
    if attachment.cid is not None:
        if not _CID.fullmatch(attachment.cid):
            shown = one_line(attachment.cid)[:80]
            raise ComposeError(_("“%(cid)s” cannot name an inline image.", cid=shown))
        head += f"Content-ID: <{attachment.cid}>\r\n"
    encoded = base64.encodebytes(attachment.data).replace(b"\n", b"\r\n")
    return [head.encode("ascii") + b"\r\n" + encoded]


def _media_type(given: str) -> str:
    """The type if base64 is allowed for it (RFC 2046), else bytes of no known kind."""
    bare = given.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(bare) or bare.startswith(("multipart/", "message/")):
        return _OPAQUE
    return bare


def clean_filename(name: str) -> str:
    """A file name without folders, controls, quotation marks or hidden turns of direction."""
    last = re.split(r"[/\\]", _DIRECTION.sub("", one_line(name)))[-1]
    bare = re.sub(r'["<>|:*?]', "_", last).strip(" .")
    if len(bare) > _LONGEST_NAME:
        stem, dot, extension = bare.rpartition(".")
        ending = dot + extension if dot and len(extension) <= 10 else ""
        bare = (stem if ending else bare)[: _LONGEST_NAME - len(ending)] + ending
    return bare or "attachment"
