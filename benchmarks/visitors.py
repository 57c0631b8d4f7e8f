"""Visitors of a running server, in a process of their own: open pages and recipients' hits.

Reads one JSON order a line and answers each with one JSON line of what was seen. One thread, plain
sockets, one selector: it takes as little as it can of the machine that is being measured.
"""

import heapq
import json
import random
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ctm.mailing.tracking.tokens import make_token

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)
LATEST_ANSWER = 20.0


@dataclass
class Page:
    """A supervisor's page: opened once, then its figures are asked for as ``live.js`` does."""

    path: str
    live: str
    cookie: str
    every: float
    etag: str = ""
    opened: bool = False


@dataclass
class Exchange:
    """One request under way on a connection."""

    sock: socket.socket
    keep: bool
    page: Page | None = None
    began: float = 0.0
    got: bytearray = field(default_factory=bytearray)


class Visitors:
    """Runs one order."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._address = ("127.0.0.1", int(order["port"]))
        self._host = f"127.0.0.1:{order['port']}"
        self._key = order["key"].encode()
        self._first, self._last = order["first"], order["last"]
        self._links = order["links"]
        self._rate, self._seconds = order["rate"], order["seconds"]
        self._random = random.Random(order["seed"])
        self._pages = [Page(**page) for page in order["pages"]]
        self._selector = selectors.EpollSelector()
        self._idle: list[socket.socket] = []
        self._connections: dict[int, socket.socket] = {}
        self._due: list[tuple[float, int, Page]] = []
        self._open = 0
        self._statuses: Counter[int] = Counter()
        self._page_statuses: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._hit_latencies: list[float] = []
        self._broken = 0
        self._answered = 0

    def run(self) -> dict[str, Any]:
        start = time.monotonic()
        end = start + self._seconds
        for number, page in enumerate(self._pages):
            at = start + page.every * number / len(self._pages)
            heapq.heappush(self._due, (at, number, page))
        sent = 0
        while True:
            now = time.monotonic()
            if now < end:
                while sent < (now - start) * self._rate:
                    self._hit(sent)
                    sent += 1
                while self._due and self._due[0][0] <= now:
                    self._ask(heapq.heappop(self._due)[2])
            elif not self._open or now > end + LATEST_ANSWER:
                break
            self._wait(now, self._next(start, sent) if now < end else now + 0.05)
        lasted = time.monotonic() - start
        for sock in [*self._idle, *self._connections.values()]:
            sock.close()
        return {
            "hits_sent": sent,
            "hits_answered": self._answered,
            "hits_per_s": self._answered / max(self._seconds, lasted),
            "hit_statuses": dict(self._statuses),
            "hit_ms": [round(each * 1000, 2) for each in self._hit_latencies],
            "page_statuses": dict(self._page_statuses),
            "page_ms": [round(each * 1000, 2) for each in self._latencies],
            "broken": self._broken + self._open,
        }

    def _next(self, start: float, sent: int) -> float:
        return start + (sent + 1) / self._rate if self._rate else start + self._seconds

    def _wait(self, now: float, until: float) -> None:
        if self._due:
            until = min(until, self._due[0][0])
        for key, _mask in self._selector.select(max(0.0, until - now)):
            self._read(key.data)

    def _hit(self, number: int) -> None:
        message_id = self._random.randint(self._first, self._last)
        token = make_token(self._key, message_id)
        path = f"/o/{token}.gif"
        if self._random.random() < 0.4:
            path = f"/c/{token}/{self._random.choice(self._links)}"
        keep = number % 2 == 0
        agent = self._random.choice(AGENTS)
        lines = f"User-Agent: {agent}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
        if not keep:
            lines += "Connection: close\r\n"
        sock = self._idle.pop() if keep and self._idle else None
        self._send(sock, keep, path, lines)

    def _ask(self, page: Page) -> None:
        lines = f"Cookie: {page.cookie}\r\nAccept-Encoding: gzip\r\n"
        path = page.path
        if page.opened:
            path = page.live
            lines += "Accept: application/json\r\n"
            if page.etag:
                lines += f"If-None-Match: {page.etag}\r\n"
        self._send(self._connections.pop(id(page), None), True, path, lines, page)

    def _send(
        self,
        sock: socket.socket | None,
        keep: bool,
        path: str,
        lines: str,
        page: Page | None = None,
    ) -> None:
        began = time.monotonic()
        self._open += 1
        request = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n{lines}\r\n".encode()
        if sock is None:
            sock = socket.create_connection(self._address, LATEST_ANSWER)
        sock.setblocking(False)
        sock.send(request)
        self._selector.register(sock, selectors.EVENT_READ, Exchange(sock, keep, page, began))

    def _read(self, exchange: Exchange) -> None:
        try:
            data = exchange.sock.recv(262_144)
        except OSError:
            data = b""
        exchange.got += data
        head_end = exchange.got.find(b"\r\n\r\n")
        complete = head_end > 0 and len(exchange.got) >= head_end + 4 + _length(
            exchange.got, head_end
        )
        if data and not complete:
            return
        self._selector.unregister(exchange.sock)
        self._open -= 1
        if not complete:
            self._broken += 1
            exchange.sock.close()
            return
        self._done(exchange, head_end)

    def _done(self, exchange: Exchange, head_end: int) -> None:
        now = time.monotonic()
        status = int(exchange.got[9:12])
        page = exchange.page
        if page is None:
            self._statuses[status] += 1
            self._answered += int(status in (200, 302))
            self._hit_latencies.append(now - exchange.began)
            if exchange.keep:
                self._idle.append(exchange.sock)
            else:
                exchange.sock.close()
            return
        self._page_statuses[status] += 1
        self._latencies.append(now - exchange.began)
        page.etag = _header(exchange.got, head_end, b"\r\nEtag: ") if status == 200 else page.etag
        wait = page.every if page.opened else 0.1
        page.opened = True
        self._connections[id(page)] = exchange.sock
        heapq.heappush(self._due, (now + wait, id(page), page))


def _header(data: bytearray, head_end: int, name: bytes) -> str:
    at = data.lower().find(name.lower(), 0, head_end + 2)
    if at < 0:
        return ""
    return data[at + len(name) : data.find(b"\r\n", at + 2)].decode("latin-1")


def _length(data: bytearray, head_end: int) -> int:
    return int(_header(data, head_end, b"\r\nContent-Length: ") or 0)


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(Visitors(json.loads(line)).run()), flush=True)


if __name__ == "__main__":
    main()
