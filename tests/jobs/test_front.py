"""The served program under hits: what answers them, and what a kill leaves."""

import re
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm.extensions import db
from ctm.mailing.tracking.collector import Collector, spool_folder
from ctm.mailing.tracking.settler import Settler
from ctm.mailing.tracking.tokens import make_token
from ctm.models import Hit, Message
from jobs.front import Front
from jobs.serve import listen
from tests import factories
from tests.jobs.test_serve import Start, environ, free_port, migrate, read_until, start, wait_for
from tests.tracking.conftest import campaign_with_outcomes, delivered

__all__ = ["environ", "start"]

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"
PROXIES = 1
APART = ("Date", "Server", "Vary", "X-Request-Id")


@pytest.fixture
def settings() -> dict[str, object]:
    return {"CTM_PORT": free_port(), "CTM_TRUSTED_PROXIES": PROXIES, "SERVER_NAME": None}


@pytest.fixture
def mail(app: Flask) -> Message:
    return delivered(campaign_with_outcomes())[0]


@pytest.fixture
def token(app: Flask, mail: Message) -> str:
    return make_token(app.extensions["ctm.tracking_key"], mail.id)


@pytest.fixture
def served(app: Flask, mail: Message) -> Iterator[int]:
    """The application's port, served with hits collected."""
    collector = Collector(spool_folder(Path(app.instance_path)))
    app.extensions["ctm.hits"] = collector
    server = listen(app, Front(app, collector))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield app.config["CTM_PORT"]
    for channel in list(server.active_channels.values()):
        channel.will_close = True
    server.accepting = False
    server.asyncore.close_all(server._map)
    server.task_dispatcher.shutdown()
    thread.join(10)
    collector.close()


