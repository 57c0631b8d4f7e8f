"""The lists of policies and instalments: what searches find, refuse, and how SQLite finds it."""

from datetime import timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from ctm.clients import operations as clients
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.lists import pages, saved, selection
from ctm.lists.filters import Search
from ctm.lists.values import today
from ctm.models import Consent, Instalment, Policy, Purpose
from ctm.portfolio import operations
from ctm.portfolio.exporting import INSTALMENT_EXPORT, POLICY_EXPORT
from ctm.portfolio.filters import InstalmentFilter, PolicyFilter
from tests import factories
from tests.clients.test_plans import plans, whole

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def office(app: Flask) -> None:
    """Rossi of Milan has policy A1 (car), Bianchi of Rome B2 (home, suspended) and C3 (ended)."""
    rossi = clients.create({"last_name": "Rossi", "city": "Milano", "email1": "r@example.com"})
    bianchi = clients.create({"last_name": "Bianchi", "city": "Roma", "profession": "Notaio"})
    purpose = Purpose(name="News")
    db.session.add(purpose)
    db.session.flush()
    db.session.add(
        Consent(client_id=rossi.id, purpose_id=purpose.id, state="given", at=rossi.created_at)
    )
    car = operations.create_policy(
        rossi, {"number": "A1", "company": "Tirrena", "branch": "RC Auto", "premium": "900"}
    )
    home = operations.create_policy(
        bianchi,
        {"number": "B2", "company": "Lombarda", "state": "suspended", "premium": "150,50"},
    )
    operations.create_policy(bianchi, {"number": "C3", "state": "expired", "end_date": "1/1/2020"})
    for policy, number, days, more in (
        (car, "late", -40, {}),
        (car, "soon", 5, {}),
        (car, "far", 200, {"amount": "1.000,00"}),
        (home, "paid", -3, {"state": "paid"}),
    ):
        due = (today() + timedelta(days=days)).isoformat()
        operations.create_instalment(
            policy, {"number": number, "due_date": due, "amount": "450,00"} | more
        )


