"""What the server answers before the application: the pixels and links of mails.

They come in bursts after a mailing, while the same machine is still sending. waitress parses them;
what is certain (a good token, a link whose URL is known) is written to the spool and answered in
waitress's own loop, without a thread, Flask or the database. Everything else goes the usual way.
"""

import logging
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ThreadedTaskDispatcher
from werkzeug.http import parse_list_header

from ctm.clock import utcnow
from ctm.mailing.tracking import answers
from ctm.mailing.tracking.arrivals import Arrival
from ctm.mailing.tracking.collector import Collector
from ctm.mailing.tracking.tokens import TOKEN_LENGTH, read_token
from ctm.models import HitKind

log = logging.getLogger(__name__)

_TOKEN = rf"([A-Za-z0-9_-]{{{TOKEN_LENGTH}}})"
_HIT = re.compile(rf"/(?:o/{_TOKEN}\.gif|c/{_TOKEN}/([0-9]{{1,6}}))", re.ASCII)

Quick = Callable[[HTTPRequestParser, str], tuple[bytes, bytes] | None]


class Front:
    """Answers hits from memory."""

    def __init__(self, app: Flask, collector: Collector) -> None:
        self._key: bytes = app.extensions["ctm.tracking_key"]
        self._proxies: int = app.config["CTM_TRUSTED_PROXIES"]
        self._collector = collector

    def answer(self, request: HTTPRequestParser, peer: str) -> tuple[bytes, bytes] | None:
        """Head and body; ``None`` if the application has to answer."""
        if _has_more(request) or request.command not in ("GET", "HEAD"):
            return None
        match = _HIT.fullmatch(request.path)
        if match is None:
            return None
        opened, clicked, place = match.groups()
        message_id = read_token(self._key, opened or clicked)
        if message_id is None:
            return None
        answer, kind, position = answers.pixel(), HitKind.OPEN, 0
        if clicked:
            kind, position = HitKind.CLICK, int(place)
            url = self._collector.places.url(message_id, position)
            if url is None:
                return None
            answer = answers.onward(url)
        arrival = Arrival(
            message_id,
            kind,
            utcnow(),
            request.command,
            self._who(request, peer),
            request.headers.get("USER_AGENT", ""),
            position,
        )
        self._collector.add(arrival)
        return answer

    def _who(self, request: HTTPRequestParser, peer: str) -> str:
        """The address that asks, as werkzeug's ProxyFix finds it."""
        if self._proxies:
            given = parse_list_header(request.headers.get("X_FORWARDED_FOR", ""))
            if len(given) >= self._proxies:
                return given[-self._proxies]
        return peer


def _has_more(request: HTTPRequestParser) -> bool:
    """A broken request, or one that brings a body or expects something."""
    return bool(
        request.error
        or request.body_rcv is not None
        or request.expect_continue
        or request.version not in ("1.0", "1.1")
    )


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """waitress's threads, with what is answered at once taken out before them.

    waitress calls :meth:`add_task` with the channel's ``requests_lock`` held, when a request is
    complete and those before it on its connection are answered.
    """

    def __init__(self, quick: Quick, threads: int) -> None:
        super().__init__()
        self._quick = quick
        self.set_thread_count(threads)

    def add_task(self, channel: HTTPChannel) -> None:
        while channel.requests:
            request = channel.requests[0]
            if channel.close_when_flushed:
                # It came behind one that closes the connection.
                channel.requests = []
                request.close()
                return
            answer = None if channel.will_close else self._try(request, channel.addr[0])
            if answer is None:
                super().add_task(channel)
                return
            close = _wants_close(request)
            _send(channel, _bytes(request, close, *answer))
            if close:
                channel.close_when_flushed = True
                channel.requests = []
            else:
                channel.requests.pop(0)
            request.close()

    def _try(self, request: HTTPRequestParser, peer: str) -> tuple[bytes, bytes] | None:
        try:
            return self._quick(request, peer)
        except Exception:
            log.exception("a hit goes to the application")
            return None


def _wants_close(request: HTTPRequestParser) -> bool:
    connection = request.headers.get("CONNECTION", "").lower()
    if request.version == "1.0":
        return bool(connection != "keep-alive")
    return bool(connection == "close")


def _bytes(request: HTTPRequestParser, close: bool, head: bytes, body: bytes) -> bytes:
    tail = b"\r\n" if request.command == "HEAD" else b"\r\n" + body
    connection = b""
    if close:
        connection = b"Connection: close\r\n"
    elif request.version == "1.0":
        connection = b"Connection: Keep-Alive\r\n"
    return head + _date(int(time.time())) + connection + tail


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode()


def _send(channel: Any, data: bytes) -> None:
    """Into the channel's buffer, and out as far as the connection takes it."""
    with channel.outbuf_lock:
        channel.outbufs[-1].append(data)
        channel.current_outbuf_count += len(data)
        channel.total_outbufs_len += len(data)
        channel._flush_exception(channel._flush_some, do_close=False)
