"""The pages of SQL fields: who gets in, what they show, what they refuse."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm.extensions import db
from ctm.models import AuditEntry, DocumentTemplate, Instalment, MailTemplate, Policy, SqlField
from tests import factories

Login = Callable[[str], FlaskClient]

MANUAL = "select DATE_FORMAT(data_titolo,’%d/%m/%Y’) as data_titolo from titoli WHERE id = {{idt}}"
DATA = {"name": "data_scadenza", "label": "Due", "query": MANUAL, "active": "y"}


def made(**values: object) -> SqlField:
    field = SqlField(**{"name": "data_scadenza", "query": MANUAL} | values)
    db.session.add(field)
    db.session.commit()
    return field


@pytest.fixture
def instalment(app: object) -> Instalment:
    client = factories.customer(display_name="Rossi Anna", search_text="rossi anna")
    policy = Policy(client_id=client.id, number="RCA-1")
    db.session.add(policy)
    db.session.flush()
    row = Instalment(
        policy_id=policy.id, client_id=client.id, due_date=date(2026, 12, 1), amount=Decimal(10)
    )
    db.session.add(row)
    db.session.commit()
    return row


@pytest.mark.parametrize("path", ["/sql-fields/", "/sql-fields/new", "/sql-fields/rows?q=a"])
def test_anonymous_visitors_go_to_the_login(client: FlaskClient, people: object, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
def test_only_administrators_get_in(login_as: Login, role: str) -> None:
    field = made()
    browser = login_as(role)
    for path in ("/sql-fields/", "/sql-fields/new", f"/sql-fields/{field.id}", "/sql-fields/rows"):
        assert browser.get(path).status_code == 403
    for path in ("new", "try", f"{field.id}", f"{field.id}/try", f"{field.id}/delete"):
        assert browser.post(f"/sql-fields/{path}", data=DATA | {"name": "x"}).status_code == 403
    assert db.session.scalars(select(SqlField.name)).all() == ["data_scadenza"]
    assert "SQL fields" not in browser.get("/").text


def test_what_is_not_there_is_not_found(login_as: Login) -> None:
    browser = login_as("administrator")
    assert browser.get("/sql-fields/9").status_code == 404
    assert browser.post("/sql-fields/9/try", data=DATA).status_code == 404
    assert browser.post("/sql-fields/9/delete").status_code == 404
    assert browser.get("/sql-fields/try").status_code in (404, 405)


def test_a_field_is_made_changed_and_deleted(login_as: Login) -> None:
    browser = login_as("administrator")
    assert "No SQL field yet" in browser.get("/sql-fields/").text
    assert (
        browser.post("/sql-fields/new", data=DATA | {"name": "{{Data_Scadenza}}"}).status_code
        == 302
    )
    field = db.session.scalars(select(SqlField)).one()
    assert (field.name, field.query, field.is_html, field.active) == (
        "data_scadenza",
        MANUAL,
        False,
        True,
    )
    assert "{{data_scadenza}}" in browser.get("/sql-fields/").text
    page = browser.get(f"/sql-fields/{field.id}").text
    assert "’%d/%m/%Y’" in page
    changed = DATA | {"name": "scade", "query": "select importo from titoli where id = {{idt}}"}
    browser.post(f"/sql-fields/{field.id}", data=changed | {"is_html": "y"})
    db.session.refresh(field)
    assert (field.name, field.is_html) == ("scade", True)
    browser.post(f"/sql-fields/{field.id}/delete")
    assert db.session.scalar(select(SqlField)) is None
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["sql_field.create", "sql_field.update", "sql_field.delete"]


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"name": ""}, "A name is needed."),
        ({"name": "idt"}, "A name is a letter"),
        ({"name": "città"}, "A name is a letter"),
        ({"name": "due parole"}, "A name is a letter"),
        ({"name": "1a"}, "A name is a letter"),
        ({"name": "a" * 61}, "A name is a letter"),
        ({"name": "GIA"}, "Another SQL field is called"),
        ({"label": "x" * 161}, "160"),
        ({"query": ""}, "Write a query"),
        ({"query": "delete from clienti"}, "begins with SELECT, not with “delete”"),
        ({"query": "select password_hash from users"}, "There is no table “users”"),
        ({"query": "select nome from clienti where id = '{{idt}}'"}, "without quotes"),
        ({"query": "select '<script>' from x"}, "There is no table “x”"),
    ],
)
def test_a_wrong_field_is_refused_beside_what_is_wrong(
    login_as: Login, values: dict[str, str], answer: str
) -> None:
    made(name="gia")
    page = login_as("administrator").post("/sql-fields/new", data=DATA | values)
    assert page.status_code == 422
    assert answer in page.text
    assert "<script>" not in page.text.split("<main", 1)[1]
    assert len(db.session.scalars(select(SqlField)).all()) == 1


def test_the_query_is_tried_on_a_row_without_saving(
    login_as: Login, instalment: Instalment
) -> None:
    browser = login_as("administrator")
    page = browser.post("/sql-fields/try", data=DATA | {"row": f"titoli:{instalment.id}"})
    assert page.status_code == 200
    assert "01/12/2026" in page.text
    assert "due_date" not in page.text  # what becomes of the query stays inside
    assert db.session.scalar(select(SqlField)) is None
    assert (
        "nothing: an empty text" in browser.post("/sql-fields/try", data=DATA | {"row": "99"}).text
    )


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"row": ""}, "Choose a row"),
        ({"row": "x"}, "Choose a row"),
        ({"row": "users:1"}, "Choose a row"),
        ({"row": "-1"}, "Choose a row"),
        ({"row": "9" * 20}, "Choose a row"),
        ({"row": "1", "query": "select sleep(9)"}, "The function “SLEEP” is not among"),
        ({"row": "1", "query": "select 1; drop table clients"}, "something after"),
    ],
)
def test_a_trial_that_cannot_be_is_answered_in_words(
    login_as: Login, values: dict[str, str], answer: str
) -> None:
    page = login_as("administrator").post("/sql-fields/try", data=DATA | values)
    assert page.status_code == 422
    assert answer in page.text


def test_rows_to_try_are_found_by_name_and_number(login_as: Login, instalment: Instalment) -> None:
    browser = login_as("administrator")
    found = browser.get("/sql-fields/rows?q=rossi").json
    assert {row["id"].partition(":")[0] for row in found} == {"clienti", "polizze", "titoli"}
    assert f"titoli:{instalment.id}" in {
        row["id"] for row in browser.get(f"/sql-fields/rows?q={instalment.id}").json
    }
    assert browser.get("/sql-fields/rows?q=").json == []
    assert browser.get("/sql-fields/rows?q=" + "9" * 300).json == []


def test_a_field_in_use_keeps_its_name_and_stays(login_as: Login) -> None:
    field = made()
    mail = MailTemplate(module="titoli", name="Reminder", body_html="<p>{{ Data_Scadenza }}</p>")
    paper = DocumentTemplate(
        kind="pdf", module="titoli", name="Notice", options={"footer": "{{data_scadenza}}"}
    )
    db.session.add_all([mail, paper])
    db.session.commit()
    browser = login_as("administrator")
    assert "Reminder, Notice" in browser.get("/sql-fields/").text
    page = browser.post(f"/sql-fields/{field.id}/delete", follow_redirects=True).text
    assert "is used by “Reminder”, “Notice”. It cannot be deleted." in page
    page = browser.post(f"/sql-fields/{field.id}", data=DATA | {"name": "other"})
    assert page.status_code == 422
    assert "It cannot get another name." in page.text
    db.session.refresh(field)
    assert field.name == "data_scadenza"
    assert browser.post(f"/sql-fields/{field.id}", data=DATA).status_code == 302


def test_the_page_documents_what_may_be_read(login_as: Login) -> None:
    page = login_as("administrator").get("/sql-fields/new").text
    for word in ("clienti", "ind_tlm", "polizze", "titoli", "data_titolo", "GROUP_CONCAT"):
        assert word in page
    assert "password_hash" not in page