def found(search: type[Search], query: str) -> str:
    model = search.listing.model
    rows = pages.page(search.read_query(query), next(iter(search.listing.sorts)), False, "", 50)
    assert rows[0].number == len(rows[1].rows)
    return " ".join(row.number for row in rows[1].rows if isinstance(row, model))


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", "A1"),
        ("tab=suspended", "B2"),
        ("tab=ended", "C3"),
        ("tab=all", "A1 B2 C3"),
        ("tab=all&q=bianchi", "B2 C3"),
        ("tab=all&q=lomb bianchi".replace(" ", "+"), "B2"),
        ("tab=all&q=rossi+lomb", ""),
        ("tab=all&f=client.city:equals:Milano", "A1"),
        ("tab=all&f=client.email:empty", "B2 C3"),
        ("tab=all&f=client.profession:not_contains:not", "A1"),
        ("tab=all&f=client.consent:given:1", "A1"),
        ("tab=all&f=client.consent:not_given:1", "B2 C3"),
        ("tab=all&f=premium:equals:150,50", "B2"),
        ("tab=all&f=premium:between:150,51..900", "A1"),
        ("tab=all&f=premium:empty", "C3"),
        ("tab=all&f=end_date:less:01/01/2020", "C3"),
        ("tab=all&match=any&f=number:equals:A1&f=number:equals:C3", "A1 C3"),
        ("tab=all&f1=number:equals:A1&f1=number:equals:B2&f=company:starts:lom", "B2"),
        ("tab=all&match=any&f1=number:equals:A1&f1=company:equals:Lombarda&f=state:equals:expired",
         "C3"),
        ("tab=suspended&match=any&f=number:equals:A1&f=number:equals:B2", "B2"),
    ],
)  # fmt: skip
def test_policies_are_found_by_their_own_fields_and_the_clients(query: str, numbers: str) -> None:
    assert found(PolicyFilter, query) == numbers


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", "late soon far"),
        ("tab=overdue", "late"),
        ("tab=paid", "paid"),
        ("tab=all", "late paid soon far"),
        ("tab=all&q=rossi", "late soon far"),
        ("tab=all&q=b2", "paid"),
        ("tab=all&q=tirrena+sOOn", "soon"),
        ("f=due_date:next_days:30", "soon"),
        ("f=due_date:last_days:30", ""),
        ("tab=all&f=due_date:last_days:30", "paid"),
        ("tab=all&f=paid_date:this_month", "paid"),
        ("tab=all&f=paid_date:next_month", ""),
        ("tab=all&f=amount:greater:450,01", "far"),
        ("tab=all&f=policy.company:equals:Lombarda", "paid"),
        ("tab=all&f=policy.state:equals:suspended&f=client.city:equals:Roma", "paid"),
        ("tab=all&f=client.city:equals:Torino", ""),
        ("tab=all&f=created_at:last_days:2", "late paid soon far"),
    ],
)
def test_instalments_are_found_by_policy_and_client_too(query: str, numbers: str) -> None:
    assert found(InstalmentFilter, query) == numbers


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tab=prospects", "no tab"),
        ("tab=", "no tab"),
        ("f=shoes:equals:1", "no field"),
        ("f=client.password:equals:1", "no field"),
        ("f=client.client.city:equals:1", "no field"),
        ("f=due_date:next_days:", "Write a value"),
        ("f=due_date:next_days:-3", "number of days"),
        ("f=due_date:last_days:99999", "number of days"),
        ("f=due_date:next_days:٣", "number of days"),
        ("f=due_date:this_month:x", "can take no value"),
        ("f=due_date:between:2026-02-01..2026-01-01", "ends before it begins"),
        ("f=amount:greater:much", "not an amount"),
        ("f=amount:contains:1", "cannot be searched"),
        ("f=client.consent:given:7", "no such purpose"),
        ("f=client.consent:given:1 OR 1=1", "no such purpose"),
        ("f=state:equals:sold", "is no state"),
        ("match=some", "all or any"),
        ("match=any&match=all", "twice"),
        ("f0=number:equals:1", "does not know"),
        ("f10=number:equals:1", "does not know"),
        ("f1=number", "cannot be read"),
        ("&".join(f"f{1 + n % 9}=number:equals:{n}" for n in range(21)), "20 conditions"),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_widened(query: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        InstalmentFilter.read_query(query.replace(" ", "+"))


def test_groups_survive_the_address_and_the_database_and_lose_one_filter_at_a_time() -> None:
    given = PolicyFilter.read_query(
        "tab=all&match=any&f=number:equals:A&f3=company:equals:B&f3=branch:empty&f7=premium:less:1"
    )
    assert [len(group) for group in given.groups] == [2, 1]
    assert PolicyFilter.read_query(given.to_query()) == given
    assert PolicyFilter.from_dict(given.to_dict()) == given
    first, second = given.describe_groups()
    assert first[0].without.groups == (given.groups[0][1:], given.groups[1])
    assert second[0].without.groups == given.groups[:1]
    grown = given.narrowed(given.conditions[0], 2)
    assert [len(group) for group in grown.groups] == [2, 2]
    with pytest.raises(InvalidInput, match="no such group"):
        given.narrowed(given.conditions[0], 3)


def test_days_are_said_in_words() -> None:
    chip = InstalmentFilter.read_query("f=due_date:next_days:30").describe()[0]
    assert (chip.label, chip.operation, chip.value) == ("Due date", "is in the next 30 days", "")


def test_an_amount_means_the_same_in_every_language() -> None:
    with force_locale("it"):
        kept = PolicyFilter.read_query("f=premium:greater:1.500").to_dict()
    with force_locale("en"):
        read = PolicyFilter.from_dict(kept)
        assert read.describe()[0].value == "1,500.00"
    assert read.conditions[0].value == "1500.00"


def test_a_saved_search_and_a_selection_know_their_list() -> None:
    owner = factories.user()
    kept = saved.save(owner, "Ours", PolicyFilter("all"), shared=True)
    saved.save(owner, "Ours", InstalmentFilter("all"), shared=True)
    assert saved.visible(PolicyFilter.listing, owner) == [kept]
    assert saved.load(kept) == PolicyFilter("all")
    chosen = selection.read(InstalmentFilter, [], "1", "tab=paid")
    assert selection.Selection.from_dict(chosen.to_dict()) == chosen
    with pytest.raises(InvalidInput, match="at least one instalment"):
        selection.read(InstalmentFilter, [], "", "")


@pytest.mark.usefixtures("office")
def test_exports_name_the_client_and_keep_to_the_search() -> None:
    policies = list(POLICY_EXPORT.rows(PolicyFilter.read_query("q=rossi&f=client.city:empty")))
    assert policies == []
    rows = list(
        INSTALMENT_EXPORT.rows(InstalmentFilter.read_query("q=rossi&f=policy.company:not_empty"))
    )
    assert [row[0] for row in rows] == ["late", "soon", "far"]
    assert {"Rossi", "A1", "r@example.com"} <= set(rows[0])


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("sort", ["number", "company", "end", "premium"])
@pytest.mark.parametrize("desc", [False, True])
def test_every_row_is_on_one_page_in_either_direction(sort: str, desc: bool) -> None:
    found_all = PolicyFilter("all")
    seen, place = [], ""
    while True:
        page = pages.page(found_all, sort, desc, place, 1)[1]
        seen += [row.number for row in page.rows]
        if not page.next:
            break
        place = page.next
    assert sorted(seen) == ["A1", "B2", "C3"]
    before = pages.page(found_all, sort, desc, page.previous or "", 1)[1]
    assert [row.number for row in before.rows] == seen[1:2]


@pytest.mark.one_database
@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("search", "query", "sort", "index"),
    [
        (InstalmentFilter, "tab=due", "due", "ix_instalments_state_due_date_id"),
        (InstalmentFilter, "tab=all", "due", "ix_instalments_due_date_id"),
        (InstalmentFilter, "tab=all", "amount", "ix_instalments_amount_id"),
        (InstalmentFilter, "tab=due", "number", "ix_instalments_number_id"),
        (PolicyFilter, "tab=active", "number", "ix_policies_number_id"),
        (PolicyFilter, "tab=all", "company", "ix_policies_company_id"),
    ],
)
def test_long_lists_walk_the_index_of_their_order(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    search: type[Search],
    query: str,
    sort: str,
    index: str,
) -> None:
    monkeypatch.setattr(pages, "FREQUENT", 0)
    with plans(app) as steps:
        pages.page(search.read_query(query), sort, False, "", 2)
    assert any(index in step for step in steps)
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps)


@pytest.mark.one_database
@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    "query",
    ["q=rossi", "q=tirrena+ross", "f=client.last_name:contains:ross", "f=number:equals:soon"],
)
def test_words_and_clients_are_found_through_indexes(app: Flask, query: str) -> None:
    with plans(app) as steps:
        pages.page(InstalmentFilter.read_query(f"tab=all&{query}"), "due", False, "", 50)
    for table in (Instalment.__tablename__, Policy.__tablename__, "clients"):
        assert not whole(steps, table)
