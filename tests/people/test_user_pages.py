"""The users' pages: who gets in, what is refused."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import users
from ctm.extensions import db
from ctm.models import Role, User
from tests import factories

Login = Callable[[str], FlaskClient]

NEW = {
    "name": "Anna Verdi",
    "email": "anna@office.example",
    "role": "operator",
    "language": "it",
    "password": "three blue horses",
    "active": "y",
}


@pytest.mark.parametrize("path", ["/users/", "/users/new", "/users/1"])
def test_only_administrators_see_users(login_as: Login, client: FlaskClient, path: str) -> None:
    assert client.get(path).location.startswith("/login")
    for role in ("manager", "operator", "supervisor"):
        assert login_as(role).get(path).status_code == 403
    assert login_as("administrator").get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/users/new", "/users/1", "/users/1/delete", "/users/1/end-sessions"]
)
def test_only_administrators_change_users(login_as: Login, client: FlaskClient, path: str) -> None:
    assert client.post(path, data=NEW).location.startswith("/login")
    for role in ("manager", "operator", "supervisor"):
        assert login_as(role).post(path, data=NEW).status_code == 403
    assert len(db.session.scalars(select(User)).all()) == 4


def test_a_new_user_logs_in_with_the_first_password(login_as: Login, client: FlaskClient) -> None:
    assert login_as("administrator").post("/users/new", data=NEW).status_code == 302
    assert users.authenticate("anna@office.example", "three blue horses").name == "Anna Verdi"
    entered = client.post("/login", data={"email": NEW["email"], "password": NEW["password"]})
    assert entered.location == "/"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"email": "anna"},
        {"email": ""},
        {"role": "owner"},
        {"language": "xx"},
        {"password": "short"},
        {"password": "1234567890"},
        {"password": "aaaaaaaaaaaaaa"},
        {"password": "anna@office.example"},
        {"password": "x" * 201},
    ],
)
def test_wrong_values_make_no_user(login_as: Login, wrong: dict[str, str]) -> None:
    page = login_as("administrator").post("/users/new", data=NEW | wrong)
    assert page.status_code == 422
    assert 'class="err"' in page.text
    assert len(db.session.scalars(select(User)).all()) == 4


def test_an_e_mail_is_used_once(login_as: Login) -> None:
    factories.user(email="anna@office.example")
    page = login_as("administrator").post("/users/new", data=NEW | {"email": "ANNA@office.example"})
    assert page.status_code == 422
    assert "is already a user" in page.text


def test_the_last_administrator_stays_one(login_as: Login, people: dict[str, User]) -> None:
    browser, boss = login_as("administrator"), people["administrator"]
    kept = {"name": boss.name, "email": boss.email, "language": "en", "password": ""}
    for change in ({"role": "manager", "active": "y"}, {"role": "administrator"}):
        assert browser.post(f"/users/{boss.id}", data=kept | change).status_code == 422
    browser.post(f"/users/{boss.id}/delete")
    db.session.refresh(boss)
    assert (boss.role, boss.active) == (Role.ADMINISTRATOR, True)


def test_nobody_deletes_himself_even_beside_another(
    login_as: Login, people: dict[str, User]
) -> None:
    factories.user(role=Role.ADMINISTRATOR)
    boss = people["administrator"]
    page = login_as("administrator").post(f"/users/{boss.id}/delete", follow_redirects=True)
    assert "You cannot delete yourself" in page.text
    assert db.session.get(User, boss.id) is not None


def test_ended_sessions_must_log_in_again(login_as: Login, people: dict[str, User]) -> None:
    operator = login_as("operator")
    assert operator.get("/").status_code == 200
    login_as("administrator").post(f"/users/{people['operator'].id}/end-sessions")
    assert operator.get("/").location.startswith("/login")


def test_a_new_password_ends_the_users_sessions(login_as: Login, people: dict[str, User]) -> None:
    operator, user = login_as("operator"), people["operator"]
    data = NEW | {"email": user.email, "password": "another long word"}
    assert login_as("administrator").post(f"/users/{user.id}", data=data).status_code == 302
    assert operator.get("/").location.startswith("/login")


def test_a_user_who_does_not_exist_is_not_found(login_as: Login) -> None:
    browser = login_as("administrator")
    assert browser.get("/users/999").status_code == 404
    assert browser.post("/users/999/delete").status_code == 404
