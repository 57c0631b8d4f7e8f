"""MAILING and the clients of a campaign too large for a request."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin_views.campaigns import members as pages
from ctm import counters, tasks
from ctm.campaigns import joining, members
from ctm.extensions import db
from ctm.mailing.control import queueing
from ctm.mailing.tracking import statistics
from ctm.models import Campaign, Client, Task
from tests import factories

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def campaign(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    monkeypatch.setattr(queueing, "AT_ONCE", 2)
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(statistics, "FRESH_FOR", -1.0)
    for _ in range(5):
        factories.customer()
    made: Campaign = factories.campaign(account=factories.account(practice=True))
    members.add_clients(made, db.select(Client.id))
    return made


def test_the_recipients_are_counted_then_queued_in_the_background(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser, base = login_as("administrator"), f"/campaigns/{campaign.id}"
    shown = browser.get(f"{base}/mailing").text
    assert "being counted" in shown
    assert f'action="{base}/mailing/start"' not in shown
    assert browser.get(f"{base}/live.json").json["phase"] == "draft counting"
    assert tasks.run_waiting() == 1
    assert browser.get(f"{base}/live.json").json["phase"] == "draft"
    shown = browser.get(f"{base}/mailing").text
    assert "being counted" not in shown
    assert f'action="{base}/mailing/start"' in shown
    browser.post(f"{base}/mailing/start")
    assert "being prepared" in browser.get(f"{base}/mailing").text
    assert browser.get(f"{base}/live.json").json["phase"] == "running queueing"
    tasks.run_waiting()
    assert "being prepared" not in browser.get(f"{base}/mailing").text
    assert browser.get(f"{base}/live.json").json["queued"] == 5


def test_looking_again_and_again_counts_once(campaign: Campaign, login_as: LogIn) -> None:
    for _ in range(3):
        login_as("supervisor").get(f"/campaigns/{campaign.id}/mailing")
    assert len(db.session.scalars(db.select(Task)).all()) == 1


def test_the_clients_are_paged_by_keys(campaign: Campaign, login_as: LogIn) -> None:
    browser, seen = login_as("supervisor"), []
    url = f"/campaigns/{campaign.id}/clients"
    for _ in range(3):
        shown = browser.get(url).text
        seen += [name for name in names(campaign) if f">{name}</a>" in shown]
        link = shown.partition('" rel="next"')[0].rpartition('href="')[2]
        url = link.replace("&amp;", "&")
    assert seen == names(campaign)


def names(campaign: Campaign) -> list[str]:
    return list(db.session.scalars(db.select(Client.display_name).order_by(Client.id)))


@pytest.mark.parametrize("place", ["x", "WyJhIl0=", "WyJhIixbInRleHQiXV0="])
def test_a_place_that_cannot_be_read_is_refused(
    campaign: Campaign, login_as: LogIn, place: str
) -> None:
    answer = login_as("supervisor").get(f"/campaigns/{campaign.id}/clients?at={place}")
    assert answer.status_code == 400
    assert "no such page" in answer.text


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "AT_ONCE", 2)
    monkeypatch.setattr(joining, "STEP", 2)


@pytest.mark.parametrize("way", ["add/all", "add-clients"])
def test_many_clients_are_added_by_a_task(
    small_steps: None, app: Flask, login_as: LogIn, way: str
) -> None:
    for _ in range(5):
        factories.customer()
    factories.customer(active=False)
    made = factories.campaign()
    browser = login_as("manager")
    given = {"campaign_id": made.id, "all_matching": "1", "query": "tab=active"}
    url = f"/campaigns/{made.id}/add/all" if way == "add/all" else "/campaigns/add-clients"
    answer = browser.post(url, data=given)
    assert answer.status_code == 302
    assert "/tasks/" in answer.location
    assert counters.read(made.id) == {}
    assert tasks.run_waiting() == 1
    assert counters.read(made.id) == {"members": 5, "status:0": 5}
    assert "5 clients added." in browser.get(answer.location).text
    browser.post(url, data=given)
    tasks.run_waiting()
    assert counters.read(made.id) == {"members": 5, "status:0": 5}


def test_adding_many_can_be_stopped_and_keeps_what_is_done(
    small_steps: None, app: Flask, login_as: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        factories.customer()
    made = factories.campaign()
    login_as("manager").post(f"/campaigns/{made.id}/add/all")
    task = db.session.scalars(db.select(Task)).one()
    add = members.add_clients

    def add_and_stop(*arguments: Any) -> members.Added:
        tasks.cancel(task)
        return add(*arguments)

    monkeypatch.setattr(members, "add_clients", add_and_stop)
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == "cancelled"
    assert counters.read(made.id)["members"] == 2


@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_only_who_edits_campaigns_adds_clients(
    small_steps: None, app: Flask, login_as: LogIn, role: str
) -> None:
    made = factories.campaign()
    assert login_as(role).post(f"/campaigns/{made.id}/add/all").status_code == 403
    assert db.session.scalars(db.select(Task)).all() == []
