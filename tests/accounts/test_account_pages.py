"""The pages of SMTP accounts: whom they let in, what they keep to themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import settings
from ctm.accounts import operations
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import SmtpAccount, User
from tests import factories

Login = Callable[[str], FlaskClient]

NEW = {
    "name": "Agency",
    "provider": "custom",
    "host": "smtp.example.com",
    "port": "465",
    "security": "tls",
    "username": "agency@example.com",
    "password": "s3cret-of-the-mailbox",
    "from_email": "agency@example.com",
    "from_name": "The Agency",
    "connections": "2",
    "user_ids": "",
    "active": "y",
    "limit_messages": "100",
    "limit_amount": "1",
    "limit_unit": "86400",
}
PATHS = ("/accounts/new", "/accounts/1")
POSTS = ("/accounts/new", "/accounts/1", "/accounts/1/test", "/accounts/1/restart")


def _accounts() -> list[SmtpAccount]:
    return list(db.session.scalars(select(SmtpAccount)))


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/users", *PATHS])
def test_anonymous_visitors_go_to_the_login(client: FlaskClient, people: Any, path: str) -> None:
    factories.account()
    assert client.get(path).location.startswith("/login")


@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
@pytest.mark.parametrize("path", [*POSTS, "/accounts/1/delete"])
def test_only_administrators_change_accounts(login_as: Login, role: str, path: str) -> None:
    factories.account(name="Kept")
    assert login_as(role).post(path, data=NEW).status_code == 403
    assert [account.name for account in _accounts()] == ["Kept"]


def test_only_enabled_users_see_an_account(login_as: Login, people: dict[str, User]) -> None:
    factories.account(name="Ours", users=[people["operator"]])
    assert "Ours" in login_as("operator").get("/accounts/").text
    assert "Ours" not in login_as("manager").get("/accounts/").text
    assert "Ours" in login_as("administrator").get("/accounts/").text
    assert login_as("supervisor").get("/accounts/").status_code == 403


def test_an_account_is_kept_with_its_limits_and_sealed_password(
    login_as: Login, people: dict[str, User]
) -> None:
    data = NEW | {"user_ids": f"{people['manager'].id},{people['operator'].id}"}
    browser = login_as("administrator")
    assert browser.post("/accounts/new", data=data).status_code == 302
    account = _accounts()[0]
    assert account.limits == [[100, 86400]]
    assert {user.role for user in account.users} == {"manager", "operator"}
    assert NEW["password"] not in str(account.password_sealed)
    assert operations.endpoint(account).password == NEW["password"]
    for page in (browser.get(f"/accounts/{account.id}"), browser.get("/accounts/")):
        assert page.status_code == 200
        assert NEW["password"] not in page.text
        assert str(account.password_sealed) not in page.text


def test_an_empty_password_leaves_the_stored_one(login_as: Login) -> None:
    browser = login_as("administrator")
    browser.post("/accounts/new", data=NEW)
    account = _accounts()[0]
    changed = NEW | {"password": "", "from_name": "Another"}
    assert browser.post(f"/accounts/{account.id}", data=changed).status_code == 302
    db.session.refresh(account)
    assert account.from_name == "Another"
    assert operations.endpoint(account).password == NEW["password"]


def test_the_stored_password_is_not_handed_to_another_server(login_as: Login) -> None:
    browser = login_as("administrator")
    browser.post("/accounts/new", data=NEW)
    account = _accounts()[0]
    moved = NEW | {"password": "", "host": "smtp.thief.example"}
    page = browser.post(f"/accounts/{account.id}", data=moved)
    assert page.status_code == 422
    assert "Type the password again" in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"provider": "pigeon"},
        {"host": ""},
        {"host": "smtp example com"},
        {"host": "smtp.example.com\r\nRCPT"},
        {"port": "0"},
        {"port": "65536"},
        {"port": "smtp"},
        {"security": "rot13"},
        {"from_email": ""},
        {"from_email": "agency"},
        {"from_email": "a@example.com\r\nBcc: b@example.com"},
        {"reply_to": "nobody"},
        {"password": ""},
        {"username": ""},
        {"connections": "0"},
        {"connections": "many"},
        {"limit_messages": "0"},
        {"limit_amount": "-1"},
        {"limit_unit": "7"},
        {"user_ids": "99999"},
    ],
)
def test_wrong_values_are_refused_beside_the_field(login_as: Login, wrong: dict[str, str]) -> None:
    page = login_as("administrator").post("/accounts/new", data=NEW | wrong)
    assert page.status_code == 422
    assert 'class="err"' in page.text
    assert _accounts() == []


def test_the_demo_office_keeps_only_practice_accounts(login_as: Login) -> None:
    settings.put("demo", True)
    db.session.commit()
    browser = login_as("administrator")
    assert browser.post("/accounts/new", data=NEW).status_code == 422
    assert _accounts() == []
    assert browser.post("/accounts/new", data=NEW | {"provider": "practice"}).status_code == 302


def test_an_account_that_does_not_exist_is_not_found(login_as: Login) -> None:
    browser = login_as("administrator")
    assert browser.get("/accounts/99").status_code == 404
    assert browser.post("/accounts/99/test").status_code == 404


def test_a_stopped_account_says_why_and_is_restarted(login_as: Login) -> None:
    account = factories.account(stopped_at=utcnow(), stopped_reason="535 <b>bad</b> password")
    browser = login_as("administrator")
    assert "535 &lt;b&gt;bad&lt;/b&gt; password" in browser.get("/accounts/").text
    browser.post(f"/accounts/{account.id}/restart")
    db.session.refresh(account)
    assert account.stopped_at is None
    assert account.stopped_reason == ""
