"""Accounts, users, list statuses, removed addresses and the audit log, through their pages."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import list_statuses, settings, suppressions, users
from ctm.accounts import operations
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import SmtpAccount, User
from tests import factories
from tests.accounts.servers import PASSWORD, USER, mail_server

LogIn = Callable[[str], FlaskClient]
ROLES = ("administrator", "manager", "operator", "supervisor")
ADMIN, CAMPAIGNS = ("administrator",), ("administrator", "manager")
SENDERS = ("administrator", "manager", "operator")

ROUTES = [
    ("GET", "/accounts/", SENDERS),
    ("GET", "/accounts/new", ADMIN),
    ("POST", "/accounts/new", ADMIN),
    ("GET", "/accounts/1", ADMIN),
    ("POST", "/accounts/1", ADMIN),
    ("POST", "/accounts/1/test", ADMIN),
    ("POST", "/accounts/1/restart", ADMIN),
    ("POST", "/accounts/1/delete", ADMIN),
    ("GET", "/accounts/users?q=a", ADMIN),
    ("GET", "/users/", ADMIN),
    ("GET", "/users/new", ADMIN),
    ("POST", "/users/new", ADMIN),
    ("GET", "/users/1", ADMIN),
    ("POST", "/users/1", ADMIN),
    ("POST", "/users/1/delete", ADMIN),
    ("POST", "/users/1/end-sessions", ADMIN),
    ("POST", "/users/1/second-factor-off", ADMIN),
    ("GET", "/list-statuses/", CAMPAIGNS),
    ("GET", "/list-statuses/new", CAMPAIGNS),
    ("POST", "/list-statuses/new", CAMPAIGNS),
    ("GET", "/list-statuses/1", CAMPAIGNS),
    ("POST", "/list-statuses/1", CAMPAIGNS),
    ("POST", "/list-statuses/1/delete", CAMPAIGNS),
    ("GET", "/suppressions/", CAMPAIGNS),
    ("POST", "/suppressions/add", CAMPAIGNS),
    ("POST", "/suppressions/lift", CAMPAIGNS),
    ("GET", "/suppressions/export.csv", ("administrator", "manager", "supervisor")),
    ("GET", "/audit/", ADMIN),
]


@pytest.mark.parametrize(("method", "url", "allowed"), ROUTES)
def test_who_may_open_what(
    app: Flask, login_as: LogIn, method: str, url: str, allowed: tuple[str, ...]
) -> None:
    anonymous = app.test_client().open(url, method=method)
    assert anonymous.status_code == 302
    assert anonymous.location.startswith("/login?next=")
    for role in ROLES:
        status = login_as(role).open(url, method=method).status_code
        assert (status != 403) == (role in allowed), role
        if method == "POST" and role not in allowed:
            assert login_as(role).get(url).status_code in {403, 405}


@pytest.mark.parametrize("url", [url for method, url, _who in ROUTES if url.count("/") > 2])
def test_what_changes_things_is_not_done_by_opening_an_address(login_as: LogIn, url: str) -> None:
    assert login_as("administrator").get(url).status_code in {404, 405}


def test_no_script_or_style_stands_in_the_pages(login_as: LogIn) -> None:
    factories.account()
    list_statuses.ensure_defaults("en")
    suppressions.suppress("a@example.com")
    browser = login_as("administrator")
    pages = [url for method, url, _who in ROUTES if method == "GET" and "?" not in url]
    for url in [*pages, "/profile", "/profile/password", "/profile/second-factor"]:
        page = browser.get(url).text
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page), url


def test_only_enabled_users_see_an_account(login_as: LogIn, people: dict[str, User]) -> None:
    shown = factories.account(name="Shown", users=[people["manager"]])
    factories.account(name="Hidden")
    page = login_as("manager").get("/accounts/").text
    assert "Shown" in page
    assert "Hidden" not in page
    assert shown.name not in login_as("operator").get("/accounts/").text
    assert "Hidden" in login_as("administrator").get("/accounts/").text


def account_values(**values: Any) -> dict[str, Any]:
    return {
        "name": "Agenzia",
        "provider": "custom",
        "host": "127.0.0.1",
        "port": "2525",
        "security": "none",
        "username": USER,
        "password": PASSWORD,
        "from_email": "agenzia@office.example",
        "connections": "2",
        "limit_messages": ["250", ""],
        "limit_amount": ["20", ""],
        "limit_unit": ["60", "60"],
        "active": "y",
    } | values


def test_an_account_is_entered_tested_and_never_shows_its_password(
    login_as: LogIn, people: dict[str, User]
) -> None:
    browser = login_as("administrator")
    ids = f"{people['manager'].id},{people['operator'].id}"
    with mail_server() as port:
        values = account_values(port=port, user_ids=ids, then="test")
        answer = browser.post("/accounts/new", data=values, follow_redirects=True)
    assert "235 2.7.0 Authentication successful" in answer.text
    assert "250 in 20 minutes" in answer.text
    account = db.session.scalars(select(SmtpAccount)).one()
    assert {user.role for user in account.users} == {"manager", "operator"}
    assert account.limits == [[250, 1200]]
    page = browser.get(f"/accounts/{account.id}").text
    assert PASSWORD not in page
    assert (account.password_sealed or "?") not in page
    answer = browser.post(f"/accounts/{account.id}", data=account_values(password="", port=port))
    assert answer.location == "/accounts/"
    assert operations.endpoint(account).password == PASSWORD


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(login_as: LogIn) -> None:
    values = account_values(
        name="", port="many", connections="99", limit_messages=["many"], limit_amount=["20"]
    )
    answer = login_as("administrator").post("/accounts/new", data=values)
    assert answer.status_code == 422
    for words in ("name-err", "port-err", "connections-err", 'value="many"', "A limit is a number"):
        assert words in answer.text
    assert PASSWORD not in answer.text


def test_the_presets_are_in_the_page(login_as: LogIn) -> None:
    page = login_as("administrator").get("/accounts/new").text
    block = re.search(r'<script type="application/json" id="presets">(.*?)</script>', page, re.S)
    assert block is not None
    gmail = json.loads(block[1])["gmail"]
    assert (gmail["host"], gmail["port"], gmail["limits"]) == (
        "smtp.gmail.com",
        465,
        [[100, 1, 86400]],
    )
    assert "two-step verification" in gmail["needs"][0]


def test_a_stopped_account_shows_why_and_starts_again(login_as: LogIn) -> None:
    account = factories.account(stopped_at=utcnow(), stopped_reason="535 <b>No</b>")
    browser = login_as("administrator")
    page = browser.get("/accounts/").text
    assert "535 &lt;b&gt;No&lt;/b&gt;" in page
    assert "Restart" in page
    browser.post(f"/accounts/{account.id}/restart")
    assert account.stopped_at is None
    assert "Restart" not in browser.get("/accounts/").text


def test_a_servers_words_are_shown_as_text(login_as: LogIn) -> None:
    from tests.accounts.servers import odd_server

    with odd_server(b"554 <script>alert(1)</script>\r\n") as port:
        account = factories.account(port=port)
        page = login_as("administrator").post(f"/accounts/{account.id}/test", follow_redirects=True)
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text


def test_the_demo_office_tests_no_real_account(login_as: LogIn) -> None:
    account = factories.account()
    settings.put("demo", True)
    db.session.commit()
    browser = login_as("administrator")
    page = browser.post(f"/accounts/{account.id}/test", follow_redirects=True).text
    assert "practice mailbox only" in page
    answer = browser.post("/accounts/new", data=account_values())
    assert answer.status_code == 422
    assert "practice mailbox only" in answer.text


def test_an_account_that_is_used_is_not_deleted(login_as: LogIn) -> None:
    account = factories.campaign().account
    browser = login_as("administrator")
    page = browser.post(f"/accounts/{account.id}/delete", follow_redirects=True).text
    assert "so it stays" in page
    spare = factories.account()
    assert browser.post(f"/accounts/{spare.id}/delete").location == "/accounts/"


def test_the_list_needs_the_same_queries_for_one_and_for_many(login_as: LogIn) -> None:
    from sqlalchemy import event

    browser = login_as("administrator")
    browser.get("/accounts/")
    counts = []
    for number in (1, 20):
        for _n in range(number):
            factories.account(users=[factories.user()])
        asked: list[str] = []

        def listen(*args: Any, asked: list[str] = asked) -> None:
            asked.append(args[2])

        db.session.expunge_all()
        event.listen(db.engine, "before_cursor_execute", listen)
        assert browser.get("/accounts/").status_code == 200
        event.remove(db.engine, "before_cursor_execute", listen)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_user_is_made_and_logs_in(app: Flask, login_as: LogIn) -> None:
    values = {
        "name": "Marta",
        "email": "marta@office.example",
        "role": "operator",
        "language": "en",
        "password": "corallo-tenda-42",
        "active": "y",
    }
    browser = login_as("administrator")
    assert browser.post("/users/new", data=values).location == "/users/"
    assert users.authenticate("marta@office.example", "corallo-tenda-42").role == "operator"
    again = browser.post("/users/new", data=values)
    assert again.status_code == 422
    assert "already a user" in again.text
    assert "corallo-tenda-42" not in again.text


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"email": "x"}, {"role": "king"}, {"language": "xx"}, {"password": "short"}],
)
def test_a_wrong_user_is_refused(login_as: LogIn, wrong: dict[str, str]) -> None:
    values = {
        "name": "M",
        "email": "m@office.example",
        "role": "operator",
        "language": "en",
        "password": "corallo-tenda-42",
    }
    answer = login_as("administrator").post("/users/new", data=values | wrong)
    assert answer.status_code == 422
    assert 'class="err"' in answer.text


def test_the_only_administrator_cannot_lose_his_role(
    login_as: LogIn, people: dict[str, User]
) -> None:
    boss = people["administrator"]
    values = {"name": boss.name, "email": boss.email, "language": "en", "active": "y"}
    browser = login_as("administrator")
    answer = browser.post(f"/users/{boss.id}", data=values | {"role": "manager"})
    assert answer.status_code == 422
    assert "only administrator" in answer.text
    browser.post(f"/users/{boss.id}/delete")
    assert db.session.get(User, boss.id) is not None


def test_another_user_is_deleted_and_logged_out(login_as: LogIn, people: dict[str, User]) -> None:
    theirs = login_as("operator")
    assert theirs.get("/profile").status_code == 200
    boss = login_as("administrator")
    boss.post(f"/users/{people['operator'].id}/end-sessions")
    assert theirs.get("/profile").status_code == 302
    assert boss.post(f"/users/{people['operator'].id}/delete").location == "/users/"


def test_list_statuses_are_made_changed_and_kept_in_use(login_as: LogIn) -> None:
    browser = login_as("manager")
    values = {"name": "Called <b>", "colour": "read", "position": "3", "active": "y"}
    assert browser.post("/list-statuses/new", data=values).location == "/list-statuses/"
    status = list_statuses.every()[0]
    assert "Called &lt;b&gt;" in browser.get("/list-statuses/").text
    browser.post(f"/list-statuses/{status.id}", data={**values, "name": "Called"})
    assert (status.name, status.position, status.active) == ("Called", 3, True)
    wrong = browser.post("/list-statuses/new", data={**values, "colour": "pink"})
    assert wrong.status_code == 422
    factories.campaign(initial_status_id=status.id)
    page = browser.post(f"/list-statuses/{status.id}/delete", follow_redirects=True).text
    assert "is in use by campaigns" in page


def test_addresses_are_added_searched_and_lifted(login_as: LogIn) -> None:
    browser = login_as("manager")
    browser.post("/suppressions/add", data={"address": "Anna@example.com", "note": "phone"})
    browser.post("/suppressions/add", data={"address": "bruno@example.com"})
    browser.get("/suppressions/")
    page = browser.get("/suppressions/?q=anna").text
    assert "anna@example.com" in page
    assert "bruno@example.com" not in page
    assert browser.post("/suppressions/add", data={"address": "<b>"}).status_code == 422
    assert (
        browser.post("/suppressions/lift", data={"address": "anna@example.com"}).status_code == 422
    )
    lift = {"address": "anna@example.com", "why": "asked for it"}
    assert browser.post("/suppressions/lift", data=lift).status_code == 302
    assert browser.post("/suppressions/lift", data=lift).status_code == 404
    assert not suppressions.is_suppressed("anna@example.com")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/suppressions/?reason=whim", 400),
        ("/suppressions/?page=-1", 404),
        ("/suppressions/?page=9999999999", 404),
        ("/suppressions/export.csv?reason=whim", 400),
        ("/audit/?user=x", 400),
        ("/audit/?before=99999999999999999999", 400),
        ("/audit/?since=yesterday", 400),
        ("/audit/?until=0001-01-01", 400),
        ("/audit/?_external=1&endpoint=x", 200),
        ("/users/99", 404),
        ("/accounts/99", 404),
        ("/list-statuses/99", 404),
    ],
)
def test_addresses_that_cannot_be_read(login_as: LogIn, url: str, status: int) -> None:
    assert login_as("administrator").get(url).status_code == status


def test_the_audit_log_is_narrowed_and_paged(login_as: LogIn, people: dict[str, User]) -> None:
    for number in range(101):
        suppressions.suppress(f"a{number}@example.com")
    browser = login_as("administrator")
    browser.post(f"/users/{people['operator'].id}/end-sessions")
    first = browser.get("/audit/").text
    assert "user.end_sessions" in first
    assert people["administrator"].name in first
    older = re.search(r'href="(/audit/\?before=\d+)" rel="next"', first)
    assert older is not None
    assert "a0@example.com" in browser.get(older[1]).text
    mine = browser.get(f"/audit/?user={people['administrator'].id}").text
    assert "user.end_sessions" in mine
    assert "suppression.add" not in mine
    assert "Nothing matches" in browser.get("/audit/?action=user&until=2020-01-01").text
    assert "Nothing matches" in browser.get("/audit/?action=%25").text
