"""The consent tab of a client's card."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import consent
from ctm.clock import utcnow
from ctm.consent import purposes
from ctm.models import Client, Purpose
from tests import factories

Login = Callable[[str], FlaskClient]


@pytest.fixture
def offers(app: Flask) -> Purpose:
    values = {"name": "Offers", "description": "I agree to offers.", "needs_consent": True}
    return purposes.create(values | {"marketing": True})


@pytest.fixture
def someone(app: Flask) -> Client:
    return factories.customer()


def url(client: Client) -> str:
    return f"/clients/{client.id}/consents"


def test_what_a_client_says_is_recorded_with_its_proof(
    login_as: Login, offers: Purpose, someone: Client, people: Any
) -> None:
    browser = login_as("operator")
    day = (utcnow() - timedelta(days=10)).date()
    data = {
        "purpose_id": offers.id,
        "state": "given",
        "source": "paper",
        "day": day.isoformat(),
        "note": "folder 12",
    }
    assert browser.post(url(someone), data=data).status_code == 302

    ((event, name),) = consent.latest(someone.id)
    assert (event.at.date(), event.source, event.note) == (day, "paper", "folder 12")
    assert event.wording == "I agree to offers."
    assert name == people["operator"].name
    page = browser.get(f"/clients/{someone.id}?section=consents").text
    assert "folder 12" in page
    assert "may be sent" in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"purpose_id": ""}, "purpose_id"),
        ({"purpose_id": "999"}, "purpose_id"),
        ({"purpose_id": "abc"}, "purpose_id"),
        ({"state": "maybe"}, "state"),
        ({"source": "remove_link"}, "source"),
        ({"source": ""}, "source"),
        ({"day": "2999-01-01"}, "day"),
        ({"day": "31/02/2026"}, "day"),
        ({"day": "0001-01-01"}, "day"),
        ({"address": "nobody"}, "address"),
        ({"wording": "x" * 5000}, "wording"),
    ],
)
def test_what_cannot_be_a_proof_is_refused_beside_its_field(
    login_as: Login, offers: Purpose, someone: Client, wrong: dict[str, str], field: str
) -> None:
    data = {"purpose_id": str(offers.id), "state": "given", "source": "phone"} | wrong
    answer = login_as("operator").post(url(someone), data=data)

    assert answer.status_code == 422
    assert f'#{field}"' in answer.text
    assert consent.latest(someone.id) == []


def test_readers_and_strangers_record_nothing(
    client: FlaskClient, login_as: Login, offers: Purpose, someone: Client
) -> None:
    data = {"purpose_id": offers.id, "state": "given", "source": "phone"}
    assert client.post(url(someone), data=data).location.startswith("/login")
    assert login_as("supervisor").post(url(someone), data=data).status_code == 403
    assert login_as("operator").post("/clients/9999/consents", data=data).status_code == 404
    page = login_as("supervisor").get(f"/clients/{someone.id}?section=consents").text
    assert "Record a consent" not in page
    assert consent.latest(someone.id) == []
