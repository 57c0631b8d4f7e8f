"""Logging in and out, the profile, and the first start, through the pages."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import audit, setup, totp, users
from ctm import settings as office_settings
from ctm.extensions import db, limiter
from ctm.models import Role, User

LogIn = Callable[[str], FlaskClient]
GOOD = "corallo-tenda-42"
EMAIL = "anna@office.example"


@pytest.fixture
def anna(app: Flask) -> User:
    return users.create(EMAIL, "Anna", Role.MANAGER, GOOD, "en")


def log_in(browser: FlaskClient, password: str = GOOD, **more: str) -> Any:
    return browser.post("/login", data={"email": EMAIL, "password": password} | more)


def inside(browser: FlaskClient) -> bool:
    return browser.get("/profile").status_code == 200


def test_the_right_password_leads_where_one_wanted_to_go(client: FlaskClient, anna: User) -> None:
    answer = client.get("/clients/?q=rossi")
    assert answer.location == "/login?next=/clients/?q%3Drossi"
    assert 'value="/clients/?q=rossi"' in client.get(answer.location).text
    assert log_in(client, next="/clients/?q=rossi").location == "/clients/?q=rossi"
    assert inside(client)
    assert anna.last_login_at is not None
    assert client.get("/login").location == "/"


@pytest.mark.parametrize(
    "target",
    [
        "https://thief.example/",
        "//thief.example/",
        "/\\thief.example",
        "javascript:alert(1)",
        "\t//thief.example",
        "",
    ],
)
def test_nobody_is_led_away_after_the_login(client: FlaskClient, anna: User, target: str) -> None:
    assert log_in(client, next=target).location == "/"


def said(page: str, email: str) -> str:
    """The page without what differs each time: the address typed and the forgery tokens."""
    return re.sub(r'(content|value)="[\w.-]{60,}"', "", page.replace(email, ""))


def test_a_wrong_password_and_an_unknown_user_look_the_same(
    client: FlaskClient, anna: User
) -> None:
    wrong = log_in(client, "wrong-password")
    unknown = client.post("/login", data={"email": "bruno@office.example", "password": GOOD})
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert said(wrong.text, EMAIL) == said(unknown.text, "bruno@office.example")
    assert "wrong-password" not in wrong.text
    assert not inside(client)


def test_logging_out_ends_the_session(client: FlaskClient, anna: User) -> None:
    log_in(client)
    assert client.get("/logout").status_code == 405
    assert inside(client)
    client.post("/logout")
    assert not inside(client)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(app: Flask, anna: User) -> None:
    here, there = app.test_client(), app.test_client()
    log_in(here)
    log_in(there)
    new = "un'altra-tenda-7"
    answer = here.post("/profile/password", data={"old": GOOD, "password": new, "again": new})
    assert answer.location == "/profile"
    assert inside(here)
    assert not inside(there)


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        ("wrong", "un'altra-tenda-7", "un'altra-tenda-7", "not your present password"),
        (GOOD, "un'altra-tenda-7", "something else", "not the same"),
        (GOOD, "short", "short", "at least 10 characters"),
        (GOOD, EMAIL, EMAIL, "may not be the e-mail"),
        ("", "", "", "not your present password"),
    ],
)
def test_a_password_change_that_cannot_be(
    client: FlaskClient, anna: User, old: str, new: str, again: str, words: str
) -> None:
    log_in(client)
    answer = client.post("/profile/password", data={"old": old, "password": new, "again": again})
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    assert users.authenticate(EMAIL, GOOD) == anna


def test_who_is_deactivated_is_out_at_once(client: FlaskClient, anna: User) -> None:
    log_in(client)
    audit.act_as(None)
    users.deactivate(anna)
    assert not inside(client)


def test_the_second_factor_is_asked_for_after_the_password(app: Flask, anna: User) -> None:
    browser = app.test_client()
    log_in(browser)
    page = browser.get("/profile/second-factor").text
    assert 'src="data:image/svg+xml' in page
    key = page.partition('<code class="mono break">')[2].partition("<")[0]
    early = pyotp.TOTP(key).at(int(time.time()) - 30)
    assert browser.post("/profile/second-factor", data={"code": "000"}).status_code == 422
    assert browser.post("/profile/second-factor", data={"code": early}).location == "/profile"
    assert anna.totp_sealed

    other = app.test_client()
    assert log_in(other, next="/clients/").location == "/login/code"
    assert not inside(other)
    assert other.post("/login/code", data={"code": "123"}).status_code == 422
    code = pyotp.TOTP(key).now()
    assert other.post("/login/code", data={"code": code}).location == "/clients/"
    assert inside(other)

    third = app.test_client()
    log_in(third)
    assert third.post("/login/code", data={"code": code}).status_code == 422
    assert not inside(third)

    assert other.post("/profile/second-factor", data={"old": "wrong"}).status_code == 422
    assert other.post("/profile/second-factor", data={"old": GOOD}).location == "/profile"
    assert anna.totp_sealed is None


def test_a_code_without_a_password_leads_back(client: FlaskClient, anna: User) -> None:
    assert client.get("/login/code").location == "/login"
    assert client.post("/login/code", data={"code": "123456"}).location == "/login"


def test_the_code_must_follow_soon(client: FlaskClient, anna: User) -> None:
    codes = pyotp.TOTP(totp.offer(None))
    totp.switch_on(anna, codes.secret, codes.at(int(time.time()) - 30))
    log_in(client)
    with client.session_transaction() as session:
        session["login_pending"][1] -= 301
        session.modified = True
    assert client.post("/login/code", data={"code": codes.now()}).location == "/login"


def test_a_profile_is_changed(client: FlaskClient, anna: User) -> None:
    log_in(client)
    client.post("/profile", data={"name": "Anna Rossi", "language": "it"})
    assert (anna.name, anna.language) == ("Anna Rossi", "it")
    answer = client.post("/profile", data={"name": " ", "language": "it"})
    assert answer.status_code == 422
    assert client.post("/profile", data={"name": "A", "language": "xx"}).status_code == 422


@pytest.mark.parametrize("url", ["/profile", "/profile/password", "/profile/second-factor"])
def test_strangers_have_no_profile(client: FlaskClient, anna: User, url: str) -> None:
    for answer in (client.get(url), client.post(url)):
        assert answer.status_code == 302
        assert answer.location.startswith("/login")


def test_only_the_demo_office_shows_a_login(client: FlaskClient, anna: User) -> None:
    assert "brera-demo" not in client.get("/login").text
    office_settings.put("demo", True)
    db.session.commit()
    assert "brera-demo" in client.get("/login").text


class TestLimits:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"RATELIMIT_ENABLED": True}

    @pytest.fixture(autouse=True)
    def _fresh(self, app: Flask) -> Iterator[None]:
        limiter.enabled = True
        limiter.reset()
        yield
        limiter.reset()
        limiter.enabled = False

    def test_an_account_is_guessed_ten_times(self, client: FlaskClient, anna: User) -> None:
        for _guess in range(10):
            assert log_in(client, "wrong-password").status_code == 422
        blocked = log_in(client)
        assert blocked.status_code == 429
        assert "Wait a quarter of an hour" in blocked.text
        assert not inside(client)

    def test_another_account_is_not_kept_out(self, client: FlaskClient, anna: User) -> None:
        for _guess in range(11):
            client.post("/login", data={"email": "x@office.example", "password": "wrong"})
        assert log_in(client).status_code == 302

    def test_right_logins_are_not_counted(self, client: FlaskClient, anna: User) -> None:
        for _time in range(12):
            assert log_in(client).status_code == 302

    def test_an_address_guesses_fifty_times(self, client: FlaskClient, anna: User) -> None:
        for number in range(50):
            client.post("/login", data={"email": f"x{number}@office.example", "password": "no"})
        assert log_in(client).status_code == 429

    def test_codes_are_guessed_ten_times(self, client: FlaskClient, anna: User) -> None:
        codes = pyotp.TOTP(totp.offer(None))
        totp.switch_on(anna, codes.secret, codes.at(int(time.time()) - 30))
        log_in(client)
        for _guess in range(10):
            assert client.post("/login/code", data={"code": "123"}).status_code == 422
        assert client.post("/login/code", data={"code": codes.now()}).status_code == 429


class TestFirstStart:
    VALUES = {
        "office": "Brera",
        "language": "en",
        "name": "Anna",
        "email": EMAIL,
        "password": GOOD,
        "again": GOOD,
    }

    @pytest.fixture(autouse=True)
    def _new(self, app: Flask) -> None:
        app.extensions["ctm.set_up"] = False

    @pytest.mark.parametrize("url", ["/", "/clients/", "/login", "/users/", "/nowhere"])
    def test_every_page_leads_to_it(self, client: FlaskClient, url: str) -> None:
        assert client.get(url).location == "/setup"

    def test_it_makes_an_administrator_and_is_gone(self, client: FlaskClient) -> None:
        assert "Set-up code" not in client.get("/setup").text
        assert (
            client.post("/setup", data=self.VALUES | {"account": "y"}).location == "/accounts/new"
        )
        assert inside(client)
        assert client.get("/setup").status_code == 404
        assert client.post("/setup", data=self.VALUES).status_code == 404
        assert db.session.query(User).count() == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            {"office": ""},
            {"office": "x" * 200},
            {"email": "anna"},
            {"password": "short", "again": "short"},
            {"again": "another"},
            {"language": "xx"},
            {"name": ""},
        ],
    )
    def test_what_is_wrong_is_shown(self, client: FlaskClient, wrong: dict[str, str]) -> None:
        answer = client.post("/setup", data=self.VALUES | wrong)
        assert answer.status_code == 422
        assert 'class="err"' in answer.text
        assert GOOD not in answer.text
        assert setup.needed()

    @pytest.mark.parametrize(
        "place",
        [
            {"environ_base": {"REMOTE_ADDR": "192.168.1.7"}},
            {"headers": {"X-Forwarded-For": "203.0.113.9"}},
            {"base_url": "http://rebound.example:5000"},
        ],
    )
    def test_from_elsewhere_it_takes_the_code(
        self, app: Flask, client: FlaskClient, place: dict[str, Any]
    ) -> None:
        app.config["SERVER_NAME"] = None
        assert "Set-up code" in client.get("/setup", **place).text
        assert client.post("/setup", data=self.VALUES, **place).status_code == 422
        assert setup.needed()
        right = self.VALUES | {"code": setup.code()}
        assert client.post("/setup", data=right, **place).status_code == 302
        assert not setup.needed()
