"""Searches over clients: what they find, and that what cannot be read is refused."""

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from ctm.clients import filters, operations, saved_filters, search
from ctm.clients.filters import ClientFilter, Condition, parse_query, parse_query_string
from ctm.errors import InvalidInput, NotAllowed, NotFound
from ctm.extensions import db
from ctm.lists import conditions, pages
from ctm.models import Purpose
from tests import factories

pytestmark = pytest.mark.usefixtures("app")


def found(query: str) -> set[str]:
    ids = db.session.scalars(parse_query_string(query).select_ids())
    return {operations.get(i).last_name for i in ids}


@pytest.fixture
def office(app: Flask) -> None:
    people = [
        {"last_name": "Rossi", "city": "Città di Castello", "email1": "rossi@example.com"},
        {"last_name": "Bianchi", "city": "MILANO", "email3": "b@example.org", "kind": "prospect"},
        {"last_name": "Verdi", "postcode": "20121", "birth_date": "31/12/1980", "sex": "F"},
        {"last_name": "Neri", "active": "no", "city": "100% Roma"},
        {"last_name": "Rossini", "mobile": "+39 347 123.456"}
        | {"postcode": "00118", "sex": "M", "profession": "Médico"},
    ]
    for values in people:
        operations.create(values)


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"Rossi", "Verdi", "Rossini"}),
        ("tab=prospects", {"Bianchi"}),
        ("tab=inactive", {"Neri"}),
        ("tab=all&q=ROSSI", {"Rossi", "Rossini"}),
        ("tab=all&q=medico", {"Rossini"}),
        ("tab=all&q=347+12+34", {"Rossini"}),
        ("tab=all&q=%25", {"Neri"}),
        ("tab=all&f=city:contains:%25", {"Neri"}),
        ("tab=all&f=city:equals:milano", {"Bianchi"}),
        ("tab=all&f=city:contains:CITT%C3%80", {"Rossi"}),
        ("tab=all&f=profession:starts:m%C3%A9", {"Rossini"}),
        ("tab=all&f=email:not_empty", {"Rossi", "Bianchi"}),
        ("tab=all&f=email:empty", {"Verdi", "Neri", "Rossini"}),
        ("tab=all&f=email:equals:B@Example.org", {"Bianchi"}),
        ("tab=all&f=sex:equals:F", {"Verdi"}),
        ("tab=all&f=sex:not_equals:F", {"Rossi", "Bianchi", "Neri", "Rossini"}),
        ("tab=all&f=birth_date:equals:31/12/1980", {"Verdi"}),
        ("tab=all&f=birth_date:between:1980-01-01..31/12/1980", {"Verdi"}),
        ("tab=all&f=birth_date:greater:01/01/1981", set()),
        ("tab=all&f=birth_date:empty", {"Rossi", "Bianchi", "Neri", "Rossini"}),
        ("tab=all&f=postcode:between:20100..20162", {"Verdi"}),
        ("tab=all&f=code:empty&f=postcode:not_empty", {"Verdi", "Rossini"}),
        ("tab=all&f=active:equals:no", {"Neri"}),
        ("tab=all&f=created_at:less:01/01/2001", set()),
        ("f=last_name:not_contains:ross", {"Verdi"}),
    ],
)
def test_a_search_finds_what_it_says(query: str, names: set[str]) -> None:
    assert found(query) == names


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tab=everyone", "no tab"),
        ("status=active", "does not know"),
        ("tab=all&tab=active", "twice"),
        ("f=shoe_size:equals:42", "no field"),
        ("f=id:equals:1", "no field"),
        ("f=city:like:Roma", "cannot be searched"),
        ("f=city", "cannot be read"),
        ("f=city:greater:Roma", "cannot be searched"),
        ("f=city:contains:", "Write a value"),
        ("f=city:empty:x", "take no value"),
        ("f=birth_date:equals:yesterday", "not a date"),
        ("f=birth_date:between:01/01/1980", "two values"),
        ("f=sex:equals:X", "not F or M"),
        ("f=kind:equals:", "Write a value"),
        ("f=active:equals:perhaps", "neither yes nor no"),
        ("f=city:equals:a%00b", "Write a value"),
        ("q=a%00b", "cannot be read"),
        ("q=%ff", "cannot be read"),
        ("q", "cannot be read"),
        ("&".join(f"f=city:equals:{n}" for n in range(21)), "20 conditions"),
    ],
)
def test_a_search_that_cannot_be_read_is_refused_and_never_widened(query: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_query_string(query)


def test_paging_and_sorting_do_not_change_the_set() -> None:
    assert parse_query_string("tab=all&at=WyJh&size=50&sort=city&desc=1") == ClientFilter("all")


def test_a_search_survives_the_address_and_the_database() -> None:
    given = ClientFilter("all", "rossi & co", (Condition("city", "equals", "Forlì: centro"),))
    assert parse_query_string(given.to_query()) == given
    assert parse_query(MultiDict(given.to_pairs())) == given
    assert ClientFilter.from_dict(given.to_dict()) == given


def test_a_saved_search_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="saved search"):
        ClientFilter.from_dict({"tab": "all", "text": "", "conditions": [], "owner": 3})
    with pytest.raises(InvalidInput, match="no field"):
        ClientFilter.from_dict({"tab": "all", "text": "", "conditions": [["shoes", "equals", "1"]]})


