"""Sent mail: the list of every mail and its details."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from ctm.extensions import db
from ctm.mailing import control
from ctm.models import Campaign, Client, Message, User
from tests import factories

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def mail(app: object) -> Message:
    campaign: Campaign = factories.campaign(account=factories.account(practice=True))
    person: Client = factories.customer(first_name="Ada", email1="ada@example.it")
    factories.member(campaign, person)
    control.start(campaign)
    message: Message = db.session.scalars(db.select(Message)).one()
    message.state, message.server_words = "failed", "550 5.1.1 <b>no such user</b>"
    message.merge_values = {"clienti.nome": "Ada"}
    db.session.commit()
    return message


@pytest.mark.parametrize("role", ["administrator", "manager", "operator", "supervisor"])
def test_everybody_reads_the_list_and_the_details(
    mail: Message, login_as: LogIn, role: str
) -> None:
    browser = login_as(role)
    shown = browser.get("/mails/").text
    assert "Renewal for Ada" in shown
    assert "ada@example.it" in shown
    details = browser.get(f"/mails/details/?id={mail.id}").text
    assert mail.message_id.strip("<>") in details


def test_the_servers_words_are_text(mail: Message, login_as: LogIn) -> None:
    assert "<b>no such user</b>" not in login_as("operator").get("/mails/").text


def test_an_anonymous_visitor_is_sent_to_the_login(
    mail: Message, client: FlaskClient, people: dict[str, User]
) -> None:
    for page in ("/mails/", f"/mails/details/?id={mail.id}"):
        answer = client.get(page)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("page", ["new/", "edit/?id=1"])
def test_nothing_is_changed_here(mail: Message, login_as: LogIn, page: str) -> None:
    answer = login_as("administrator").get(f"/mails/{page}")
    assert answer.status_code in (302, 404)
    assert login_as("administrator").post("/mails/delete/", data={"id": mail.id}).status_code in (
        302,
        403,
        404,
    )
    assert db.session.get(Message, mail.id) is not None


def test_the_filter_finds_the_failed_ones(mail: Message, login_as: LogIn) -> None:
    browser = login_as("operator")
    assert "ada@example.it" in browser.get("/mails/?flt0_outcome_equals=failed").text
    assert "ada@example.it" not in browser.get("/mails/?flt0_outcome_equals=sent").text


def test_the_filtered_list_is_exported_without_formulas(mail: Message, login_as: LogIn) -> None:
    mail.server_words = "=cmd|' /C calc'!A0"
    db.session.commit()
    browser = login_as("supervisor")
    found = browser.get("/mails/export/csv/?flt0_outcome_equals=failed", buffered=True).text
    assert "ada@example.it" in found
    assert "'=cmd" in found
    none = browser.get("/mails/export/xlsx/?flt0_outcome_equals=sent", buffered=True)
    assert none.data.startswith(b"PK")
    empty = browser.get("/mails/export/csv/?flt0_outcome_equals=sent", buffered=True).text
    assert "ada@example.it" not in empty


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        ("operator", "csv/", 403),
        ("supervisor", "exe/", 404),
        ("supervisor", "csv/?flt0_shoe_size=44", 400),
    ],
)
def test_an_export_that_may_not_be_is_refused(
    mail: Message, login_as: LogIn, role: str, page: str, status: int
) -> None:
    assert login_as(role).get(f"/mails/export/{page}").status_code == status
