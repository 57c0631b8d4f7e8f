"""Tokens in mails: signed, opaque, the same for the life of a message.

A token is the message's number (6 bytes) and the first 12 bytes of its HMAC-SHA256, as 24
characters of URL-safe base64. Whoever does not hold the key can neither make one nor turn one
into another (96 bits, RFC 2104 section 5), and it says nothing of the recipient.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

ID_BYTES = 6
MAC_BYTES = 12
TOKEN_LENGTH = (ID_BYTES + MAC_BYTES) * 4 // 3

_PURPOSE = b"ctm tracking v1:"
_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}", re.ASCII)


def make_token(key: bytes, message_id: int) -> str:
    """The token of a message, :data:`TOKEN_LENGTH` characters."""
    number = message_id.to_bytes(ID_BYTES, "big")
    return urlsafe_b64encode(number + _sign(key, number)).decode("ascii")


def read_token(key: bytes, token: str) -> int | None:
    """The message's number, or ``None`` for anything :func:`make_token` did not make."""
    if not _SHAPE.fullmatch(token):
        return None
    raw = urlsafe_b64decode(token)
    number, mac = raw[:ID_BYTES], raw[ID_BYTES:]
    if not hmac.compare_digest(mac, _sign(key, number)):
        return None
    return int.from_bytes(number, "big")


def _sign(key: bytes, number: bytes) -> bytes:
    inner, outer = _begun(key)
    first, second = inner.copy(), outer.copy()
    first.update(number)
    second.update(first.digest())
    return second.digest()[:MAC_BYTES]


@lru_cache(8)
def _begun(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """HMAC's two hashes (RFC 2104, section 2) with what is the same for all messages.

    To be copied, never to be updated: copying them costs half of copying an ``hmac.HMAC``.
    """
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = (bytes(each ^ pad for each in block) for pad in (0x36, 0x5C))
    return hashlib.sha256(inner + _PURPOSE), hashlib.sha256(outer)
