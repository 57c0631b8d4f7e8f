"""The list of clients, the card, forms, contacts and actions on many."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from ctm import lists, tasks
from ctm.clients import operations, saved_filters
from ctm.clients.filters import ClientFilter
from ctm.extensions import db
from ctm.models import Client, Contact, SavedFilter, Task, TaskState, User
from tests import factories

LogIn = Callable[[str], FlaskClient]

PAGES = [
    "/clients/",
    "/clients/1",
    "/clients/lookup?q=x",
    "/clients/narrow?field=city",
    "/clients/new",
    "/clients/1/edit",
    "/clients/1/contacts/new",
    "/clients/import",
]
POSTS = [
    "/clients/new",
    "/clients/1/edit",
    "/clients/1/contacts/new",
    "/clients/1/contacts/1/delete",
    "/clients/do/delete",
    "/clients/do/deactivate",
    "/clients/export",
    "/clients/searches",
    "/clients/searches/1/delete",
    "/clients/import",
    "/clients/import/run/1",
]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("url", PAGES)
def test_a_stranger_without_login_is_sent_to_the_login(client: FlaskClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 302
    assert "/login" in answer.location


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("url", POSTS)
def test_nothing_is_changed_without_login(client: FlaskClient, url: str) -> None:
    answer = client.post(url)
    assert answer.status_code == 302
    assert "/login" in answer.location


@pytest.mark.parametrize(
    ("role", "url", "status"),
    [
        ("supervisor", "/clients/new", 403),
        ("supervisor", "/clients/1/edit", 403),
        ("supervisor", "/clients/1/contacts/1/delete", 403),
        ("supervisor", "/clients/do/deactivate", 403),
        ("supervisor", "/clients/import", 403),
        ("operator", "/clients/do/delete", 403),
        ("operator", "/clients/export", 403),
        ("operator", "/clients/import", 403),
        ("operator", "/clients/import/run/1", 403),
    ],
)
def test_a_role_that_may_not_is_refused(login_as: LogIn, role: str, url: str, status: int) -> None:
    assert login_as(role).post(url).status_code == status


@pytest.mark.parametrize(
    "url", ["/clients/do/delete", "/clients/export", "/clients/searches", "/clients/import/run/1"]
)
def test_what_changes_things_is_not_done_by_opening_an_address(login_as: LogIn, url: str) -> None:
    assert login_as("administrator").get(url).status_code in {404, 405}


def test_an_empty_office_is_told_what_to_do_first(login_as: LogIn) -> None:
    page = login_as("manager").get("/clients/").text
    assert "No client yet" in page
    assert "/clients/import" in page


def test_the_list_shows_identity_addresses_and_counts(login_as: LogIn) -> None:
    factories.customer(
        display_name="Russo Anna", tax_code="RSSNNA80A41F205X", email2="b@example.com", city="Bari"
    )
    factories.customer(display_name="Gone <b>Bold</b>", active=False)
    browser = login_as("supervisor")
    page = browser.get("/clients/").text
    assert "Russo Anna" in page
    assert "RSSNNA80A41F205X" in page
    assert "+1" in page
    assert "1 of 2" in page
    assert "Gone" not in page
    everybody = browser.get("/clients/?tab=all").text
    assert "Gone &lt;b&gt;Bold&lt;/b&gt;" in everybody


def test_no_script_or_style_stands_in_the_page(login_as: LogIn) -> None:
    one = factories.customer()
    browser = login_as("administrator")
    for url in ("/clients/", f"/clients/{one.id}", "/clients/new", "/clients/import"):
        page = browser.get(url).text
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page), url


def queries_of(browser: FlaskClient, url: str) -> int:
    asked: list[str] = []

    def listen(*args: Any) -> None:
        asked.append(args[2])

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        assert browser.get(url).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    return len(asked)


def test_the_list_needs_the_same_queries_for_one_and_for_fifty(login_as: LogIn) -> None:
    browser = login_as("manager")
    browser.get("/clients/")
    counts = []
    for number in (1, 49):
        for _n in range(number):
            factories.customer()
        counts.append(queries_of(browser, "/clients/"))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tab=nobody", "no tab"),
        ("f=shoes:equals:1", "no field"),
        ("f=birth_date:equals:never", "not a date"),
        ("colour=red", "does not know"),
        ("size=100000", "shows 50, 100, 500 or 1000"),
        ("page=-1", "does not know"),
        ("at=nonsense", "no such page"),
        ("sort=password", "cannot be sorted"),
        ("saved=x", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(login_as: LogIn, query: str, words: str) -> None:
    factories.customer(display_name="Everybody")
    answer = login_as("manager").get(f"/clients/?{query}")
    assert answer.status_code == 400
    assert words in answer.text
    assert "Everybody" not in answer.text


def test_the_filter_panel_adds_a_condition(login_as: LogIn) -> None:
    answer = login_as("operator").get(
        "/clients/narrow",
        query_string={
            "query": "tab=all&q=x",
            "field": "birth_date",
            "operation-date": "between",
            "value-date": "1980-01-01",
            "to-date": "1990-01-01",
        },
    )
    assert answer.location == (
        "/clients/?tab=all&q=x&f=birth_date%3Abetween%3A1980-01-01..1990-01-01"
    )


def test_a_filter_that_cannot_be_read_leaves_the_search_as_it_was(login_as: LogIn) -> None:
    browser = login_as("operator")
    answer = browser.get(
        "/clients/narrow",
        query_string={
            "query": "tab=all&f=city:equals:Bari",
            "field": "birth_date",
            "operation-date": "equals",
            "value-date": "soon",
        },
        follow_redirects=True,
    )
    assert "is not a date" in answer.text
    assert answer.request.query_string == b"tab=all&f=city%3Aequals%3ABari"


def test_type_ahead_is_bounded(login_as: LogIn) -> None:
    for n in range(30):
        factories.customer(display_name=f"Rossi {n}", search_text=f"rossi {n}")
    rows = login_as("operator").get("/clients/lookup?q=ROSSI&limit=9999").json
    assert len(rows) == 20
    assert set(rows[0]) == {"id", "label", "detail"}


def test_a_client_that_is_not_there_is_said_in_words(login_as: LogIn) -> None:
    answer = login_as("operator").get("/clients/999")
    assert answer.status_code == 404
    assert "no such client" in answer.text


@pytest.mark.parametrize(
    "section", ["registry", "addresses", "contacts", "campaigns", "mail", "notes"]
)
def test_every_tab_of_the_card_opens(login_as: LogIn, section: str) -> None:
    one = factories.customer(notes="first\nsecond", email3="third@example.com")
    campaign = factories.campaign(name="Spring renewals")
    factories.member(campaign, one)
    page = login_as("supervisor").get(f"/clients/{one.id}?section={section}")
    assert page.status_code == 200
    expected = {"campaigns": "Spring renewals", "addresses": "third@example.com", "notes": "second"}
    assert expected.get(section, one.display_name) in page.text


def test_a_new_client_is_entered(login_as: LogIn) -> None:
    answer = login_as("operator").post(
        "/clients/new",
        data={"kind": "person", "last_name": "Rossi", "active": "y", "birth_date": "31/12/1980"},
    )
    one = db.session.scalars(select(Client)).one()
    assert answer.location == f"/clients/{one.id}"
    assert one.birth_date is not None


def test_what_is_refused_stands_beside_its_field_and_is_kept(login_as: LogIn) -> None:
    answer = login_as("operator").post(
        "/clients/new",
        data={"kind": "person", "last_name": "Rossi", "email1": "nobody", "tax_code": "RSS"},
    )
    assert answer.status_code == 422
    assert 'id="email1-err"' in answer.text
    assert 'id="tax_code-err"' in answer.text
    assert 'value="nobody"' in answer.text
    assert db.session.scalar(select(Client)) is None


def test_a_kind_that_is_not_offered_is_refused(login_as: LogIn) -> None:
    answer = login_as("operator").post("/clients/new", data={"kind": "alien", "last_name": "X"})
    assert answer.status_code == 422
    assert "not a kind of client" in answer.text


def test_a_possible_double_is_shown_before_it_is_saved(login_as: LogIn) -> None:
    operations.create({"last_name": "Rossi", "email1": "rossi@example.com"})
    browser = login_as("operator")
    data = {"kind": "person", "last_name": "Rossi", "email1": "Rossi@example.com"}
    answer = browser.post("/clients/new", data=data)
    assert answer.status_code == 422
    assert "may be in the registry already" in answer.text
    assert browser.post("/clients/new", data=data | {"save_anyway": "y"}).status_code == 302


def test_two_people_changing_one_client_do_not_overwrite_each_other(login_as: LogIn) -> None:
    one = operations.create({"last_name": "Rossi", "city": "Bari"})
    browser = login_as("operator")
    page = browser.get(f"/clients/{one.id}/edit").text
    version = re.search(r'name="version"[^>]*value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    operations.update(one, {"city": "Roma"})
    data = {"kind": "person", "last_name": "Rossi", "city": "Milano", "version": version}
    answer = browser.post(f"/clients/{one.id}/edit", data=data)
    assert answer.status_code == 422
    assert "Somebody else has changed" in answer.text
    assert "Roma" in answer.text
    assert 'value="Milano"' in answer.text
    again = re.search(r'name="version"[^>]*value="([^"]+)"', answer.text).group(1)  # type: ignore[union-attr]
    assert (
        browser.post(f"/clients/{one.id}/edit", data=data | {"version": again}).status_code == 302
    )
    db.session.expire_all()
    assert operations.get(one.id).city == "Milano"


def test_a_form_without_its_version_is_refused(login_as: LogIn) -> None:
    one = operations.create({"last_name": "Rossi"})
    answer = login_as("operator").post(
        f"/clients/{one.id}/edit", data={"kind": "person", "last_name": "Neri"}
    )
    assert answer.status_code == 400
    assert "incomplete" in answer.text


def test_contacts_are_added_changed_and_deleted(login_as: LogIn) -> None:
    one = operations.create({"kind": "company", "company_name": "Beta"})
    browser = login_as("operator")
    url = f"/clients/{one.id}/contacts"
    bad = browser.post(f"{url}/new", data={"last_name": "Neri", "email": "x"})
    assert bad.status_code == 422
    assert 'id="email-err"' in bad.text
    browser.post(f"{url}/new", data={"last_name": "Neri", "email": "n@b.example", "active": "y"})
    contact = db.session.scalars(select(Contact)).one()
    browser.post(f"{url}/{contact.id}", data={"last_name": "Bruni", "email": "n@b.example"})
    db.session.expire_all()
    assert (contact.last_name, contact.active) == ("Bruni", False)
    other = operations.create({"last_name": "Verdi"})
    assert browser.post(f"/clients/{other.id}/contacts/{contact.id}/delete").status_code == 404
    browser.post(f"{url}/{contact.id}/delete")
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_deleting_asks_in_numbers_first(login_as: LogIn) -> None:
    ids = [operations.create({"last_name": f"R{n}"}).id for n in range(3)]
    operations.save_contact(operations.get(ids[0]), {"last_name": "Neri"})
    browser = login_as("manager")
    data = {"all_matching": "1", "query": "tab=all", "ids": ids[:1]}
    page = browser.post("/clients/do/delete", data=data)
    assert "3 clients will be deleted" in page.text
    assert db.session.scalar(select(func.count()).select_from(Client)) == 3
    operations.create({"last_name": "Late"})
    page = browser.post("/clients/do/delete", data=data | {"confirmed": "3"})
    assert "4 clients will be deleted" in page.text
    assert "has changed" in page.text
    browser.post("/clients/do/delete", data=data | {"confirmed": "4"})
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "Choose at least one"),
        ({"ids": ["x"]}, "cannot be read"),
        ({"ids": ["1"], "all_matching": "yes"}, "cannot be read"),
        ({"ids": ["1"] * 2001}, "cannot be read"),
        ({"all_matching": "1", "query": "tab=all&f=city:equals"}, "Write a value"),
        ({"all_matching": "1", "query": "tab=all&status=gone"}, "does not know"),
    ],
)
def test_a_selection_that_cannot_be_read_changes_nothing(
    login_as: LogIn, data: dict[str, object], words: str
) -> None:
    one = factories.customer()
    answer = login_as("administrator").post("/clients/do/delete", data=data | {"confirmed": "1"})
    assert answer.status_code == 400
    assert words in answer.text
    assert db.session.get(Client, one.id) is not None


def test_many_clients_are_changed_by_a_task(
    login_as: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists.selection, "AT_ONCE", 2)
    for _n in range(3):
        factories.customer()
    browser = login_as("operator")
    data = {"all_matching": "1", "query": "tab=all", "confirmed": "3"}
    answer = browser.post("/clients/do/deactivate", data=data)
    task = db.session.scalars(select(Task)).one()
    assert answer.location == f"/tasks/{task.id}"
    tasks.run_waiting()
    db.session.expire_all()
    assert task.state == TaskState.DONE, task.error
    assert "3 clients changed" in browser.get(answer.location).text
    assert browser.get("/clients/?tab=inactive").text.count("data-select-row") == 3


def test_an_export_holds_the_selection_only(login_as: LogIn) -> None:
    one, _two = factories.customer(last_name="=cmd()"), factories.customer(last_name="Verdi")
    browser = login_as("supervisor")
    data = {"query": "tab=all", "format": "csv"}
    answer = browser.post("/clients/export", data=data | {"ids": [one.id]}, buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    text = answer.data.decode("utf-8-sig")
    assert "'=cmd()" in text
    assert "Verdi" not in text
    everything = browser.post("/clients/export", data=data | {"format": "xlsx"}, buffered=True)
    assert everything.data.startswith(b"PK")
    assert browser.post("/clients/export", data=data | {"format": "exe"}).status_code == 400


def test_a_saved_search_is_opened_by_name(login_as: LogIn, people: dict[str, User]) -> None:
    browser = login_as("operator")
    answer = browser.post(
        "/clients/searches", data={"name": "In Bari", "query": "tab=all&f=city:equals:Bari"}
    )
    saved = db.session.scalars(select(SavedFilter)).one()
    assert answer.location == f"/clients/?tab=all&f=city%3Aequals%3ABari&saved={saved.id}"
    opened = browser.get(f"/clients/?saved={saved.id}", follow_redirects=True)
    assert "In Bari" in opened.text
    stranger = login_as("manager")
    assert stranger.get(f"/clients/?saved={saved.id}").status_code == 404
    assert stranger.post(f"/clients/searches/{saved.id}/delete").status_code == 404
    shared = saved_filters.save(people["operator"], "Ours", ClientFilter(), shared=True)
    assert stranger.post(f"/clients/searches/{shared.id}/delete").status_code == 403
    browser.post(f"/clients/searches/{saved.id}/delete")
    assert db.session.get(SavedFilter, saved.id) is None
