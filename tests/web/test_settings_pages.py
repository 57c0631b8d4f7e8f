"""List statuses, removed addresses, audit log: what they show, whom they let in."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import audit, suppressions
from ctm.extensions import db
from ctm.models import AuditEntry, ListStatus, Suppression
from tests import factories

Login = Callable[[str], FlaskClient]

FOR_MANAGERS = ("/list-statuses/", "/list-statuses/new", "/suppressions/")
POSTS = ("/list-statuses/new", "/suppressions/add", "/suppressions/lift")


@pytest.mark.parametrize("path", [*FOR_MANAGERS, "/audit/"])
def test_anonymous_visitors_go_to_the_login(client: FlaskClient, people: object, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


@pytest.mark.parametrize("path", FOR_MANAGERS)
@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_lower_roles_are_refused(login_as: Login, path: str, role: str) -> None:
    assert login_as(role).get(path).status_code == 403


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_lower_roles_change_nothing(login_as: Login, path: str, role: str) -> None:
    data = {"name": "New", "colour": "sent", "address": "a@example.com", "why": "asked"}
    assert login_as(role).post(path, data=data).status_code == 403
    assert db.session.scalar(select(ListStatus)) is None
    assert db.session.scalar(select(Suppression)) is None


@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
def test_only_administrators_read_the_audit_log(login_as: Login, role: str) -> None:
    assert login_as(role).get("/audit/").status_code == 403


def test_a_status_is_made_changed_and_deleted(login_as: Login) -> None:
    browser = login_as("manager")
    data = {"name": "Call back", "colour": "read", "position": "3", "active": "y"}
    assert browser.post("/list-statuses/new", data=data).status_code == 302
    status = db.session.scalars(select(ListStatus)).one()
    assert (status.name, status.colour, status.position, status.active) == (
        "Call back",
        "read",
        3,
        True,
    )
    page = browser.get("/list-statuses/").text
    assert "Call back" in page
    browser.post(f"/list-statuses/{status.id}", data=data | {"name": "Later"})
    db.session.refresh(status)
    assert status.name == "Later"
    browser.post(f"/list-statuses/{status.id}/delete")
    assert db.session.scalar(select(ListStatus)) is None


def test_a_status_in_use_stays(login_as: Login) -> None:
    status = factories.list_status("To contact")
    factories.campaign(initial_status_id=status.id)
    browser = login_as("manager")
    page = browser.post(f"/list-statuses/{status.id}/delete", follow_redirects=True)
    assert "is in use by campaigns" in page.text
    assert db.session.get(ListStatus, status.id) is not None


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"name": ""}, "A name is needed."),
        ({"name": "taken"}, "Another status is called"),
        ({"colour": "url(x)"}, "Choose one of the colours."),
        ({"position": "-1"}, "The position is a number"),
        ({"position": "99999"}, "The position is a number"),
        ({"position": "²"}, "The position is a number"),
    ],
)
def test_a_wrong_status_is_refused_beside_the_field(
    login_as: Login, values: dict[str, str], answer: str
) -> None:
    factories.list_status("Taken")
    data = {"name": "New", "colour": "sent", "position": "1"} | values
    page = login_as("manager").post("/list-statuses/new", data=data)
    assert page.status_code == 422
    assert answer in page.text
    assert len(db.session.scalars(select(ListStatus)).all()) == 1


def test_an_unknown_status_is_not_found(login_as: Login) -> None:
    browser = login_as("manager")
    assert browser.get("/list-statuses/99").status_code == 404
    assert browser.post("/list-statuses/99/delete").status_code == 404


def test_an_address_is_removed_by_hand_found_and_lifted(login_as: Login) -> None:
    browser = login_as("manager")
    browser.post("/suppressions/add", data={"address": " Anna@Example.com ", "note": "asked"})
    assert suppressions.is_suppressed("anna@example.com")
    assert "anna@example.com" in browser.get("/suppressions/?q=anna").text
    assert "anna@example.com" not in browser.get("/suppressions/?q=bruno").text
    assert "anna@example.com" not in browser.get("/suppressions/?reason=bounced").text
    browser.post("/suppressions/lift", data={"address": "anna@example.com", "why": "by telephone"})
    assert not suppressions.is_suppressed("anna@example.com")
    lifted = select(AuditEntry).where(AuditEntry.action == "suppression.lift")
    assert db.session.scalars(lifted).one().detail["why"] == "by telephone"


@pytest.mark.parametrize("address", ["", "anna", "a@b@c.it", "a@example.com\r\nBcc: x@y.it"])
def test_what_is_no_address_is_not_added(login_as: Login, address: str) -> None:
    page = login_as("manager").post("/suppressions/add", data={"address": address})
    assert page.status_code == 422
    assert db.session.scalar(select(Suppression)) is None


def test_lifting_asks_why_and_who(login_as: Login) -> None:
    suppressions.suppress("anna@example.com")
    browser = login_as("manager")
    asked = browser.post("/suppressions/lift", data={"address": "anna@example.com", "why": " "})
    assert asked.status_code == 422
    assert suppressions.is_suppressed("anna@example.com")
    unknown = browser.post("/suppressions/lift", data={"address": "b@example.com", "why": "x"})
    assert unknown.status_code == 404


def test_markup_in_a_note_is_shown_as_text(login_as: Login) -> None:
    suppressions.suppress("anna@example.com", note="<script>alert(1)</script>")
    page = login_as("manager").get("/suppressions/").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_audit_log_is_narrowed_and_paged(login_as: Login) -> None:
    for number in range(105):
        audit.record("thing.make", None, number=f"made-{number}-")
    audit.record("other.break", None, number="broken")
    db.session.commit()
    browser = login_as("administrator")
    first = browser.get("/audit/?action=thing").text
    assert "made-104-" in first
    assert "made-4-" not in first
    assert "broken" not in first
    least = db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()[5]
    assert "made-4-" in browser.get(f"/audit/?action=thing&before={least}").text
    assert "made-104-" not in browser.get("/audit/?until=2001-01-01").text


@pytest.mark.parametrize(
    "query",
    [
        "user=x",
        "before=abc",
        f"before={10**40}",
        f"user={10**40}",
        "since=tomorrow",
        "since=0001-01-01",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(login_as: Login, query: str) -> None:
    assert login_as("administrator").get(f"/audit/?{query}").status_code == 400
