"""Replies of an SMTP server (RFC 5321, section 4.2)."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

LONGEST_LINE = 8192
MOST_LINES = 200
_MOST_KNOWN = 500


class BadReply(Exception):
    """The server says something that is no SMTP reply."""


@dataclass(frozen=True)
class Reply:
    """A complete reply: its code and the text of its lines."""

    code: int
    lines: tuple[str, ...]

    @cached_property
    def words(self) -> str:
        """The reply as the server gave it, on one line."""
        return f"{self.code} {' '.join(self.lines)}".strip()


class ReplyReader:
    """Turns received bytes into ``replies``, to be taken from the left.

    Servers repeat themselves: a reply of one line that was read before is not read again.
    """

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self._rest = b""
        self._lines: list[str] = []
        self._code = 0
        self._known: dict[bytes, Reply] = {}

    def feed(self, data: bytes) -> None:
        """Add what these bytes complete.

        :raises BadReply: garbage, a line without end, a reply without end; what came before it
            stands in ``replies``.
        """
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            reply = None if self._lines else self._known.get(line)
            if reply is None:
                reply = self._line(line)
            if reply is not None:
                self.replies.append(reply)
        if len(self._rest) > LONGEST_LINE:
            raise BadReply(self._rest[:200].decode("utf-8", "replace"))

    def clear(self) -> None:
        """Forget what was received: after STARTTLS nothing of before counts (RFC 3207)."""
        self.replies.clear()
        self._rest = b""
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
        if len(self._lines) == 1 and len(self._known) < _MOST_KNOWN:
            self._known[line] = reply
        self._lines = []
        return reply
