"""Quoted-printable (RFC 2045) in pieces that can be joined.

A body is encoded in stretches, each starting at the start of a line; a stretch that another
follows ends in a soft line break. So what is the same for everybody is encoded once, and a
recipient's values are put between without counting columns again.
"""

import re
from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"
_WIDTH = 75
_NOT_PLAIN = re.compile(rb"[^\t !-<>-~]")
_ENCODED = tuple(b"=%02X" % number for number in range(256))


def _encode(match: re.Match[bytes]) -> bytes:
    return _ENCODED[match[0][0]]


def _wrap(line: bytes) -> bytes:
    """Cut an encoded line with soft breaks, never inside ``=XX``.

    A line that would start with a dot is written without it: the mail needs no dot-stuffing.
    """
    pieces = []
    position = 0
    while True:
        if line[position : position + 1] == b".":
            line = line[:position] + b"=2E" + line[position + 1 :]
        if len(line) - position <= _WIDTH:
            break
        end = position + _WIDTH
        if line[end - 1] == 0x3D:
            end -= 1
        elif line[end - 2] == 0x3D:
            end -= 2
        pieces.append(line[position:end])
        position = end
    pieces.append(line[position:])
    return SOFT_BREAK.join(pieces)


def _line(line: str) -> bytes:
    encoded = _NOT_PLAIN.sub(_encode, line.encode("utf-8", "replace"))
    if encoded[-1:] in (b" ", b"\t"):
        encoded = encoded[:-1] + _ENCODED[encoded[-1]]
    return _wrap(encoded)


def quote(text: str) -> bytes:
    """Encode text whose lines end in LF; the result has CRLF and lines of 75 bytes at most."""
    return b"\r\n".join([_line(line) for line in text.split("\n")])


def quote_value(text: str) -> bytes:
    """``quote``, quickest for the short values of one line that most recipients have."""
    if text.isascii() and "=" not in text:
        encoded = text.encode("ascii")
        printed = text.isprintable()
    else:
        encoded = b2a_qp(text.encode("utf-8", "replace"))
        printed = "\n" not in text
    if printed and len(encoded) <= _WIDTH and encoded[:1] != b".":
        return encoded
    return quote(text)
