"""Header fields: encoded words (RFC 2047), parameters (RFC 2231), folding, no injection.

Whatever a value holds, it stays one header field: control characters and line breaks become
spaces before anything is written.
"""

import base64
import re
from binascii import b2a_base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from ctm.i18n import _
from ctm.mailing.compose import dom
from ctm.mailing.compose.errors import ComposeError

LONGEST_SUBJECT = 4000
_LINE = 78
_ENCODED_LINE = 76
_LONGEST_WORD = 900
_WORD_BYTES = 45
_AROUND_WORD = len("=?utf-8?b??=")
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_PLAIN_PARAMETER = re.compile(r"[A-Za-z0-9 ._()+,@-]{1,55}")
_RESERVED = dom.words(
    "bcc cc content-disposition content-id content-transfer-encoding content-type date "
    "disposition-notification-to from list-unsubscribe list-unsubscribe-post message-id "
    "mime-version received reply-to return-path sender subject to"
)


def one_line(value: str) -> str:
    """The value on one line: controls and runs of white space become single spaces."""
    if value.isprintable() and "  " not in value:
        return value.strip()
    return " ".join(_NOT_SHOWN.sub(" ", value).split())


def _chunks(value: str, room: int) -> Iterator[bytes]:
    """UTF-8 pieces for one encoded word each, the first in ``room``, cut between characters."""
    whole = value.encode("utf-8")
    if len(whole) <= room:
        if whole:
            yield whole
        return
    chunk = b""
    for sign in value:
        encoded = sign.encode("utf-8")
        if len(chunk) + len(encoded) > room:
            yield chunk
            chunk, room = b"", _WORD_BYTES
        chunk += encoded
    if chunk:
        yield chunk


def encoded_words(name: str, value: str) -> str:
    """The value as encoded words, one to a line, none of which passes 76 characters."""
    room = (_ENCODED_LINE - len(name) - 2 - _AROUND_WORD) // 4 * 3
    start = "" if room >= _WORD_BYTES // 3 else "\r\n "
    whole = value.encode("utf-8")
    if 0 < len(whole) <= min(room, _WORD_BYTES):
        return f"{start}=?utf-8?b?{b2a_base64(whole, newline=False).decode('ascii')}?="
    chunks = _chunks(value, _WORD_BYTES if start else min(room, _WORD_BYTES))
    return start + "\r\n ".join(
        [f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?=" for chunk in chunks]
    )


def _fold(name: str, value: str) -> str:
    """Fold ASCII text at its spaces."""
    if len(name) + len(value) + 2 <= _LINE:
        return value
    lines = []
    line = ""
    room = _LINE - len(name) - 2
    for word in value.split(" "):
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, _LINE - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _has_long_word(value: str, longest: int) -> bool:
    return len(value) > longest and any(len(word) > longest for word in value.split(" "))


def _text_field(name: str, value: str, longest: int) -> str:
    """Text folded at its spaces, or in encoded words: then there is always a place to fold."""
    value = one_line(value)
    if not value.isascii() or "=?" in value or _has_long_word(value, longest):
        return f"{name}: {encoded_words(name, value)}\r\n"
    return f"{name}: {_fold(name, value)}\r\n"


def text_field(name: str, value: str) -> str:
    """A whole unstructured field such as Subject, with its line end."""
    return _text_field(name, value, _LINE - len(name) - 2)


def mailbox_field(name: str, display: str, address: str) -> str:
    """A field with one address, already checked: ``To: Name <address>``."""
    display = one_line(display)
    if not display or display == address:
        return f"{name}: {address}\r\n"
    room = _LINE - len(name) - 2
    line = _LINE
    if _PHRASE.fullmatch(display) and "=?" not in display and not _has_long_word(display, room):
        phrase = _fold(name, display)
    elif display.isascii() and "=?" not in display and (escaped := _quoted(display, room)):
        phrase = escaped
    else:
        phrase, line = encoded_words(name, display), _ENCODED_LINE
    last = len(phrase) - phrase.rfind("\n") + (len(name) + 2 if "\n" not in phrase else 0)
    gap = " " if last + len(address) + 3 <= line else "\r\n "
    return f"{name}: {phrase}{gap}<{address}>\r\n"


def _quoted(display: str, room: int) -> str | None:
    """A name as a quoted string if it fits one line."""
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if len(escaped) + 2 <= room else None


def address_list_field(name: str, addresses: list[str]) -> str:
    """A field with several addresses, one to a line when they are many."""
    return f"{name}: " + ",\r\n ".join(addresses) + "\r\n"


def extra_field(name: str, value: str) -> str:
    """A header field of the user's own; raises ``ComposeError`` if the name is not one."""
    if not _FIELD_NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise ComposeError(
            _("“%(name)s” cannot be used as a header of its own.", name=one_line(name))
        )
    return _text_field(name, value, _LONGEST_WORD)


def message_id_field(message_id: str) -> str:
    """The Message-ID, given with or without its angle brackets."""
    bare = message_id if message_id.startswith("<") else f"<{message_id}>"
    if not _MESSAGE_ID.fullmatch(bare) or len(bare) > _LONGEST_WORD:
        raise ComposeError(_("“%(value)s” is not a Message-ID.", value=one_line(message_id)[:80]))
    return f"Message-ID: {bare}\r\n"


@lru_cache(maxsize=256)
def _date_of_second(when: datetime, offset: timedelta | None) -> str:
    """Kept apart by ``offset`` too: one instant is written differently in two time zones."""
    return f"Date: {format_datetime(when)}\r\n"


@lru_cache(maxsize=256)
def _date_of_moment(when: datetime) -> str:
    return _date_of_second(when.replace(microsecond=0, tzinfo=UTC), timedelta())


def date_field(when: datetime) -> str:
    """The Date; a naive datetime is UTC. Many mails are made at the same moment."""
    if when.tzinfo is None:
        return _date_of_moment(when)
    aware = when.replace(microsecond=0)
    return _date_of_second(aware, aware.utcoffset())


def parameter(name: str, value: str) -> str:
    """A parameter such as ``filename``, each of its lines preceded by ``;`` and a fold."""
    if _PLAIN_PARAMETER.fullmatch(value):
        return f';\r\n {name}="{value}"'
    encoded = quote(value, safe="")
    if len(encoded) <= 55:
        return f";\r\n {name}*=utf-8''{encoded}"
    tokens = re.findall(r"(?:%[0-9A-F]{2})|[^%]", encoded)
    lines, line = [], "utf-8''"
    for token in tokens:
        if len(line) + len(token) > 55:
            lines.append(line)
            line = ""
        line += token
    lines.append(line)
    return "".join([f";\r\n {name}*{number}*={line}" for number, line in enumerate(lines)])
