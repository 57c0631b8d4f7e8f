"""A hit as it came in, before anything is known of its mail; and as a line of the spool."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ctm.models import HitKind

METHOD, IP, USER_AGENT = 10, 45, 300
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_LETTERS = {HitKind.OPEN: "o", HitKind.CLICK: "c"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_LARGEST = 2**63
_LARGEST_PLACE = 2**31


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request for a mail's pixel, or for the link at ``position`` of the mail."""

    message_id: int
    kind: HitKind
    at: datetime
    method: str = "GET"
    ip: str = ""
    user_agent: str = ""
    position: int = 0


def clean(text: str, most: int) -> str:
    """Text as both databases take it: no NUL, no lone surrogate, no more than ``most``."""
    text = text[:most]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def encode(arrival: Arrival) -> bytes:
    """One line, a JSON list, at most some 2 KB."""
    fields = [
        _LETTERS[arrival.kind],
        arrival.message_id,
        (arrival.at - _EPOCH) // _MICROSECOND,
        clean(arrival.method, METHOD),
        clean(arrival.ip, IP),
        clean(arrival.user_agent, USER_AGENT),
        arrival.position,
    ]
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Arrival | None:
    """What :func:`encode` made; ``None`` for anything else."""
    try:
        letter, message_id, at, method, ip, user_agent, position = json.loads(line)
        whole = all(_is_number(value) for value in (message_id, at, position))
        if (
            not whole
            or position >= _LARGEST_PLACE
            or not all(isinstance(value, str) for value in (method, ip, user_agent))
        ):
            return None
        return Arrival(
            message_id,
            _KINDS[letter],
            _EPOCH + at * _MICROSECOND,
            clean(method, METHOD),
            clean(ip, IP),
            clean(user_agent, USER_AGENT),
            position,
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST
