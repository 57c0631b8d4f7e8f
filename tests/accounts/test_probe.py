"""Trying an account against real servers: right, wrong, odd, and absent."""

import time
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from ctm.accounts.operations import Endpoint
from ctm.accounts.probe import HINTS, Result, probe
from ctm.models import Security
from tests.accounts.servers import (
    PASSWORD,
    USER,
    certificate,
    closed_port,
    mail_server,
    odd_server,
)

pytestmark = [pytest.mark.usefixtures("app"), pytest.mark.one_database]


def attempt(port: int, security: Security = Security.NONE, **values: Any) -> Result:
    login = {"username": values.pop("username", USER), "password": values.pop("password", PASSWORD)}
    point = Endpoint(values.pop("host", "127.0.0.1"), port, security, **login)
    provider = values.pop("provider", "custom")
    return probe(point, provider, values.pop("allow_private", True), step=2.0, **values)


def test_a_right_login_is_accepted_in_the_servers_words() -> None:
    with mail_server() as port:
        result = attempt(port)
    assert result == Result(True, "235 2.7.0 Authentication successful", HINTS["ok"])


def test_an_account_without_a_login_is_greeted() -> None:
    with mail_server() as port:
        result = attempt(port, username="", password="")
    assert (result.ok, result.words) == (True, "250 OK")


def test_login_works_where_only_login_is_offered() -> None:
    with mail_server(auth_exclude_mechanism=["PLAIN"]) as port:
        assert attempt(port).ok
        assert attempt(port, password="other").hint == HINTS["password"]


def test_a_wrong_password_is_told_with_the_servers_words() -> None:
    with mail_server() as port:
        result = attempt(port, password="wrong")
    assert not result.ok
    assert result.words == "535 5.7.8 Authentication credentials invalid"
    assert result.hint == HINTS["password"]


def test_gmail_and_yahoo_are_told_of_passwords_for_apps() -> None:
    with mail_server() as port:
        assert attempt(port, password="wrong", provider="gmail").hint == HINTS["app_password"]
        assert attempt(port, password="wrong", provider="yahoo").hint == HINTS["app_password"]


def test_a_login_over_tls_from_the_start(tmp_path: Path, monkeypatch: Any) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(server_hostname="127.0.0.1", ssl_context=context) as port:
        assert attempt(port, Security.TLS, host="localhost").ok


def test_a_login_over_starttls(tmp_path: Path, monkeypatch: Any) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(tls_context=context, auth_require_tls=True) as port:
        assert attempt(port, Security.STARTTLS, host="localhost").ok


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_self_signed_certificate_is_refused(tmp_path: Path, security: Security) -> None:
    context, _trusted = certificate(tmp_path)
    option = "ssl_context" if security == Security.TLS else "tls_context"
    with mail_server(**{option: context}) as port:
        result = attempt(port, security, host="localhost")
    assert not result.ok
    assert "self-signed certificate" in result.words
    assert result.hint == HINTS["certificate"]


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    context, trusted = certificate(tmp_path, "mail.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(ssl_context=context) as port:
        result = attempt(port, Security.TLS, host="localhost")
    assert not result.ok
    assert result.hint == HINTS["certificate"]


def test_starttls_that_is_not_offered_is_not_skipped() -> None:
    with mail_server() as port:
        result = attempt(port, Security.STARTTLS)
    assert not result.ok
    assert result.hint == HINTS["no_starttls"]


def test_a_plain_server_on_a_tls_port() -> None:
    with mail_server() as port:
        result = attempt(port, Security.TLS)
    assert not result.ok
    assert result.hint == HINTS["wrong_tls"]


def test_a_server_without_logins() -> None:
    with mail_server(auth_exclude_mechanism=["PLAIN", "LOGIN"]) as port:
        assert attempt(port).hint == HINTS["no_login"]


def test_a_server_that_wants_tls_before_the_login(tmp_path: Path) -> None:
    context, _trusted = certificate(tmp_path)
    with mail_server(tls_context=context, auth_require_tls=True) as port:
        assert attempt(port).hint == HINTS["no_login"]


def test_nobody_listens() -> None:
    result = attempt(closed_port())
    assert (result.ok, result.hint) == (False, HINTS["refused"])


def test_a_server_that_says_nothing_is_given_up() -> None:
    with odd_server(None) as port:
        began = time.monotonic()
        result = attempt(port)
    assert (result.ok, result.hint) == (False, HINTS["timeout"])
    assert time.monotonic() - began < 5


def test_a_server_that_never_comes_to_an_end_is_cut_off() -> None:
    with odd_server(b"220-so\r\n" * 20) as port:
        result = attempt(port, total=0.5)
    assert (result.ok, result.hint) == (False, HINTS["hung_up"])


def test_a_server_that_hangs_up() -> None:
    with odd_server(b"", hang=False) as port:
        assert attempt(port).hint == HINTS["hung_up"]


def test_a_server_that_does_not_want_to_talk() -> None:
    with odd_server(b"554 5.7.1 Your address is on a block list\r\n") as port:
        result = attempt(port)
    assert result.words == "554 5.7.1 Your address is on a block list"
    assert result.hint == HINTS["rejects"]


def test_an_unknown_name() -> None:
    result = attempt(25, host="no-such-host.invalid")
    assert not result.ok
    assert "no-such-host.invalid" in result.words
    assert result.hint == HINTS["address"]


def test_a_private_address_is_not_connected_to() -> None:
    with mail_server() as port:
        result = attempt(port, allow_private=False)
    assert not result.ok
    assert "private network" in result.words


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("534 5.7.9 Application-specific password required", "app_password"),
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled",
            "basic_off",
        ),
        ("454 4.7.0 Temporary authentication failure", "rejects"),
    ],
)
def test_what_providers_say_is_understood(answer: str, hint: str) -> None:
    def refuse(*_args: Any) -> AuthResult:
        return AuthResult(success=False, handled=False, message=answer)

    with mail_server(authenticator=refuse) as port:
        result = attempt(port)
    assert result.words == answer
    assert result.hint == HINTS[hint]
