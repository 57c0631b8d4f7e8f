"""ONLINE STATISTICS: the figures, the tables, their exports, and machines kept apart."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from admin_views.campaigns.statistics import PAGE, TABLES
from ctm import counters
from ctm.campaigns import members
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.tracking import hits, removal, statistics
from ctm.models import Campaign, Client, HitKind, Message, User
from tests import factories

LogIn = Callable[[str], FlaskClient]
PERSON = hits.Request("GET", "93.40.1.2", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0")
MACHINE = hits.Request("HEAD", "93.40.1.2", "Mozilla/5.0 (X)")
FORMULA = "=cmd|' /C calc'!A0"
URL = "https://office.example/renew"


@pytest.fixture(autouse=True)
def fresh_figures() -> Iterator[None]:
    """Figures are kept for a second: not from one test to the next."""
    statistics._cache.clear()
    yield
    statistics._cache.clear()


@pytest.fixture
def campaign(app: Any) -> Campaign:
    """Ten mails: 8 sent, 2 failed; 3 read, 2 clicked (3 clicks), 1 removed; 2 machine requests."""
    made = factories.campaign()
    clients = [factories.customer() for _ in range(10)]
    clients[0].display_name = FORMULA
    members.add_clients(made, db.select(Client.id).order_by(Client.id))
    control.start(made)
    ids = mail_ids(made)
    hour_ago = utcnow() - timedelta(hours=1)
    db.session.execute(db.update(Message).values(state="sent", sent_at=hour_ago))
    db.session.execute(
        db.update(Message)
        .where(Message.id.in_(ids[8:]))
        .values(state="failed", sent_at=None, server_words="550 <no> such user")
    )
    counters.add(made.id, {"queued": -10, "sent": 8, "failed": 2})
    db.session.commit()
    for mail in ids[:3]:
        hits.record(mail, HitKind.OPEN, PERSON)
    hits.record(ids[0], HitKind.OPEN, PERSON)
    for mail in (ids[0], ids[0], ids[1]):
        hits.record(mail, HitKind.CLICK, PERSON, hits.link_of(mail, 1))
    hits.record(ids[5], HitKind.OPEN, MACHINE)
    hits.record(ids[5], HitKind.CLICK, MACHINE, hits.link_of(ids[5], 1))
    removal.remove(ids[2], PERSON)
    db.session.expire_all()
    return made


def mail_ids(campaign: Campaign) -> list[int]:
    query = db.select(Message.id).where(Message.campaign_id == campaign.id).order_by(Message.id)
    return list(db.session.scalars(query))


def page_of(browser: FlaskClient, campaign: Campaign, query: str = "") -> str:
    answer = browser.get(f"/campaigns/{campaign.id}/statistics{query}")
    assert answer.status_code == 200
    return answer.text


def rows(page: str) -> list[list[str]]:
    """The cells of the table that is shown, as text."""
    body = page[page.index('id="tables"') :]
    found = re.findall(r"<tr>(.*?)</tr>", body[body.index("<tbody>") :], re.S)
    return [
        [
            unescape(re.sub(r"<[^>]+>", " ", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", row)
        ]
        for row in found
    ]


def exported(browser: FlaskClient, campaign: Campaign, table: str) -> list[dict[str, str]]:
    answer = browser.get(f"/campaigns/{campaign.id}/statistics/{table}.csv", buffered=True)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


# -- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
def test_everybody_in_the_office_sees_every_table(
    campaign: Campaign, login_as: LogIn, table: str, role: str
) -> None:
    assert rows(page_of(login_as(role), campaign, f"?table={table}"))


@pytest.mark.parametrize(
    "path", ["statistics", "statistics.json", "statistics/links.csv", "statistics/readers.xlsx"]
)
def test_an_anonymous_visitor_is_sent_to_the_login(
    campaign: Campaign, client: FlaskClient, people: dict[str, User], path: str
) -> None:
    assert client.get(f"/campaigns/{campaign.id}/{path}").location.startswith("/login")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_operator_exports_nothing(
    campaign: Campaign, login_as: LogIn, table: str, kind: str
) -> None:
    browser = login_as("operator")
    assert browser.get(f"/campaigns/{campaign.id}/statistics/{table}.{kind}").status_code == 403
    assert "statistics/links.csv" not in page_of(browser, campaign)


@pytest.mark.parametrize("role", ["manager", "supervisor"])
def test_who_may_export_is_offered_both_kinds(
    campaign: Campaign, login_as: LogIn, role: str
) -> None:
    page = page_of(login_as(role), campaign, "?table=readers")
    assert "statistics/readers.csv" in page
    assert "statistics/readers.xlsx" in page


@pytest.mark.parametrize(
    "path",
    [
        "statistics?table=secrets",
        "statistics.json?table=secrets",
        "statistics/secrets.csv",
        "statistics/links.pdf",
        "statistics/links.",
        "statistics/links",
        "statistics/../users.csv",
    ],
)
def test_a_table_or_kind_that_does_not_exist_is_not_found(
    campaign: Campaign, login_as: LogIn, path: str
) -> None:
    assert login_as("manager").get(f"/campaigns/{campaign.id}/{path}").status_code == 404


@pytest.mark.parametrize("identity", ["999", "9" * 30])
@pytest.mark.parametrize("path", ["statistics", "statistics.json", "statistics/links.csv"])
def test_a_campaign_that_does_not_exist_is_not_found(
    campaign: Campaign, login_as: LogIn, identity: str, path: str
) -> None:
    assert login_as("manager").get(f"/campaigns/{identity}/{path}").status_code == 404


# -- the figures ---------------------------------------------------------------------------------


def test_the_figures_are_what_happened(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("supervisor")
    live = browser.get(f"/campaigns/{campaign.id}/statistics.json").json
    expected = {
        "members": 10,
        "total": 10,
        "queued": 0,
        "sent": 8,
        "read": 3,
        "clicked": 2,
        "removed": 1,
        "failed": 2,
        "machine_read": 1,
        "machine_clicked": 1,
    }
    assert {name: live[name] for name in expected} == expected
    assert sum(count for _name, count in live["bar"]) == live["total"]
    page = page_of(browser, campaign)
    for name, count in expected.items():
        if name != "members":
            shown = re.search(rf'data-live="{name}"[^>]*>(.*?)</(?:dd|b)>', page)
            assert shown, name
            assert re.sub(r"<[^>]+>", "", shown[1]).strip() == str(count)


def test_figures_tables_and_charts_say_the_same(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    live = browser.get(f"/campaigns/{campaign.id}/statistics.json").json
    readers = exported(browser, campaign, "readers")
    clickers = exported(browser, campaign, "clickers")
    links = exported(browser, campaign, "links")
    assert len(readers) == live["read"]
    assert len({row["Address"] for row in clickers}) == live["clicked"]
    assert len(exported(browser, campaign, "removed")) == live["removed"]
    assert len(exported(browser, campaign, "failed")) == live["failed"]
    assert int(links[0]["People"]) == live["read"]
    assert sum(int(row["Openings"]) for row in readers) == int(links[0]["How many"]) == 4
    assert sum(int(row["How many"]) for row in links[1:]) == len(clickers) == 3
    assert int(links[0]["Machines"]) == live["machine_read"]
    assert sum(int(row["Machines"]) for row in links[1:]) == live["machine_clicked"]
    opens, clicks = (series["values"] for series in live["charts"]["time"]["series"])
    assert (sum(opens), sum(clicks)) == (4, 3)
    outcomes = {item["key"]: item["value"] for item in live["charts"]["outcomes"]["items"]}
    assert outcomes == {name: live[name] for name in outcomes}


def test_the_charts_of_the_page_are_readable_data(campaign: Campaign, login_as: LogIn) -> None:
    page = page_of(login_as("manager"), campaign)
    charts = [json.loads(unescape(text)) for text in re.findall(r'data-chart-json="(.*?)"', page)]
    assert len(charts) == 3
    assert charts[2]["items"][0]["label"] == "READ"


def test_the_answer_is_not_sent_again_while_nothing_changes(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser = login_as("supervisor")
    path = f"/campaigns/{campaign.id}/statistics.json?table=readers"
    first = browser.get(path)
    same = browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    hits.record(mail_ids(campaign)[6], HitKind.OPEN, PERSON)
    statistics._cache.clear()
    changed = browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.json["read"] == 4


# -- the tables ----------------------------------------------------------------------------------


def test_read_is_the_first_row_even_when_a_link_has_more(
    campaign: Campaign, login_as: LogIn
) -> None:
    mail = mail_ids(campaign)[0]
    for _ in range(5):
        hits.record(mail, HitKind.CLICK, PERSON, hits.link_of(mail, 1))
    found = rows(page_of(login_as("supervisor"), campaign))
    assert [row[0] for row in found] == ["READ", URL]
    assert [row[1:4] for row in found] == [["4", "3", "1"], ["8", "2", "1"]]


def test_read_is_there_before_anybody_has_read(app: Any, login_as: LogIn) -> None:
    found = rows(page_of(login_as("supervisor"), factories.campaign()))
    assert [row[:4] for row in found] == [["READ", "0", "0", "0"]]


def test_the_tables_name_the_people(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("supervisor")
    addresses = [db.session.get_one(Message, mail).to_address for mail in mail_ids(campaign)]

    def named(table: str) -> set[str]:
        found = rows(page_of(browser, campaign, f"?table={table}"))
        return {row[0].split()[-1] for row in found}

    assert named("readers") == set(addresses[:3])
    assert named("clickers") == set(addresses[:2])
    assert named("removed") == {addresses[2]}
    assert named("failed") == set(addresses[8:])


def test_a_machine_is_in_no_table_of_people(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    machine = db.session.get_one(Message, mail_ids(campaign)[5]).to_address
    for table in ("readers", "clickers", "removed"):
        assert machine not in page_of(browser, campaign, f"?table={table}")
        assert machine not in {row["Address"] for row in exported(browser, campaign, table)}


def test_the_servers_words_are_shown_as_they_are(campaign: Campaign, login_as: LogIn) -> None:
    page = page_of(login_as("supervisor"), campaign, "?table=failed")
    assert "550 &lt;no&gt; such user" in page
    assert "<no>" not in page


def test_a_table_is_shown_page_by_page(campaign: Campaign, login_as: LogIn) -> None:
    mail = mail_ids(campaign)[1]
    for _ in range(PAGE):
        hits.record(mail, HitKind.CLICK, PERSON, hits.link_of(mail, 1))
    browser = login_as("supervisor")
    first = page_of(browser, campaign, "?table=clickers")
    assert len(rows(first)) == PAGE
    assert "page=1" in first
    second = page_of(browser, campaign, "?table=clickers&page=1")
    assert len(rows(second)) == 3
    assert "page=2" not in second


@pytest.mark.parametrize("number", ["-1", "x", "", "1e3", "200", "9" * 30])
@pytest.mark.parametrize("table", ["links", "readers", "clickers"])
def test_a_page_that_is_not_there_is_empty_or_the_first(
    campaign: Campaign, login_as: LogIn, table: str, number: str
) -> None:
    browser = login_as("supervisor")
    for name in ("statistics", "statistics.json"):
        answer = browser.get(f"/campaigns/{campaign.id}/{name}?table={table}&page={number}")
        assert answer.status_code == 200


# -- exports -------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["readers", "clickers"])
def test_a_formula_in_a_name_is_text_in_a_spreadsheet(
    campaign: Campaign, login_as: LogIn, table: str
) -> None:
    browser = login_as("manager")
    names = {row["Client"] for row in exported(browser, campaign, table)}
    assert f"'{FORMULA}" in names
    assert FORMULA not in names
    answer = browser.get(f"/campaigns/{campaign.id}/statistics/{table}.xlsx", buffered=True)
    sheet = load_workbook(io.BytesIO(answer.data)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert f"'{FORMULA}" in {cell.value for cell in cells}
    assert "f" not in {cell.data_type for cell in cells}


@pytest.mark.parametrize("table", TABLES)
def test_both_kinds_hold_the_same_rows(campaign: Campaign, login_as: LogIn, table: str) -> None:
    browser = login_as("supervisor")
    answer = browser.get(f"/campaigns/{campaign.id}/statistics/{table}.xlsx", buffered=True)
    assert answer.status_code == 200
    disposition = answer.headers["Content-Disposition"]
    assert f"campaign-{campaign.id}-{table}.xlsx" in disposition
    sheet = load_workbook(io.BytesIO(answer.data)).active
    assert sheet.max_row - 1 == len(exported(browser, campaign, table)) > 0


def test_a_campaign_nobody_read_exports_its_headers(app: Any, login_as: LogIn) -> None:
    campaign = factories.campaign()
    browser = login_as("manager")
    assert exported(browser, campaign, "readers") == []
    answer = browser.get(f"/campaigns/{campaign.id}/statistics/readers.xlsx", buffered=True)
    assert load_workbook(io.BytesIO(answer.data)).active.max_row == 1
