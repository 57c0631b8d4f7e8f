"""The office's own settings: administrators change them, in words that are checked."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import settings
from ctm.models import User

LogIn = Callable[[str], FlaskClient]


def test_an_administrator_renames_the_office(login_as: LogIn) -> None:
    form = {"name": "  Agenzia   Però ", "language": "en"}
    answer = login_as("administrator").post("/office", data=form, follow_redirects=True)
    assert "Saved." in answer.text
    assert (settings.office_name(), settings.office_language()) == ("Agenzia Però", "en")


@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
def test_others_may_not(login_as: LogIn, role: str) -> None:
    assert login_as(role).get("/office").status_code == 403
    assert login_as(role).post("/office", data={"name": "X"}).status_code == 403


def test_an_anonymous_visitor_is_sent_to_the_login(
    client: FlaskClient, people: dict[str, User]
) -> None:
    assert client.get("/office").headers["Location"].startswith("/login")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": " ", "language": "it"}, "Give the office a name."),
        ({"name": "x" * 121, "language": "it"}, "At most 120"),
        ({"name": "A\x07B", "language": "it"}, "At most 120"),
        ({"name": "A", "language": "fr"}, "Not a valid choice"),
    ],
)
def test_bad_values_are_refused_beside_their_field(
    app: Flask, login_as: LogIn, form: dict[str, str], words: str
) -> None:
    answer = login_as("administrator").post("/office", data=form)
    assert words in answer.text
    assert settings.office_name() == "CTM"
