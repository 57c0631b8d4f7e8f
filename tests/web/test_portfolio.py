"""The pages of policies and instalments: who sees them, what they show, what they refuse."""

import io
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from ctm import lists, tasks
from ctm.clients import operations as clients
from ctm.extensions import db
from ctm.lists.values import today
from ctm.models import Client, Instalment, Policy, SavedFilter, Task, TaskState
from ctm.portfolio import operations

LogIn = Callable[[str], FlaskClient]

PAGES = [
    *("/policies/", "/policies/1", "/policies/new", "/policies/1/edit", "/policies/lookup?q=x"),
    *("/policies/import", "/policies/narrow?field=number"),
    *("/instalments/", "/instalments/1", "/instalments/new", "/instalments/1/edit"),
    *("/instalments/import", "/instalments/narrow?field=number"),
]
POSTS = [
    *("/policies/new", "/policies/1/edit", "/policies/do/delete", "/policies/export"),
    *("/policies/searches", "/policies/searches/1/delete", "/policies/import/run/1"),
    *("/instalments/new", "/instalments/1/edit", "/instalments/do/delete"),
    *("/instalments/do/paid", "/instalments/export", "/instalments/import/run/1"),
]


@pytest.fixture
def policy(app: object) -> Policy:
    client = clients.create({"last_name": "Rossi", "first_name": "Anna", "email1": "r@x.example"})
    policy = operations.create_policy(
        client, {"number": "2026/1", "company": "Tirrena", "premium": "1.500,00"}
    )
    operations.create_instalment(policy, {"number": "q1", "due_date": "1/2/2020", "amount": "750"})
    return policy


@pytest.mark.parametrize("url", PAGES)
def test_nobody_gets_in_without_logging_in(client: FlaskClient, url: str) -> None:
    assert "/login" in client.get(url).location


def test_every_change_needs_a_login_and_a_post(client: FlaskClient, login_as: LogIn) -> None:
    manager = login_as("manager")
    for url in POSTS:
        assert "/login" in client.post(url).location, url
    for url in POSTS:
        if not url.endswith(("/new", "/edit")):
            assert manager.get(url).status_code == 405, url


@pytest.mark.parametrize(
    ("role", "url", "data"),
    [
        ("supervisor", "/policies/new", {}),
        ("supervisor", "/instalments/1/edit", {}),
        ("supervisor", "/instalments/do/paid", {"ids": "1"}),
        ("operator", "/policies/do/delete", {"ids": "1"}),
        ("operator", "/instalments/do/delete", {"ids": "1"}),
        ("operator", "/policies/export", {}),
        ("operator", "/policies/import", {}),
        ("supervisor", "/instalments/import", {}),
    ],
)
def test_roles_do_what_they_may(
    login_as: LogIn, policy: Policy, role: str, url: str, data: dict[str, str]
) -> None:
    assert login_as(role).post(url, data=data).status_code == 403
    assert db.session.scalar(select(Instalment.state)) == "open"


def test_lists_and_cards_show_what_is_kept(login_as: LogIn, policy: Policy) -> None:
    browser = login_as("supervisor")
    page = browser.get("/policies/").text
    for words in ("2026/1", "Rossi Anna", "Tirrena", "€1,500.00", "In force"):
        assert words in page
    assert "New policy" not in page
    due = browser.get("/instalments/?tab=overdue").text
    assert "overdue" in due
    assert "€750.00" in due
    card = browser.get(f"/policies/{policy.id}").text
    assert "q1" in card
    assert "€750.00" in card
    assert "Rossi Anna" in browser.get("/instalments/1").text
    for section in ("policies", "instalments"):
        assert "2026/1" in browser.get(f"/clients/{policy.client_id}?section={section}").text
    far = 10**20
    for url in ("/policies/99", "/instalments/99", "/policies/99/edit", f"/policies/{far}"):
        assert login_as("operator").get(url).status_code == 404