def test_chips_say_the_condition_and_lead_to_the_search_without_it() -> None:
    given = parse_query_string("f=sex:equals:F&f=email:not_empty")
    chips = given.describe()
    assert [(c.label, c.operation, c.value) for c in chips] == [
        ("Sex", "is", "Female"),
        ("E-mail", "is not empty", ""),
    ]
    assert chips[0].without == parse_query_string("f=email:not_empty")


def test_counts_stop_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    for _n in range(3):
        factories.customer()
    monkeypatch.setattr(pages, "COUNT_CAP", 2)
    assert search.count(ClientFilter("all")) == search.Count(2, True)
    assert search.count_exactly(ClientFilter("all")) == 3


def test_type_ahead_is_bounded_and_ignores_accents() -> None:
    for n in range(60):
        operations.create({"last_name": "Nicolò", "first_name": str(n)})
    assert len(search.search("nicolo", 1000)) == 50
    assert search.search("   ") == []


def test_a_private_search_is_not_seen_by_others() -> None:
    owner, stranger = factories.user(), factories.user()
    saved = saved_filters.save(owner, "Mine", ClientFilter("all"), shared=False)
    assert saved_filters.visible(stranger) == []
    with pytest.raises(NotFound):
        saved_filters.get(saved.id, stranger)
    shared = saved_filters.save(owner, "Ours", ClientFilter("all"), shared=True)
    assert saved_filters.visible(stranger) == [shared]
    with pytest.raises(NotAllowed):
        saved_filters.delete(shared, stranger)


def test_saving_under_the_same_name_replaces_ones_own() -> None:
    owner = factories.user()
    first = saved_filters.save(owner, "Ours", ClientFilter("all"), shared=True)
    again = saved_filters.save(owner, "ours", ClientFilter("prospects"), shared=True)
    assert again.id == first.id
    assert saved_filters.load(again).tab == "prospects"
    with pytest.raises(InvalidInput, match="already has"):
        saved_filters.save(factories.user(), "Ours", ClientFilter("all"), shared=True)
    with pytest.raises(InvalidInput, match="Write a name"):
        saved_filters.save(owner, "  ", ClientFilter("all"), shared=False)


def test_every_field_offers_only_operations_that_work() -> None:
    samples = {"date": "01/01/2000", "moment": "01/01/2000", "flag": "yes", "amount": "1,50"}
    db.session.add(Purpose(name="News"))
    db.session.commit()
    for field in filters.BY_NAME.values():
        for operation in filters.OPERATIONS_OF[field.type]:
            value = samples.get(field.type, "x")
            if field.words:
                value = next(iter(field.words or {}))
            if operation == "between":
                value = f"{value}..{value}"
            if operation in conditions.DAYS:
                value = "30"
            if operation in filters.WITHOUT_VALUE:
                value = ""
            narrowed = ClientFilter("all").narrowed(Condition(field.name, operation, value))
            assert list(db.session.scalars(narrowed.select_ids())) == []
