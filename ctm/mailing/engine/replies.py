"""Replies of an SMTP server (RFC 5321, section 4.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_LINE = 8192
MOST_LINES = 200


class BadReply(Exception):
    """The server says something that is no SMTP reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply: its code and the text of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """The reply as the server gave it, on one line."""
        return f"{self.code} {' '.join(self.lines)}".strip()


class ReplyReader:
    """Turns received bytes into replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """
        :raises BadReply: garbage, a line without end, a reply without end.
        """
        self._buffer += data
        start = 0
        while (end := self._buffer.find(b"\n", start)) >= 0:
            line = bytes(self._buffer[start:end])
            start = end + 1
            reply = self._line(line)
            if reply is not None:
                yield reply
        del self._buffer[:start]
        if len(self._buffer) > LONGEST_LINE:
            raise BadReply(bytes(self._buffer[:200]).decode("utf-8", "replace"))

    def clear(self) -> None:
        """Forget what was received: after STARTTLS nothing of before counts (RFC 3207)."""
        self._buffer.clear()
        self._lines.clear()

    def _line(self, line: bytes) -> Reply | None:
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        code, mark = text[:3], text[3:4]
        readable = code.isascii() and code.isdigit() and mark in ("", " ", "-", "\t")
        if not readable or not "200" <= code <= "599" or len(line) > LONGEST_LINE:
            raise BadReply(text[:200])
        if self._lines and int(code) != self._code:
            raise BadReply(text[:200])
        self._code = int(code)
        self._lines.append(text[4:].strip())
        if len(self._lines) > MOST_LINES:
            raise BadReply(text[:200])
        if mark == "-":
            return None
        reply = Reply(self._code, tuple(self._lines))
        self._lines = []
        return reply