def test_the_lists_need_the_same_queries_for_one_and_for_many(
    login_as: LogIn, policy: Policy
) -> None:
    browser = login_as("manager")

    def queries(url: str) -> int:
        asked: list[str] = []

        def listen(_c: object, _cursor: object, sql: str, *_rest: object) -> None:
            asked.append(sql)

        db.session.expire_all()
        event.listen(db.engine, "before_cursor_execute", listen)
        assert browser.get(url).status_code == 200
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(asked)

    urls = ("/policies/", "/instalments/")
    browser.get(urls[0])
    few = [queries(url) for url in urls]
    for n in range(9):
        other = clients.create({"last_name": f"Name{n}"})
        more = operations.create_policy(other, {"number": f"P{n}"})
        operations.create_instalment(more, {"due_date": "1/2/2026", "amount": "1"})
    assert [queries(url) for url in urls] == few


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/instalments/?f=due_date:soon:1", "cannot be searched"),
        ("/instalments/?f=amount:greater:x", "not an amount"),
        ("/instalments/?sort=client", "cannot be sorted"),
        ("/instalments/?size=3000", "or all"),
        ("/policies/?at=bnVsbA==", "no such page"),
        ("/policies/?saved=999999", "no such saved search"),
        ("/policies/narrow?field=password", "Choose a field"),
        ("/policies/narrow?field=number&group=x", "no such group"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(login_as: LogIn, url: str, words: str) -> None:
    answer = login_as("manager").get(url)
    assert answer.status_code in {400, 404}
    assert words in answer.text


def test_filters_join_groups_and_are_taken_away_again(login_as: LogIn, policy: Policy) -> None:
    browser = login_as("manager")
    url = "/instalments/narrow?query=tab%3Dall&field=amount&operation-amount=greater"
    first = browser.get(url + "&value-amount=700").location
    assert first.endswith("f=amount%3Agreater%3A700.00")
    query = first.partition("?")[2].replace("&", "%26")
    more = "&field=due_date&operation-date=last_days&days-date=30&group=0"
    second = browser.get(f"/instalments/narrow?query={query}{more}").location
    assert "f1=due_date%3Alast_days%3A30" in second
    page = browser.get(second).text
    assert "Group 1" in page
    assert "all of these" in page
    wrong = browser.get(url + "&value-amount=lots", follow_redirects=True)
    assert "not an amount" in wrong.text


def test_a_policy_is_entered_and_changed_in_the_form(login_as: LogIn, policy: Policy) -> None:
    browser = login_as("operator")
    data = {"client_id": str(policy.client_id), "number": "N1", "premium": "10,50"}
    answer = browser.post("/policies/new", data=data | {"state": "active"})
    made = db.session.scalars(select(Policy).where(Policy.number == "N1")).one()
    assert answer.location.endswith(f"/policies/{made.id}")
    assert "10.50" in browser.get(f"/policies/{made.id}/edit").text
    wrong = {"client_id": "x", "number": "2026/1", "company": "Tirrena", "state": "sold"}
    for url in ("/policies/new", f"/policies/{made.id}/edit"):
        assert browser.post(url, data=wrong).status_code == 422
    taken = browser.post(f"/policies/{made.id}/edit", data=wrong | data | {"number": "2026/1",
                         "state": "active"})  # fmt: skip
    assert taken.status_code == 422
    assert "in the list already" in taken.text
    db.session.expire_all()
    assert made.number == "N1"


def test_an_instalment_is_entered_and_marked_paid_from_its_card(
    login_as: LogIn, policy: Policy
) -> None:
    browser = login_as("operator")
    data = {"policy_id": str(policy.id), "due_date": "2026-12-31", "amount": "10,50"}
    answer = browser.post("/instalments/new", data=data | {"state": "open"})
    made = db.session.scalars(select(Instalment).order_by(Instalment.id.desc())).first()
    assert made is not None
    assert answer.location.endswith(f"/instalments/{made.id}")
    back = f"/instalments/{made.id}"
    paid = {"ids": str(made.id), "query": "", "confirmed": "1", "back": back}
    assert browser.post("/instalments/do/paid", data=paid).location == back
    db.session.expire_all()
    assert (made.state, made.paid_date) == ("paid", today())
    lost = browser.post("/instalments/new", data={"policy_id": "77", "due_date": "", "amount": "x"})
    assert lost.status_code == 422
    assert "policy first" in lost.text


def test_deleting_asks_in_numbers_first(login_as: LogIn, policy: Policy) -> None:
    browser = login_as("manager")
    data = {"all_matching": "1", "query": "tab=all"}
    asked = browser.post("/policies/do/delete", data=data).text
    assert "1 policy will be deleted" in asked
    assert "1 instalment is deleted with it" in asked
    assert "Meanwhile" in browser.post("/policies/do/delete", data=data | {"confirmed": "7"}).text
    browser.post("/policies/do/delete", data=data | {"confirmed": "1"})
    assert db.session.scalar(select(func.count()).select_from(Policy)) == 0
    assert browser.post("/policies/do/paid", data=data).status_code == 404


def test_many_are_changed_and_exported_by_tasks(
    login_as: LogIn, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.create_instalment(policy, {"due_date": "1/2/2026", "amount": "1"})
    monkeypatch.setattr(lists.selection, "AT_ONCE", 1)
    monkeypatch.setattr("admin_views.lists.pages.AT_ONCE", 1)
    browser = login_as("manager")
    data = {"all_matching": "1", "query": "tab=due", "confirmed": "2"}
    assert "/tasks/" in browser.post("/instalments/do/paid", data=data).location
    export = {"query": "tab=all", "format": "xlsx"}
    assert "/tasks/" in browser.post("/instalments/export", data=export).location
    tasks.run_waiting()
    db.session.expire_all()
    assert {task.state for task in db.session.scalars(select(Task))} == {TaskState.DONE}
    assert set(db.session.scalars(select(Instalment.state))) == {"paid"}
    direct = browser.post(
        "/policies/export", data={"query": "tab=all", "format": "csv"}, buffered=True
    )
    assert "2026/1" in direct.text


def test_a_file_goes_through_mapping_and_dry_run_into_the_list(
    login_as: LogIn, policy: Policy
) -> None:
    browser = login_as("manager")
    text = b"Polizza;Scadenza;Importo\n2026/1;31/12/2026;1.234,50\nnone;31/12/2026;1\n"
    answer = browser.post("/instalments/import", data={"file": (io.BytesIO(text), "titoli.csv")})
    page = browser.get(answer.location).text
    chosen = dict(re.findall(r'name="(column-\d)".*?<option value="(\w+)" selected', page, re.S))
    assert chosen == {"column-0": "policy_number", "column-1": "due_date", "column-2": "amount"}
    plan = browser.post(answer.location, data=chosen | {"key": "policy_number"}).location
    tasks.run_waiting()
    report = browser.get(plan).text
    assert "Import 1 row" in report
    assert "no policy has the number" in report
    run = re.search(r"/instalments/import/run/\d+", report)
    assert run
    browser.post(run[0])
    tasks.run_waiting()
    assert db.session.scalar(select(func.count()).select_from(Instalment)) == 2


def test_policies_are_found_by_number_from_everywhere(login_as: LogIn, policy: Policy) -> None:
    browser = login_as("supervisor")
    found = browser.get("/search.json?q=20261").json
    assert [(g["title"], g["found"][0]["url"]) for g in found["groups"]] == [
        ("Policies", f"/policies/{policy.id}")
    ]
    rows = browser.get("/policies/lookup?q=rossi").json
    assert [(row["label"], row["detail"]) for row in rows] == [("2026/1", "Rossi Anna · Tirrena")]


def test_saved_searches_stay_in_their_list(login_as: LogIn, people: object) -> None:
    browser = login_as("operator")
    browser.post("/policies/searches", data={"name": "Ended", "query": "tab=ended"})
    kept = db.session.scalars(select(SavedFilter)).one()
    assert "Ended" in browser.get("/policies/").text
    assert "Ended" not in browser.get("/instalments/").text
    assert browser.get(f"/instalments/?saved={kept.id}").status_code == 404
    assert browser.post(f"/clients/searches/{kept.id}/delete").status_code == 404
    assert login_as("manager").post(f"/policies/searches/{kept.id}/delete").status_code == 404


def test_an_empty_office_is_told_what_to_do_first(login_as: LogIn) -> None:
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0
    assert "No policy yet" in login_as("manager").get("/policies/").text
    assert "bring the policies first" in login_as("manager").get("/instalments/").text
    assert "Nothing matches" in login_as("manager").get("/policies/?q=x").text
