"""The client's side of an SMTP conversation, without sockets (RFC 5321, 2920, 3207, 4954).

:meth:`Session.talk` is a generator: it yields what it needs next and is sent what it got. The
connection owns the socket, the lane owns the messages.
"""

import base64
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from ctm.mailing.engine import throttling
from ctm.mailing.engine.replies import Reply
from ctm.mailing.engine.throttling import Kind
from ctm.mailing.outbox import Claimed
from ctm.models import MessageState

AUTH_REFUSED = {530, 534, 535, 538}
END = b".\r\n"
OUT_OF_STEP = "an answer that does not fit"


class Need(Enum):
    """What a session waits for."""

    REPLY = auto()
    TLS = auto()
    JOB = auto()


class Job(NamedTuple):
    """A mail ready for the wire. ``data`` is dot-stuffed and ends with CRLF."""

    message: Claimed
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    utf8: bool
    values: dict[str, Any] | None


class Wire(Protocol):
    """What a session needs of a connection. ``replies`` have come and wait to be taken."""

    sent: int
    queued: int
    replies: deque[Reply]

    def write(self, data: bytes) -> None: ...


class Desk(Protocol):
    """What a session needs of a lane."""

    def take(self) -> Job | None:
        """The next mail that may leave now."""

    def may_begin(self, job: Job) -> bool:
        """Whether the mail is still to leave, asked at the last moment."""

    def begins(self, job: Job) -> None:
        """The mail's body is about to be written."""

    def done(
        self, job: Job, state: MessageState, code: int | None, words: str, reason: str = ""
    ) -> None:
        """What became of a mail."""

    def held_off(self, job: Job, code: int, words: str) -> None:
        """The server had the whole mail and refused it for the account's sake: not now."""

    def give_back(self, job: Job) -> None:
        """The mail was not begun: it can leave another time."""


class ConnectionProblem(Exception):
    """The server cannot be used now; the account waits and tries again."""


class Reconnect(Exception):
    """The conversation cannot go on, through nobody's fault: a new connection will do."""


class Throttled(Exception):
    """The server wants the account to slow down: it waits longer, and sends with less after."""

    def __init__(self, words: str, kind: Kind) -> None:
        super().__init__(words)
        self.patience = throttling.PATIENCE[kind]


class AccountProblem(Exception):
    """The server does not accept the account; it is stopped until somebody mends it."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to introduce oneself: ``starttls`` upgrades; no ``username`` means no login."""

    hello: str
    starttls: bool
    username: str
    password: str


