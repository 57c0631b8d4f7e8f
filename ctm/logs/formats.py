"""How a log line looks, and what it never holds: secrets, and line ends of others."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

HIDDEN = "[hidden]"
LONGEST = 8000
LONGEST_TRACE = 20_000
FIELDS = ("campaign_id", "mailing_id", "message_id", "account_id", "task_id", "status", "ms")

_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|session|authorization|cookie|api[_-]?key|csrf)"
)
_SECRETS = (
    # name=value, "name": "value", name: value; the name may be the end of a longer one
    (
        re.compile(
            rf"""(?ix) ( {_NAMES}[\w-]{{0,40}} ["']? \s{{0,3}} [=:] \s{{0,3}} )
            ( "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | (?:bearer|basic)\s+\S+ | [^\s,;&)}}\]]+ )"""
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\bAUTH\s+(PLAIN|LOGIN)\s+\S+"), rf"AUTH \1 {HIDDEN}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
    # Tokens of mails: the first signs are enough to find a line again.
    (re.compile(r"(/[ocr]/[\w-]{6})[\w-]{6,}"), r"\1…"),
    # What Fernet sealed, and signed cookies.
    (re.compile(r"\bgAAAA[\w-]{20,}=*"), HIDDEN),
)
_words: set[str] = set()
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_TRACE_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def hide(secret: str) -> None:
    """Never write this word; for secrets known by their value."""
    if len(secret) >= 8:
        _words.add(secret)


def scrub(text: str) -> str:
    """``text`` without the secrets it may hold."""
    for word in _words:
        text = text.replace(word, HIDDEN)
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def one_line(text: str) -> str:
    """``text`` with its control characters written out as in JSON, so that it stays one line."""
    return _CONTROL.sub(_written_out, text)


def _written_out(sign: re.Match[str]) -> str:
    return f"\\u{ord(sign[0]):04x}"


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:
        text = f"{record.msg!r} {record.args!r}"
    return scrub(text[: 2 * LONGEST])[:LONGEST]


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    text = logging.Formatter().formatException(record.exc_info)
    if len(text) > LONGEST_TRACE:
        text = f"{text[: LONGEST_TRACE // 2]}\n…\n{text[-LONGEST_TRACE // 2 :]}"
    return _TRACE_CONTROL.sub(_written_out, scrub(text))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return scrub(str(value))[:300]


def belongs_to(record: logging.LogRecord) -> dict[str, Any]:
    """What is bound to the record, and the ids given with it."""
    values = {name: _plain(value) for name, value in getattr(record, "ctm", {}).items()}
    for name in FIELDS:
        if hasattr(record, name):
            values[name] = _plain(getattr(record, name))
    return {name: value for name, value in values.items() if value is not None}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time`` (UTC), ``level``, ``logger``, ``process``, ``pid``,
    ``message``, ``error`` (the traceback), and what the line belongs to."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "process": self._role,
            "pid": record.process,
            "message": _message(record),
        }
        line = belongs_to(record) | line
        if trace := _trace(record):
            line["error"] = trace
        order = ("time", "level", "logger", "message")
        first = {name: line.pop(name) for name in order}
        return one_line(json.dumps(first | line, ensure_ascii=False, default=str))


class HumanFormatter(logging.Formatter):
    """Time of this machine, level, logger, message, and what it belongs to in brackets."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        text = one_line(_message(record))
        belongs = " ".join(
            f"{name.removesuffix('_id')}={one_line(str(value))}"
            for name, value in belongs_to(record).items()
        )
        line = f"{moment:%Y-%m-%d %H:%M:%S},{int(record.msecs):03d} {record.levelname}"
        line = f"{line} {record.name}: {text}{f' [{belongs}]' if belongs else ''}"
        trace = _trace(record)
        return line + "".join(f"\n    | {part}" for part in trace.splitlines())
