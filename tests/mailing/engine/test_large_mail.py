"""A large mail leaves in small bits, without work that grows with the square of its size."""

import selectors
import ssl
import time

import pytest

from ctm.clock import SystemClock
from ctm.mailing.engine.connection import Connection, Target, Timeouts
from ctm.mailing.engine.session import Login

BODY = bytes(range(256)) * 240_000  # 60 MB
RECORD = 16_384


class OneRecordAtATime:
    """A socket that takes what a TLS record holds, as OpenSSL does, and keeps it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def send(self, data: memoryview) -> int:
        self.taken.append(bytes(data[:RECORD]))
        return len(self.taken[-1])

    def sendmsg(self, pieces: list[bytes | memoryview]) -> int:
        return self.send(memoryview(pieces[0]))


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "in the clear"])
def test_its_rest_is_not_copied_for_each_bit(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "_watch", lambda _self, _events: None)
    target = Target("mail.example", [], tls, ssl.create_default_context())
    with selectors.DefaultSelector() as selector:
        connection = Connection(
            selector,
            SystemClock(),
            target,
            Login("me", False, "", ""),
            None,  # type: ignore[arg-type]
            Timeouts(),
            lambda _connection: None,
            lambda _connection, _problem: None,
        )
        taker = OneRecordAtATime()
        connection._socket, connection._tls = taker, tls  # type: ignore[assignment]
        for piece in (b"before", BODY, b".\r\n"):
            connection.write(piece)
        start = time.process_time()
        connection.flush()
        took = time.process_time() - start
    assert b"".join(taker.taken) == b"before" + BODY + b".\r\n"
    assert connection.sent == connection.queued
    assert took < 1.5, "the rest was copied each time"
