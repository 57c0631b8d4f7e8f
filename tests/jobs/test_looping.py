"""The server's loop: connections are heard, however they behave, and cost nothing while idle."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import waitress
from waitress import wasyncore

from jobs import looping
from jobs.front import Dispatcher
from jobs.looping import Channels, asyncore

LARGE = 6 * 1024 * 1024


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(0.3)
    body = b"x" * LARGE if path == "/large" else path.encode()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def server() -> Iterator[Any]:
    dispatcher = Dispatcher(lambda _request, _peer: None, 2)
    server = waitress.create_server(
        application,
        map=Channels(),
        _dispatcher=dispatcher,
        host="127.0.0.1",
        port=0,
        channel_timeout=2,
        cleanup_interval=1,
    )
    server.asyncore = asyncore()
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
    thread.join(10)
    dispatcher.shutdown()
    assert not thread.is_alive()


def connect(server: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.effective_port)), 10)


def ask(sock: socket.socket, *paths: str) -> None:
    requests = (f"GET {path} HTTP/1.1\r\nHost: mail.test\r\n\r\n" for path in paths)
    sock.sendall("".join(requests).encode())


def answer(sock: socket.socket) -> bytes:
    """The next answer's body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(1)
    length = int(got.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = bytearray()
    while len(body) < length:
        body += sock.recv(length - len(body))
    return bytes(body)


def eventually(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_many_connections_are_heard_again_and_again(server: Any) -> None:
    with ExitStack() as closing:
        socks = [closing.enter_context(connect(server)) for _ in range(40)]
        for turn in range(3):
            for number, sock in enumerate(socks):
                ask(sock, f"/{turn}/{number}")
            for number, sock in enumerate(socks):
                assert answer(sock) == f"/{turn}/{number}".encode()
    eventually(lambda: not server.active_channels)


@pytest.mark.parametrize(("limit", "accepted"), [(100, 40), (32, 30)])
def test_connections_that_wait_are_accepted_together(limit: int, accepted: int) -> None:
    channels = Channels()
    server = waitress.create_server(
        application, map=channels, host="127.0.0.1", port=0, connection_limit=limit, threads=1
    )
    with ExitStack() as closing:
        closing.callback(server.task_dispatcher.shutdown)
        closing.callback(wasyncore.close_all, channels)
        for _ in range(40):
            closing.enter_context(connect(server))
        channels.turn(1)
        assert len(server.active_channels) == accepted


def test_hits_that_come_together_are_answered_together(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []

    def sleep(seconds: float) -> None:
        rests.append(seconds)
        time.sleep(seconds)

    own = SimpleNamespace(sleep=sleep, monotonic=time.monotonic)
    monkeypatch.setattr(looping, "time", own)
    with connect(server) as sock:
        for number in range(30):
            ask(sock, f"/{number}")
            assert answer(sock) == f"/{number}".encode()
    assert rests


def test_an_upload_does_not_wait_for_others(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in dozens of bits."""
    monkeypatch.setattr(looping, "_TOGETHER", 0.3)
    began = time.monotonic()
    with connect(server) as sock:
        head = "POST /done HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 400000\r\n\r\n"
        sock.sendall(head.encode() + b"x" * 400_000)
        assert answer(sock) == b"/done"
    assert time.monotonic() - began < 8


def test_requests_sent_at_once_are_answered_in_their_order(server: Any) -> None:
    with connect(server) as sock:
        ask(sock, "/1", "/slow", "/2", "/3")
        assert [answer(sock) for _ in range(4)] == [b"/1", b"/slow", b"/2", b"/3"]


def test_a_reader_that_takes_its_time_gets_all_of_a_large_answer(server: Any) -> None:
    with connect(server) as slow, connect(server) as quick:
        ask(slow, "/large")
        time.sleep(0.2)
        ask(quick, "/meanwhile")
        assert answer(quick) == b"/meanwhile"
        assert answer(slow) == b"x" * LARGE
        ask(slow, "/again")
        assert answer(slow) == b"/again"


def test_who_hangs_up_while_a_page_is_made_keeps_the_loop_from_nothing(server: Any) -> None:
    for _ in range(4):
        with connect(server) as sock:
            ask(sock, "/slow")
    before = time.process_time()
    time.sleep(0.4)
    assert time.process_time() - before < 0.3
    eventually(lambda: not server.active_channels)
    with connect(server) as sock:
        ask(sock, "/after")
        assert answer(sock) == b"/after"


def test_a_connection_on_which_nothing_happens_is_closed_in_the_end(server: Any) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET / HT")
        assert sock.recv(100) == b""
