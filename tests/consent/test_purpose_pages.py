"""The table of purposes: what it shows, whom it lets in."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from ctm.consent import purposes
from ctm.extensions import db

Login = Callable[[str], FlaskClient]


@pytest.mark.parametrize("path", ["/purposes/", "/purposes/new", "/purposes/1"])
def test_others_do_not_come_in(client: FlaskClient, login_as: Login, path: str) -> None:
    assert client.get(path).location.startswith("/login")
    for role in ("operator", "supervisor"):
        assert login_as(role).get(path).status_code == 403


@pytest.mark.parametrize("path", ["/purposes/new", "/purposes/usual", "/purposes/1/delete"])
def test_others_change_nothing(login_as: Login, path: str) -> None:
    assert login_as("operator").post(path, data={"name": "New"}).status_code == 403
    assert purposes.every() == []


def test_a_purpose_is_made_changed_and_deleted(login_as: Login) -> None:
    browser = login_as("manager")
    data = {"name": "Offers", "description": "I agree.", "needs_consent": "y", "active": "y"}
    assert browser.post("/purposes/new", data=data).status_code == 302
    (made,) = purposes.every()
    assert (made.name, made.needs_consent, made.marketing, made.active) == (
        "Offers",
        True,
        False,
        True,
    )
    assert "who has given consent" in browser.get("/purposes/").text

    browser.post(f"/purposes/{made.id}", data={"name": "Letters", "marketing": "y"})
    db.session.refresh(made)
    assert (made.name, made.needs_consent, made.marketing, made.active) == (
        "Letters",
        False,
        True,
        False,
    )
    browser.post(f"/purposes/{made.id}/delete")
    assert purposes.every() == []


def test_a_wrong_value_stands_beside_its_field(login_as: Login) -> None:
    answer = login_as("manager").post("/purposes/new", data={"name": "", "position": "3"})
    assert answer.status_code == 422
    assert 'id="name-err"' in answer.text


def test_what_does_not_exist_is_not_found(login_as: Login) -> None:
    assert login_as("manager").get("/purposes/77").status_code == 404
    assert login_as("manager").get("/purposes/99999999999999").status_code == 404


def test_an_office_without_purposes_begins_with_the_usual_ones(login_as: Login) -> None:
    browser = login_as("administrator")
    assert "Begin with the usual ones" in browser.get("/purposes/").text
    browser.post("/purposes/usual")
    assert len(purposes.every()) == 4
    browser.post("/purposes/usual")
    assert len(purposes.every()) == 4
