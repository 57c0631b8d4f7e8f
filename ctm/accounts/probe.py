"""Trying an account: connect, greet, protect, log in, hang up. No mail is sent.

The server's words are kept as they came; beside them stands what to do about them.
"""

import base64
import os
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import LazyString

from ctm.accounts.addresses import resolve_public
from ctm.errors import CtmError
from ctm.i18n import _l
from ctm.models import Security

if TYPE_CHECKING:
    from ctm.accounts.operations import Endpoint

STEP_SECONDS = 15.0
TOTAL_SECONDS = 40.0
WORDS = 500
APP_PASSWORD = ("application-specific", "app password", "invalidsecondfactor", "5.7.9 ")

HINTS = {
    "password": _l(
        "The server refuses user name or password. Type both again; mind small and capital "
        "letters, and that the user name is often the whole e-mail address."
    ),
    "app_password": _l(
        "This provider asks for a password for apps: turn on two-step verification there, make a "
        "password for apps, and type that one here."
    ),
    "basic_off": _l(
        "Microsoft has “Authenticated SMTP” switched off for this mailbox. An administrator of "
        "Microsoft 365 can allow it."
    ),
    "no_login": _l(
        "The server offers no login on this connection. Choose TLS or STARTTLS, or leave user "
        "name and password empty."
    ),
    "certificate": _l(
        "The server's certificate does not prove that it is the server asked for. Check the "
        "server's name; CTM does not hand the password to a server it cannot recognise."
    ),
    "wrong_tls": _l(
        "Port and protection do not fit together: 465 goes with TLS, 587 with STARTTLS."
    ),
    "no_starttls": _l(
        "The server does not offer STARTTLS on this port. Choose TLS with port 465, or ask the "
        "provider."
    ),
    "refused": _l("The machine answers, but no mail server listens on this port. Check the port."),
    "timeout": _l(
        "Nothing answered in time. Check server and port; a firewall or the internet provider may "
        "block the port."
    ),
    "unreachable": _l("The server cannot be reached from here. Check the network."),
    "hung_up": _l("The server hung up. Wait a few minutes; if it stays so, check the port."),
    "rejects": _l("The server does not want to talk now; its words say why."),
    "address": _l("Check the server's name."),
    "ok": _l("The server accepts the account. No mail was sent."),
}


@dataclass(frozen=True)
class Result:
    """Whether it works, the server's own words, and what to do. ``expires_at``: when the server's
    certificate ends, in seconds since 1970."""

    ok: bool
    words: str
    hint: LazyString
    expires_at: float | None = None


class _Refused(Exception):
    def __init__(self, problem: str, words: str) -> None:
        super().__init__(words)
        self.problem = problem
        self.words = words


class _Client(smtplib.SMTP):
    """smtplib's client over a socket to one of the addresses that were checked."""

    def __init__(self, host: str, connection: socket.socket, seconds: float) -> None:
        super().__init__(timeout=seconds)
        self._host = host
        self.sock = connection


def probe(
    point: "Endpoint",
    provider: str,
    allow_private: bool,
    step: float = STEP_SECONDS,
    total: float = TOTAL_SECONDS,
) -> Result:
    """Try the account; ``step`` and ``total`` are the seconds one answer and all may take."""
    try:
        addresses = resolve_public(point.host, point.port, allow_private)
        words, expires_at = _converse(point, addresses, provider, step, total)
        return Result(True, words, HINTS["ok"], expires_at)
    except CtmError as error:
        return Result(False, str(error), HINTS["address"])
    except _Refused as error:
        return Result(False, error.words[:WORDS], HINTS[error.problem])
    except (OSError, smtplib.SMTPException) as error:
        problem, words = _explain(error, point)
        return Result(False, words[:WORDS], HINTS[problem])


def _converse(
    point: "Endpoint", addresses: list[tuple[Any, ...]], provider: str, step: float, total: float
) -> tuple[str, float | None]:
    """Talk to the server; returns the words with which it accepts, and its certificate's end."""
    connection = _connect(addresses, step)
    handle = socket.socket(fileno=os.dup(connection.fileno()))
    watch = threading.Timer(total, _cut, (handle,))
    watch.start()
    try:
        context = ssl.create_default_context()
        if point.security == Security.TLS:
            connection = context.wrap_socket(connection, server_hostname=point.host)
        client = _Client(point.host, connection, step)
        code, text = client.getreply()
        if code != 220:
            raise _Refused("rejects", _words(code, text))
        client.ehlo_or_helo_if_needed()
        if point.security == Security.STARTTLS:
            if not client.has_extn("starttls"):
                raise _Refused("no_starttls", _words(*client.ehlo()))
            client.starttls(context=context)
            client.ehlo()
            connection = client.sock or connection
        accepted = _log_in(client, point, provider) if point.username else _words(*client.noop())
        expires_at = _certificate_end(connection)
        client.close()
        return accepted, expires_at
    finally:
        watch.cancel()
        watch.join()
        connection.close()
        handle.close()


def _certificate_end(connection: socket.socket) -> float | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    end = (connection.getpeercert() or {}).get("notAfter")
    return float(ssl.cert_time_to_seconds(str(end))) if end else None


def _connect(addresses: list[tuple[Any, ...]], seconds: float) -> socket.socket:
    problem: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection(address[:2], seconds)
        except OSError as error:
            problem = error
    raise problem or OSError


def _cut(connection: socket.socket) -> None:
    """End a conversation with a server that answers byte by byte."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _log_in(client: smtplib.SMTP, point: "Endpoint", provider: str) -> str:
    offered = str(client.esmtp_features.get("auth", "")).upper().split()
    if "PLAIN" in offered:
        plain = _base64(f"\0{point.username}\0{point.password}")
        code, text = client.docmd("AUTH", f"PLAIN {plain}")
    elif "LOGIN" in offered:
        code, text = client.docmd("AUTH", f"LOGIN {_base64(point.username)}")
        if code == 334:
            code, text = client.docmd(_base64(point.password))
    else:
        words = client.ehlo_resp.decode("utf-8", "replace") if client.ehlo_resp else ""
        raise _Refused("no_login", words)
    words = _words(code, text)
    if code != 235:
        raise _Refused(_why_no_login(code, words.lower(), provider), words)
    return words


def _why_no_login(code: int, words: str, provider: str) -> str:
    if "5.7.139" in words or "smtpclientauthentication is disabled" in words:
        return "basic_off"
    if code in {530, 538}:
        return "no_login"
    if code < 500:
        return "rejects"
    wanted = code == 534 or any(sign in words for sign in APP_PASSWORD)
    return "app_password" if wanted or provider in {"gmail", "yahoo"} else "password"


def _explain(error: Exception, point: "Endpoint") -> tuple[str, str]:
    """What went wrong on the way, and the words for it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return "wrong_tls", str(error.reason or error)
    if isinstance(error, TimeoutError) or str(error).endswith("timed out"):
        fits = point.port != 465 or point.security == Security.TLS
        return ("timeout" if fits else "wrong_tls"), "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "refused", "Connection refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return "rejects", _words(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionError):
        return "hung_up", str(error)
    if isinstance(error, smtplib.SMTPException):
        return "rejects", str(error)
    return "unreachable", str(error.args[-1]) if error.args else type(error).__name__


def _words(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(shown.split())}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
