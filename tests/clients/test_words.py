"""Clients found by their words: parts, any order, through an index that is kept up to date."""

import pytest
from flask import Flask

from ctm.clients import filters, operations, search, words
from ctm.clients.filters import ClientFilter, Condition
from ctm.extensions import db
from ctm.lists import pages
from ctm.models import Client, search_index

ROSSI = {
    "last_name": "Rossi",
    "first_name": "Niccolò",
    "email1": "n.rossi@posta.example",
    "mobile": "+39 347 123.4567",
    "tax_code": "RSSNCL80A01H501D",
    "city": "Forlì",
}
FIRM = {"company_name": 'Bar "Da Ugo" 100% S.r.l.', "kind": "company", "notes": "a_b*c"}


@pytest.fixture
def office(app: Flask) -> Client:
    operations.create(FIRM)
    operations.create({"last_name": "Verdi", "first_name": "Rosa"})
    return operations.create(ROSSI)


def found(text: str) -> set[str]:
    listed, page = search.page(ClientFilter("all", text), "name", False, "", 50)
    names = {client.display_name for client in page.rows}
    assert listed.number == len(names)
    assert {client.display_name for client in search.search(text)} == names
    return names


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    "text",
    [
        "rossi",
        "niccolo rossi",
        "ROSSI NICCOLÒ",
        "ossi icco",
        "n.rossi@posta",
        "posta.example",
        "347 123 4567",
        "+39 347 1234567",
        "rssncl80a01",
        "h501d",
        "forli",
        "ni ro",
        "  rossi   ",
    ],
)
def test_words_are_found_in_any_order_and_in_part(text: str) -> None:
    assert found(text) == {"Rossi Niccolò"}


@pytest.mark.usefixtures("office")
def test_short_words_are_the_beginning_of_words() -> None:
    assert found("ro") == {"Rossi Niccolò", "Verdi Rosa"}
    assert found("r v") == {"Verdi Rosa"}
    assert found("si") == set()


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"Da Ugo"', {'Bar "Da Ugo" 100% S.r.l.'}),
        ("100%", {'Bar "Da Ugo" 100% S.r.l.'}),
        ("%", {'Bar "Da Ugo" 100% S.r.l.'}),
        ("r_s", set()),
        ("ros*", set()),
        ("rossi OR verdi", set()),
        ("rossi NOT verdi", set()),
        ("NEAR(rossi verdi)", set()),
        ("words:rossi", set()),
        ("rossi' OR '1'='1", set()),
        ('"', {'Bar "Da Ugo" 100% S.r.l.'}),
        ('""""', set()),
        ("rossi\x00", {"Rossi Niccolò"}),
        ("\\", set()),
        ("😀😀😀", set()),
        ("rossi" * 40, set()),
    ],
)
def test_what_is_written_is_looked_for_and_never_run(text: str, names: set[str]) -> None:
    assert found(text) == names


def test_the_index_follows_every_change(office: Client) -> None:
    operations.update(office, ROSSI | {"last_name": "Bianchi"})
    assert found("rossi niccolo verdi") == set()
    assert found("bianchi") == {"Bianchi Niccolò"}
    contact = operations.save_contact(office, {"first_name": "Zaira", "last_name": "Quagliarella"})
    assert found("agliare") == {"Bianchi Niccolò"}
    operations.delete_contact(office, contact)
    assert found("agliare") == set()
    operations.delete([office.id])
    assert found("bianchi") == set()


def test_a_change_that_is_taken_back_is_not_found(office: Client) -> None:
    office.search_text = "somebody else"
    db.session.flush()
    db.session.rollback()
    assert found("somebody") == set()
    assert found("rossi") == {"Rossi Niccolò"}


@pytest.mark.usefixtures("office")
def test_where_very_many_match_the_order_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "COUNT_CAP", 1)
    monkeypatch.setattr(pages, "FREQUENT", 1)
    for sort in filters.SORTS:
        number, page = search.page(ClientFilter("all", "ro"), sort, True, "", 50)
        assert number == search.Count(1, True)
        assert {client.last_name for client in page.rows} == {"Rossi", "Verdi"}


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("field", "operation", "value"),
    [
        ("last_name", "contains", "oss"),
        ("first_name", "equals", "niccolò"),
        ("city", "starts", "FORL"),
        ("email", "contains", "rossi@posta"),
        ("tax_code", "equals", "RSSNCL80A01H501D"),
    ],
)
def test_a_condition_on_an_indexed_field_finds_the_same(
    field: str, operation: str, value: str
) -> None:
    only = ClientFilter("all", "", (Condition(field, operation, value),))
    hinted = db.session.scalars(db.select(Client.last_name).where(only.where())).all()
    plain = db.session.scalars(db.select(Client.last_name).where(only.where(hinted=False))).all()
    assert hinted == plain == ["Rossi"]


def test_words_within_other_words_are_looked_for_once() -> None:
    assert words.read("rossi ros rossini") == ["rossini"]
    assert words.read("ro rossini") == ["rossini", "ro"]


def test_the_index_is_there(app: Flask) -> None:
    assert search_index.is_made(db.session.connection())