def talk(port: int, request: bytes, answers: int = 1) -> bytes:
    """What the server answers on one connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        with suppress(ConnectionError):
            sock.sendall(request)
        while got.count(b"HTTP/1.") < answers or b"\r\n\r\n" not in got:
            data = _receive(sock)
            if not data:
                return got
            got += data
        sock.settimeout(0.05)
        while data := _receive(sock):
            got += data
    return got


def _receive(sock: socket.socket) -> bytes:
    """Nothing also when the server hangs up on a request it does not want to read to the end."""
    try:
        return sock.recv(65536)
    except (ConnectionResetError, TimeoutError):
        return b""


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: mail.test", f"User-Agent: {AGENT}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def recorded(app: Flask) -> list[Hit]:
    Settler(db.engine, spool_folder(Path(app.instance_path))).settle_all()
    db.session.rollback()
    return list(db.session.scalars(select(Hit).order_by(Hit.id)))


def headers_of(answer: bytes) -> dict[str, str]:
    head = answer.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    found = {line.partition(": ")[0].title(): line.partition(": ")[2] for line in head}
    return {k: v for k, v in found.items() if k not in APART}


def test_the_server_answers_as_the_application_does(
    app: Flask, client: FlaskClient, served: int, token: str
) -> None:
    for path in (f"/o/{token}.gif", f"/c/{token}/2", f"/c/{token}/002", f"/c/{token}/2?x=1"):
        by_app = client.get(path, headers={"User-Agent": AGENT})
        for _again in range(2):
            answer = talk(served, get(path))
            assert answer.startswith(f"HTTP/1.1 {by_app.status_code} ".encode())
            assert answer.split(b"\r\n\r\n", 1)[1] == by_app.data
            expected = {k.title(): v for k, v in by_app.headers if k.title() not in APART}
            assert headers_of(answer) == expected
    hits = recorded(app)
    assert len(hits) == 12
    assert {hit.user_agent for hit in hits} == {AGENT}


def test_head_pipelines_old_clients_and_closing(app: Flask, served: int, token: str) -> None:
    pixel = f"/o/{token}.gif"
    head = talk(served, get(pixel, method="HEAD"))
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: 42" in head
    several = talk(served, get(pixel) * 3 + get("/nothing") + get(pixel), 5)
    assert re.findall(rb"HTTP/1.1 (\d+)", several) == [b"200", b"200", b"200", b"404", b"200"]
    assert b"Connection: close" in talk(served, get(pixel, version="1.0"))
    kept = talk(served, get(pixel, "Connection: keep-alive", version="1.0"))
    assert b"Connection: Keep-Alive" in kept
    closed = talk(served, get(pixel, "Connection: close") + get(pixel))
    assert closed.count(b"HTTP/1.1") == 1
    methods = [hit.method for hit in recorded(app)]
    assert methods == ["HEAD", "GET", "GET", "GET", "GET", "GET", "GET", "GET"]


def test_the_address_behind_a_proxy_is_the_recipients(app: Flask, served: int, token: str) -> None:
    pixel = f"/o/{token}.gif"
    talk(served, get(pixel, "X-Forwarded-For: 6.6.6.6, 93.40.1.2"))
    talk(served, get(pixel))
    assert [hit.ip for hit in recorded(app)] == ["93.40.1.2", "127.0.0.1"]


HOSTILE = {
    "long agent": b"GET {} HTTP/1.1\r\nHost: x\r\nUser-Agent: " + b"a" * 60_000 + b"\r\n\r\n",
    "nul in agent": b"GET {} HTTP/1.1\r\nHost: x\r\nUser-Agent: a\0b\r\n\r\n",
    "no utf-8": b"GET {} HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xfe\xc3\r\n\r\n",
    "huge query": b"GET {}?" + b"q=%ff&" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "body": b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "post": b"POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "wrong length": b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"GET {} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "no version": b"GET {}\r\n\r\n",
    "version 9": b"GET {} HTTP/9.9\r\n\r\n",
    "too many headers": b"GET {} HTTP/1.1\r\n" + b"X: y\r\n" * 60_000 + b"\r\n",
    "no request": b"\r\n\r\n\0\0\0\r\n\r\n",
}


@pytest.mark.parametrize("place", ["/o/{}.gif", "/c/{}/1"])
def test_hostile_requests_break_nothing(app: Flask, served: int, token: str, place: str) -> None:
    path = place.format(token).encode()
    talk(served, get(place.format(token)))
    for name, request in HOSTILE.items():
        answer = talk(served, request.replace(b"{}", path))
        assert b"Traceback" not in answer, name
        status = re.match(rb"HTTP/1\.\d (\d+)", answer)
        assert not status or status[1] in (b"200", b"302", b"400", b"405", b"413", b"431"), name
        assert talk(served, get(place.format(token))).startswith(b"HTTP/1.1 "), name
    for hit in recorded(app):
        assert len(hit.user_agent) <= 300
        assert "\0" not in hit.user_agent


def test_forged_tokens_and_foreign_places_count_nothing(
    app: Flask, served: int, token: str
) -> None:
    talk(served, get(f"/c/{token}/1"))
    assert talk(served, get("/o/" + "A" * 24 + ".gif")).startswith(b"HTTP/1.1 200")
    for path in ("/c/" + "A" * 24 + "/1", f"/c/{token}/9", f"/c/{token}/999999", f"/c/{token}/"):
        assert talk(served, get(path)).startswith(b"HTTP/1.1 404"), path
    assert len(recorded(app)) == 1


@pytest.mark.one_database("sqlite")
def test_a_deleted_campaigns_links_lead_nowhere_for_the_next_one(
    app: Flask, served: int, mail: Message, token: str
) -> None:
    number, place = mail.id, f"/c/{token}/1"
    assert b"Location: https://office.example/1" in talk(served, get(place))
    db.session.delete(mail.mailing.campaign)
    db.session.commit()
    db.session.remove()
    other = delivered(factories.campaign(), links=1)[0]
    assert other.id == number
    other.mailing.links[0].url = "https://other.example/"
    db.session.commit()
    db.session.remove()
    time.sleep(1.1)
    assert b"Location: https://other.example/" in talk(served, get(place))
    assert b"Location: https://other.example/" in talk(served, get(place))


def _mail_in(path: Path) -> tuple[bytes, int]:
    """A campaign with a delivered mail, straight into a migrated database."""
    from app import create_app

    app = create_app({"CTM_INSTANCE": str(path), "CTM_WORKER": False, "CTM_SCHEDULER": False})
    with app.app_context():
        number = delivered(campaign_with_outcomes())[0].id
        db.session.remove()
        db.engine.dispose()
    return app.extensions["ctm.tracking_key"], number


@pytest.mark.slow
def test_a_killed_server_loses_no_answered_hit_and_counts_none_twice(
    environ: dict[str, str], start: Start
) -> None:
    migrate(environ)
    instance = Path(environ["CTM_INSTANCE"])
    key, number = _mail_in(instance)
    request = get(f"/o/{make_token(key, number)}.gif", "Connection: close")
    port, answered = int(environ["CTM_PORT"]), [0, 0]
    alone = {"CTM_WORKER": "0", "CTM_SCHEDULER": "0", "CTM_PRACTICE_PORT": "0"}
    stopping = threading.Event()

    def hits() -> None:
        while not stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as sock:
                    answered[1] += 1
                    sock.sendall(request)
                    answered[0] += int(sock.recv(4096).startswith(b"HTTP/1.1 200"))
            except OSError:
                time.sleep(0.02)

    thread = threading.Thread(target=hits)
    thread.start()
    for _kill in range(2):
        process = start(**alone)
        read_until(process, "Ctrl")
        before = answered[0]
        wait_for(lambda before=before: answered[0] > before + 40)  # type: ignore[misc]
        process.kill()
        process.wait()
    stopping.set()
    thread.join()
    process = start(**alone)
    read_until(process, "Ctrl")
    wait_for(lambda: not list((instance / "spool").glob("*.hits")))
    process.send_signal(signal.SIGTERM)
    process.wait(30)

    books = sqlite3.connect(instance / "ctm.sqlite3")
    (kept,) = books.execute("SELECT count(*) FROM hits").fetchone()
    (opens,) = books.execute("SELECT opens FROM messages").fetchone()
    books.close()
    assert answered[0] <= kept <= answered[1]
    assert opens == kept
    # What was written down without being answered: at most the one under way at each kill.
    assert kept - answered[0] <= 2
