"""The practice mailbox's SMTP server.

It listens on the loopback address only and accepts every recipient, so that nothing sent to
it can leave the machine. Two kinds of recipients let a newcomer see what goes wrong: local parts
beginning with ``inesistente`` are refused for good (550), those beginning with
``casellapiena`` for now (452).
"""

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from ctm import practice
from ctm.errors import Unavailable
from ctm.i18n import _l

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LARGEST_MAIL = 40 * 1024 * 1024


class _Catcher:
    """What aiosmtpd asks for each mail. Storing happens in one thread of its own."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="practice")

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address.lower().startswith("inesistente"):
            return "550 5.1.1 The mailbox does not exist (practice)"
        if address.lower().startswith("casellapiena"):
            return "452 4.2.2 The mailbox is full, try later (practice)"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        loop = asyncio.get_running_loop()
        try:
            number = await loop.run_in_executor(self._writer, self._store, envelope)
        except Exception:
            log.exception("a practice mail could not be stored")
            return "451 4.3.0 The practice mailbox cannot store this now"
        return f"250 2.0.0 OK kept as {number}"

    def _store(self, envelope: Envelope) -> int:
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        with self._app.app_context():
            return practice.store(envelope.mail_from or "", envelope.rcpt_tos, raw).id

    def close(self) -> None:
        self._writer.shutdown(wait=True)


class _SocketController(Controller):
    """aiosmtpd on a socket that is bound already, so that a busy port is known at once."""

    def __init__(self, handler: _Catcher, sock: socket.socket) -> None:
        host, number = sock.getsockname()[:2]
        super().__init__(
            handler,
            hostname=host,
            port=number,
            server_hostname="practice.localhost",
            ident="CTM practice mailbox",
            data_size_limit=LARGEST_MAIL,
        )
        self._socket = sock

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)


class PracticeServer:
    """The SMTP server in a thread of its own."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._catcher = _Catcher(app)
        self._controller: _SocketController | None = None
        self.port = 0

    def start(self, wanted: int, *, fixed: bool = True) -> None:
        """Listen on ``wanted``; if it is busy and not ``fixed``, on any free port.

        The port is remembered in the database, for workers that run elsewhere on this machine.

        :raises Unavailable: the port is busy.
        """
        sock = self._bind(wanted, fixed)
        self.port = sock.getsockname()[1]
        self._controller = _SocketController(self._catcher, sock)
        self._controller.start()
        with self._app.app_context():
            practice.remember_port(self.port)

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
        self._catcher.close()

    def _bind(self, wanted: int, fixed: bool) -> socket.socket:
        for number in (wanted,) if fixed else (wanted, 0):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HOST, number))
            except (OSError, OverflowError):
                sock.close()
            else:
                return sock
        raise Unavailable(
            _l(
                "Port %(port)s of the practice mailbox is in use. "
                "Set CTM_PRACTICE_PORT to another one, or to 0 to do without.",
                port=wanted,
            )
        )
