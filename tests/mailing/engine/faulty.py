"""A mail server that misbehaves where it is told to, and keeps what it took."""

import socket
import ssl
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

CLOSE = "close"
HANG = "hang"
ENDLESS = "endless"
BYTE_BY_BYTE = "byte by byte"
CLOSE_AFTER = "close after"
IN_ADVANCE = "in advance"
MANNERS = (BYTE_BY_BYTE, CLOSE_AFTER, IN_ADVANCE)
UNASKED = "250 2.0.0 unasked"
PIPELINED = ("PIPELINING", "8BITMIME")


@dataclass(frozen=True)
class Fault:
    """At ``stage`` do ``action``: ``CLOSE``, ``HANG``, ``ENDLESS`` or say these words in place of
    the usual answer; or give the usual answer in one of the ``MANNERS``.

    From the mail stages on, only for the ``mail``-th mail begun (0: always), and the
    ``recipient``-th address of it. Stage ``body`` comes before the body is read, ``answer`` after.
    """

    stage: str
    action: str
    mail: int = 0
    recipient: int = 1


class _Over(Exception):
    """The conversation has ended."""


class FaultyServer:
    """One thread for each connection. ``accepted`` counts the recipients of bodies taken.

    ``commands`` are the commands as they came, ``bodies`` the mails taken, dot-stuffed as on the
    wire, without the last dot.
    """

    def __init__(
        self,
        *faults: Fault,
        features: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
        tls_at_once: bool = False,
        small_buffers: bool = False,
    ) -> None:
        self.faults = faults
        self.features = features
        self.accepted: Counter[str] = Counter()
        self.commands: list[str] = []
        self.bodies: list[bytes] = []
        self.begun = 0
        self.connections = 0
        self._tls = tls
        self._tls_at_once = tls_at_once
        self._done = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        if small_buffers:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(20)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "FaultyServer":
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        talk = _Conversation(self, connection)
        try:
            if self._tls_at_once:
                talk.upgrade()
            talk.run()
        except (_Over, OSError):
            pass
        finally:
            talk.close()

    def wrap(self, connection: socket.socket) -> socket.socket:
        assert self._tls is not None
        return self._tls.wrap_socket(connection, server_side=True)

    def hang(self) -> None:
        self._done.wait(10)


class _Conversation:
    def __init__(self, server: FaultyServer, connection: socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._file = connection.makefile("rb")
        self._mail = 0
        self._recipients: list[str] = []
        self._manner = ""

    def upgrade(self) -> None:
        self._file.close()
        self._socket = self._server.wrap(self._socket)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def run(self) -> None:
        if not self._misbehave("greeting"):
            self._say("220 faulty.test ESMTP")
        while line := self._file.readline():
            command = line.decode("utf-8", "replace").strip()
            self._server.commands.append(command)
            verb = command.split(" ", 1)[0].lower()
            getattr(self, f"_on_{verb}", self._on_nonsense)(command)

    def _say(self, words: str) -> None:
        manner, self._manner = self._manner, ""
        line = words.encode("utf-8", "surrogateescape") + b"\r\n"
        if manner == IN_ADVANCE:
            line += UNASKED.encode() + b"\r\n"
        for part in [bytes([byte]) for byte in line] if manner == BYTE_BY_BYTE else [line]:
            self._socket.sendall(part)
        if manner == CLOSE_AFTER:
            raise _Over

    def _misbehave(self, stage: str) -> bool:
        """Whether a fault said something in place of the usual answer."""
        for fault in self._server.faults:
            place = len(self._recipients) if stage == "rcpt" else 1
            if fault.stage != stage or place != fault.recipient:
                continue
            if fault.mail not in (0, self._mail):
                continue
            if fault.action == CLOSE:
                raise _Over
            if fault.action in MANNERS:
                self._manner = fault.action
                return False
            if fault.action == ENDLESS:
                while True:
                    self._socket.sendall(b"250-and one more\r\n")
            if fault.action == HANG:
                self._server.hang()
                raise _Over
            self._say(fault.action)
            if fault.action.startswith("421"):
                raise _Over
            return True
        return False

    def _on_ehlo(self, _command: str) -> None:
        if not self._misbehave("ehlo"):
            *lines, last = ["faulty.test", *self._server.features]
            self._say("".join(f"250-{line}\r\n" for line in lines) + f"250 {last}")

    def _on_nonsense(self, _command: str) -> None:
        self._say("500 5.5.2 what?")

    def _on_helo(self, _command: str) -> None:
        if not self._misbehave("ehlo"):
            self._say("250 faulty.test")

    def _on_starttls(self, _command: str) -> None:
        if not self._misbehave("starttls"):
            self._say("220 go ahead")
            self.upgrade()

    def _on_auth(self, _command: str) -> None:
        if not self._misbehave("auth"):
            self._say("235 2.7.0 welcome")

    def _on_mail(self, _command: str) -> None:
        self._server.begun += 1
        self._mail = self._server.begun
        self._recipients = []
        if not self._misbehave("mail"):
            self._say("250 2.1.0 ok")

    def _on_rcpt(self, command: str) -> None:
        self._recipients.append(command.partition("<")[2].partition(">")[0])
        if self._misbehave("rcpt"):
            self._recipients[-1] = ""
        else:
            self._say("250 2.1.5 ok")

    def _on_data(self, _command: str) -> None:
        if not any(self._recipients):
            self._say("503 5.5.1 no valid recipients")
            return
        if self._misbehave("data"):
            return
        self._say("354 go on")
        self._misbehave("body")
        written = b""
        while (line := self._file.readline()) != b".\r\n":
            if not line:
                raise _Over
            written += line
        if not self._misbehave("answer"):
            self._server.bodies.append(written)
            self._server.accepted.update(each for each in self._recipients if each)
            self._say(f"250 2.0.0 queued as {self._mail}")

    def _on_rset(self, _command: str) -> None:
        self._recipients = []
        if not self._misbehave("rset"):
            self._say("250 2.0.0 ok")

    def _on_quit(self, _command: str) -> None:
        if not self._misbehave("quit"):
            self._say("221 2.0.0 bye")
        raise _Over