class Session:
    """One conversation. ``stage`` says where it is, in words for errors and time limits."""

    def __init__(self, login: Login, desk: Desk, wire: Wire) -> None:
        self._login = login
        self._desk = desk
        self._wire = wire
        self._features: dict[str, str] = {}
        self._heed()
        self._waiting: list[Job] = []
        self._in_body: Job | None = None
        self._body_start = self._body_end = 0
        self.stage = "greeting"
        self.begun = 0
        self.delivered = 0

    def talk(self) -> Generator[Need, Any, None]:
        """
        :raises ConnectionProblem: the server refuses the conversation for now.
        :raises Throttled: the server wants the account to slow down.
        :raises AccountProblem: the server refuses the account.
        """
        greeting: Reply = yield Need.REPLY
        if greeting.code != 220:
            raise _trouble(greeting)
        yield from self._hello()
        if self._login.starttls:
            yield from self._start_tls()
        if self._login.username:
            yield from self._log_in()
        yield from self._deliver()
        self.stage = "quit"
        self._wire.write(b"QUIT\r\n")
        yield Need.REPLY

    def abandon(self, words: str) -> None:
        """The connection is gone: settle what was under way."""
        job, self._in_body = self._in_body, None
        if job is not None:
            if self._wire.sent >= self._body_end:
                self._desk.done(job, MessageState.UNCERTAIN, None, words, "no_answer")
            elif self._wire.sent > self._body_start:
                self._desk.done(job, MessageState.DEFERRED, None, words)
            else:
                self._desk.give_back(job)
        for waiting in self._waiting:
            self._desk.give_back(waiting)
        self._waiting.clear()

    @property
    def busy(self) -> bool:
        """Whether a mail's body is on its way."""
        return self._in_body is not None

    def _command(self, line: str) -> Generator[Need, Any, Reply]:
        self._wire.write(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return _going_on((yield Need.REPLY))

    def _hello(self) -> Generator[Need, Any, None]:
        self.stage = "hello"
        self._features = {}
        self._heed()
        reply = yield from self._command(f"EHLO {self._login.hello}")
        if reply.code != 250:
            reply = yield from self._command(f"HELO {self._login.hello}")
            if reply.code != 250:
                raise _trouble(reply)
            return
        for line in reply.lines[1:]:
            name, _, parameters = line.partition(" ")
            self._features[name.upper()] = parameters.strip()
        self._heed()

    def _heed(self) -> None:
        """What the server's extensions mean for each mail."""
        features = self._features
        limit = features.get("SIZE", "")
        self._pipelining = "PIPELINING" in features
        self._sized = "SIZE" in features
        self._largest = int(limit) if limit.isdecimal() and len(limit) < 20 else 0
        self._eight_bit, self._utf8 = "8BITMIME" in features, "SMTPUTF8" in features

    def _start_tls(self) -> Generator[Need, Any, None]:
        self.stage = "starttls"
        if "STARTTLS" not in self._features:
            raise AccountProblem("STARTTLS: not offered by the server")
        reply = yield from self._command("STARTTLS")
        if reply.code != 220:
            raise _trouble(reply)
        yield Need.TLS
        yield from self._hello()

    def _log_in(self) -> Generator[Need, Any, None]:
        self.stage = "login"
        offered = self._features.get("AUTH", "").upper().split()
        user, password = self._login.username, self._login.password
        if "PLAIN" in offered:
            secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            reply = yield from self._command(f"AUTH PLAIN {secret}")
        elif "LOGIN" in offered:
            reply = yield from self._command("AUTH LOGIN")
            for part in (user, password):
                if reply.code != 334:
                    break
                reply = yield from self._command(base64.b64encode(part.encode()).decode())
        else:
            raise AccountProblem("AUTH PLAIN, AUTH LOGIN: not offered by the server")
        if reply.code == 235:
            return
        if reply.code < 400:
            raise ConnectionProblem(f"{OUT_OF_STEP}: {reply.words}")
        if reply.code < 500 or throttling.account_words(reply) in throttling.PATIENCE:
            raise _trouble(reply)
        raise AccountProblem(reply.words)

    def _deliver(self) -> Generator[Need, Any, None]:
        written: Job | None = None
        while True:
            self.stage = "ready"
            job: Job | None = written or (yield Need.JOB)
            if job is None:
                return
            if written is None and not self._introduce(job):
                continue
            written = None
            if not (yield from self._envelope(job)):
                continue
            if not self._desk.may_begin(job):
                raise Reconnect("paused between envelope and body")
            self.stage = "body"
            self.begun += 1
            self._desk.begins(job)
            self._waiting.remove(job)
            self._in_body = job
            self._body_start = self._wire.queued
            self._body_end = self._body_start + len(job.data) + len(END)
            self._wire.write(job.data)
            self._wire.write(END)
            following = self._desk.take() if self._pipelining else None
            if following is not None and self._introduce(following):
                written = following
            reply: Reply = yield Need.REPLY
            self._in_body = None
            self.delivered += 1
            self._conclude(job, reply)

    def _conclude(self, job: Job, reply: Reply) -> None:
        """What the answer to a body means; 3xx is neither yes nor no (RFC 5321, section 4.2.1)."""
        if reply.code < 300:
            self._desk.done(job, MessageState.SENT, reply.code, reply.words)
            return
        if reply.code < 400:
            self._desk.done(job, MessageState.UNCERTAIN, reply.code, reply.words, "no_answer")
            raise ConnectionProblem(f"{OUT_OF_STEP}: {reply.words}")
        problem = self._of_account(reply)
        if problem is not None and reply.code != 421:
            self._desk.held_off(job, reply.code, reply.words)
        else:
            self._desk.done(job, _state(reply), reply.code, reply.words)
        if problem is not None:
            raise problem

    def _introduce(self, job: Job) -> bool:
        """Write the envelope, or say why this server cannot take the mail."""
        if 0 < self._largest < len(job.data):
            words = f"SIZE {self._largest}: {len(job.data)}"
            self._desk.done(job, MessageState.FAILED, 552, words, "size")
            return False
        if job.utf8 and not self._utf8:
            self._desk.done(job, MessageState.FAILED, 553, "SMTPUTF8: not offered", "smtputf8")
            return False
        self._waiting.append(job)
        addresses = self._addresses(job)
        written = self._mail(job, addresses)
        if self._pipelining:
            written += "".join([_recipient(each) for each in addresses]) + "DATA\r\n"
        self._wire.write(written.encode())
        return True

    def _mail(self, job: Job, addresses: tuple[str, ...]) -> str:
        options = f" SIZE={len(job.data)}" if self._sized else ""
        if job.utf8 or not all(map(str.isascii, addresses)):
            options += " SMTPUTF8"
        if self._eight_bit and not job.data.isascii():
            options += " BODY=8BITMIME"
        return f"MAIL FROM:<{job.sender}>{options}\r\n"

    def _addresses(self, job: Job) -> tuple[str, ...]:
        """The recipient, and the copies that the server can take an address for."""
        if len(job.recipients) == 1 or self._utf8:
            return job.recipients
        return tuple(each for each in job.recipients if each.isascii())

    def _envelope(self, job: Job) -> Generator[Need, Any, bool]:
        """Read (without PIPELINING: hold) the dialogue up to 354; false if the mail stays here."""
        self.stage = "envelope"
        together, here = self._pipelining, self._wire.replies
        mail = _going_on(here.popleft() if here else (yield Need.REPLY))
        refused = None if mail.code == 250 else mail
        if refused and not together:
            return (yield from self._refuse(job, refused))
        for place, address in enumerate(self._addresses(job)):
            if not together:
                self._wire.write(_recipient(address).encode())
            reply = _going_on(here.popleft() if here else (yield Need.REPLY))
            if place == 0 and reply.code not in (250, 251):
                refused = refused or reply
        if refused and not together:
            return (yield from self._refuse(job, refused))
        if not together:
            self._wire.write(b"DATA\r\n")
        data = _going_on(here.popleft() if here else (yield Need.REPLY))
        if refused is None and data.code == 354:
            return True
        return (yield from self._refuse(job, refused or data, data.code == 354))

    def _refuse(
        self, job: Job, reply: Reply, body_awaited: bool = False
    ) -> Generator[Need, Any, bool]:
        if reply.code < 400:
            raise ConnectionProblem(f"{OUT_OF_STEP}: {reply.words}")
        problem = self._of_account(reply)
        if problem is not None:
            raise problem
        self._waiting.remove(job)
        self._desk.done(job, _state(reply), reply.code, reply.words)
        if body_awaited:
            raise Reconnect(reply.words)
        self.stage = "reset"
        answer = yield from self._command("RSET")
        if answer.code != 250:
            raise Reconnect(answer.words)
        return False

    def _of_account(self, reply: Reply) -> Exception | None:
        """The problem a refusal makes for the whole account; None if it is the mail's alone.

        A login lost in mid-session is tried anew: the next login says whether it still holds.
        """
        if reply.code in AUTH_REFUSED:
            if self._login.username and self.delivered:
                return ConnectionProblem(reply.words)
            return AccountProblem(reply.words)
        if reply.code == 421 or throttling.account_words(reply) is not None:
            return _trouble(reply)
        return None


def _recipient(address: str) -> str:
    return f"RCPT TO:<{address}>\r\n"


def _going_on(reply: Reply) -> Reply:
    """A reply after which the conversation goes on: 421 ends it, no other follows."""
    if reply.code == 421:
        raise _trouble(reply)
    return reply


def _state(reply: Reply) -> MessageState:
    return MessageState.DEFERRED if reply.code < 500 else MessageState.FAILED


def _trouble(reply: Reply) -> Exception:
    """A refusal of the conversation or the account, as the problem that it is."""
    kind = throttling.account_words(reply)
    if kind is Kind.BARRED:
        return AccountProblem(reply.words)
    if kind is not None:
        return Throttled(reply.words, kind)
    return ConnectionProblem(reply.words)
