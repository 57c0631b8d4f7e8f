"""One non-blocking connection: the socket, TLS, and the session that talks over it."""

import errno
import os
import selectors
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from ctm.clock import Clock
from ctm.mailing.engine.replies import BadReply, ReplyReader
from ctm.mailing.engine.session import (
    OUT_OF_STEP,
    AccountProblem,
    ConnectionProblem,
    Desk,
    Job,
    Login,
    Need,
    Reconnect,
    Session,
    Throttled,
)

RECEIVE = 65536
HELD_UP, GRACE = 5.0, 10.0
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE

_TIMER = {"connect": "connect", "tls": "connect", "body": "body", "ready": "idle", "quit": "quit"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the server, by stage (RFC 5321, section 4.5.3.2, shortened)."""

    connect: float = 20.0
    command: float = 90.0
    body: float = 600.0
    idle: float = 20.0
    quit: float = 3.0

    def of(self, stage: str) -> float:
        name = _TIMER.get(stage)
        return self.command if name is None else float(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: resolved addresses, the name for TLS, TLS from the start or not."""

    host: str
    addresses: Sequence[tuple[Any, ...]]
    tls: bool
    context: ssl.SSLContext


class Connection:
    """Drives a session.

    What it writes waits until :meth:`flush`: ``has_output(connection)`` says that something does,
    so that the worker can note in its journal first what leaves. ``on_close(connection,
    problem)`` is called once, at the end.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        clock: Clock,
        target: Target,
        login: Login,
        desk: Desk,
        timeouts: Timeouts,
        has_output: Callable[["Connection"], None],
        on_close: Callable[["Connection", Exception | None], None],
    ) -> None:
        self.sent = 0
        self.queued = 0
        self._selector = selector
        self._clock = clock
        self._target = target
        self._timeouts = timeouts
        self._has_output = has_output
        self._on_close = on_close
        self._desk = desk
        self._reader = ReplyReader()
        self.replies = self._reader.replies
        self._out: list[bytes | memoryview] = []
        self._session = Session(login, desk, self)
        self._talk: Generator[Need, Any, None] = self._session.talk()
        self._need = Need.REPLY
        self._stage = "connect"
        self._tls = False
        self._events = 0
        self._tries = 0
        self._socket: socket.socket | ssl.SSLSocket | None = None
        self.closed = False
        self._since = 0.0
        self._checked_at = clock.monotonic()

    # -- what the worker asks and tells ------------------------------------------------------

    @property
    def established(self) -> bool:
        """Whether the server has let us in: connected, upgraded, logged in."""
        return self._stage == "talk" and self._session.stage in ("ready", "envelope", "body")

    @property
    def _where(self) -> str:
        return self._session.stage if self._stage == "talk" else self._stage

    @property
    def idle(self) -> bool:
        return self._stage == "talk" and self._need is Need.JOB

    @property
    def busy(self) -> bool:
        return self._session.busy

    @property
    def delivered(self) -> int:
        """How many bodies the server has answered for on this connection."""
        return self._session.delivered

    def open(self) -> None:
        """Start connecting to the next address."""
        address = self._target.addresses[self._tries]
        self._tries += 1
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = self._socket.connect_ex(address)
        except OSError as error:
            self._failed_to_connect(error)
            return
        if code not in (0, errno.EINPROGRESS):
            self._failed_to_connect(OSError(code, errno.errorcode.get(code, str(code))))
            return
        self._watch(selectors.EVENT_WRITE)
        self._restart_timer()

    def give(self, job: Job | None) -> None:
        """A mail for a session that waits for one; None ends it."""
        self._guard(self._advance, job)

    def ready(self, mask: int) -> None:
        """The selector says that something can be read or written."""
        self._guard(self._on_ready, mask)

    def check_time(self, now: float) -> None:
        """Give up on a server that does not answer.

        Not at once after the machine slept or the loop was held up: the answer may be here, or
        close.
        """
        held_up, self._checked_at = now - self._checked_at > HELD_UP, now
        if self.closed or not self._late(now):
            return
        if held_up and not self.idle:
            patience = self._timeouts.of(self._where)
            self._since = now + min(GRACE, patience) - patience
            return
        if self._stage == "talk" and not self.idle:
            self._guard(self._receive)
            if self.closed or not self._late(now):
                return
        if self.idle:
            self.give(None)
        elif self._stage == "talk" and self._session.stage == "quit":
            self._close(None)
        else:
            self._close(ConnectionProblem(f"{self._where}: no answer in time"))

    def write(self, data: bytes) -> None:
        """Queue bytes for the server; they leave with :meth:`flush`."""
        self._out.append(data)
        self.queued += len(data)

    def flush(self) -> None:
        """Hand the socket what it takes of the output; the rest follows when it can."""
        if not self.closed and self._socket is not None:
            self._guard(self._flush)

    def fail(self, problem: Exception) -> None:
        """Close: what waits to be written must not leave."""
        self._close(problem)

    def leave(self) -> None:
        """Close politely but at once: nothing is under way."""
        if self.idle:
            self.give(None)
            self.flush()
        self._close(Reconnect("the worker stops"))

    # -- the socket --------------------------------------------------------------------------

    def _guard(self, step: Callable[..., None], *arguments: Any) -> None:
        if self.closed:
            return
        try:
            step(*arguments)
        except StopIteration:
            self._close(None)
        except (ConnectionProblem, AccountProblem, Reconnect, Throttled) as problem:
            self._close(problem)
        except BadReply as problem:
            self._close(ConnectionProblem(f"no SMTP reply: {problem}"))
        except ssl.SSLCertVerificationError as problem:
            self._close(AccountProblem(f"TLS: {problem.verify_message}"))
        except ssl.SSLError as problem:
            self._close(ConnectionProblem(f"TLS: {problem.reason or problem}"))
        except OSError as problem:
            self._close(ConnectionProblem(problem.strerror or str(problem)))

    def _on_ready(self, mask: int) -> None:
        if self._stage == "connect":
            self._connected()
        elif self._stage == "tls":
            self._shake_hands()
        else:
            if mask & selectors.EVENT_WRITE:
                self._has_output(self)
            if mask & selectors.EVENT_READ:
                self._receive()

    def _connected(self) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._failed_to_connect(OSError(code, errno.errorcode.get(code, "")))
        elif self._target.tls:
            self._begin_tls()
        else:
            self._begin_talk()

    def _failed_to_connect(self, error: OSError) -> None:
        if self._socket is not None:
            self._unwatch()
            self._socket.close()
            self._socket = None
        if self._tries < len(self._target.addresses):
            self.open()
            return
        words = os.strerror(error.errno) if error.errno else str(error)
        self._close(ConnectionProblem(f"{self._target.host}: {words}"))

    def _begin_tls(self) -> None:
        assert self._socket is not None
        self._stage = "tls"
        self._unwatch()
        self._socket = self._target.context.wrap_socket(
            self._socket, server_hostname=self._target.host, do_handshake_on_connect=False
        )
        self._tls = True
        self._reader.clear()
        self._shake_hands()

    def _shake_hands(self) -> None:
        assert isinstance(self._socket, ssl.SSLSocket)
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(selectors.EVENT_READ)
            return
        except ssl.SSLWantWriteError:
            self._watch(selectors.EVENT_WRITE)
            return
        self._begin_talk()

    def _begin_talk(self) -> None:
        self._stage = "talk"
        self._watch(selectors.EVENT_READ)
        self._advance(None)

    def _advance(self, value: Any) -> None:
        """Hand the session what it waited for, and note what it needs next."""
        self._need = self._talk.send(value)
        self._after_step()

    def _after_step(self) -> None:
        while self._need is Need.JOB:
            job = self._desk.take()
            if job is None:
                break
            self._need = self._talk.send(job)
        if self._out:
            self._has_output(self)
        self._restart_timer()
        if self._need is Need.TLS:
            self._begin_tls()

    def _flush(self) -> None:
        while self._out:
            try:
                self.sent += self._send()
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            left = self.queued - self.sent
            self._out = [self._joined()[-left:]] if left else []
        self._watch(_BOTH if self._out else selectors.EVENT_READ)

    def _send(self) -> int:
        """Hand the socket what waits; how much it took."""
        assert self._socket is not None
        if self._tls:
            return self._socket.send(self._joined())
        return self._socket.sendmsg(self._out)

    def _joined(self) -> memoryview:
        """The output in one piece. A large mail leaves in many bits: its rest is never copied."""
        if len(self._out) > 1:
            self._out = [b"".join(self._out)]
        return memoryview(self._out[0])

    def _receive(self) -> None:
        assert self._socket is not None
        while not self.closed and self._stage == "talk":
            try:
                data = self._socket.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except ssl.SSLWantWriteError:
                self._watch(_BOTH)
                return
            if not data:
                raise ConnectionProblem("the server closed the connection")
            try:
                self._reader.feed(data)
            except BadReply:
                self._hand_over()
                raise
            self._hand_over()
            self._after_step()
            if not self._tls and len(data) < RECEIVE:
                return

    def _hand_over(self) -> None:
        """Hand the session the replies that have come; it takes several itself where it can."""
        begun = self._session.begun
        while self.replies:
            if self._need is not Need.REPLY or self._session.begun != begun:
                raise ConnectionProblem(f"{OUT_OF_STEP}: {self.replies[0].words}")
            self._need = self._talk.send(self.replies.popleft())
            if self._need is Need.TLS:
                return

    def _restart_timer(self) -> None:
        self._since = self._clock.monotonic()

    def _late(self, now: float) -> bool:
        return now - self._since >= self._timeouts.of(self._where)

    def _watch(self, events: int) -> None:
        assert self._socket is not None
        if events == self._events:
            return
        if self._events:
            self._selector.modify(self._socket, events, self)
        else:
            self._selector.register(self._socket, events, self)
        self._events = events

    def _unwatch(self) -> None:
        if self._socket is not None and self._events:
            self._selector.unregister(self._socket)
            self._events = 0

    def _close(self, problem: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        if self._stage == "talk" and self._session.stage == "quit":
            problem = None
        self._session.abandon(str(problem) if problem else "")
        self._talk.close()
        if self._socket is not None:
            self._unwatch()
            self._socket.close()
        self._on_close(self, problem)
