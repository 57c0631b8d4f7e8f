"""Today: the home page says what needs attention and nothing a user may not see."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from ctm import counters, jobruns, settings
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.undecided import LEFT
from ctm.models import (
    CampaignState,
    Mailing,
    Message,
    MessageState,
    Task,
    TaskState,
    User,
    Worker,
)
from tests import factories

Login = Callable[[str], FlaskClient]
ROLES = ("administrator", "manager", "operator", "supervisor")


def undecided() -> Message:
    account = factories.account()
    mailing = Mailing(account_id=account.id, from_email="a@b.example", subject="x")
    db.session.add(mailing)
    db.session.flush()
    message = Message(
        mailing_id=mailing.id,
        account_id=account.id,
        recipient_key="x@y.example",
        to_address="x@y.example",
        message_id="<1@b.example>",
        state=MessageState.UNCERTAIN,
    )
    db.session.add(message)
    db.session.commit()
    return message


def test_anonymous_visitors_go_to_the_login_page(client: FlaskClient) -> None:
    factories.user()
    for path in ("/", "/today.json"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert "/login" in answer.location


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_day_on_an_empty_database(login_as: Login, role: str) -> None:
    page = login_as(role).get("/")
    assert page.status_code == 200
    assert "No campaign has finished yet" in page.text


def test_a_new_office_is_told_its_first_steps(login_as: Login) -> None:
    text = login_as("administrator").get("/").text
    assert "First steps" in text
    assert 'href="/accounts/"' in text
    assert "First steps" not in login_as("supervisor").get("/").text


def test_a_stopped_account_is_shown_with_the_servers_words_to_those_who_may_use_it(
    login_as: Login, people: dict[str, User]
) -> None:
    factories.account(
        name="Aruba",
        stopped_at=utcnow(),
        stopped_reason="535 5.7.8 <b>Authentication</b> failed",
        users=[people["operator"]],
    )
    for role in ("administrator", "operator"):
        text = login_as(role).get("/").text
        assert "Aruba" in text
        assert "535 5.7.8 &lt;b&gt;Authentication&lt;/b&gt; failed" in text
    for role in ("manager", "supervisor"):
        assert "535 5.7.8" not in login_as(role).get("/").text


def test_a_mail_that_was_left_as_it_is_waits_for_nobody(login_as: Login) -> None:
    message = undecided()
    message.reason = LEFT
    db.session.commit()
    assert "undecided" not in login_as("manager").get("/").text.lower().split("<main")[1]


def test_undecided_mails_are_shown_to_those_who_decide(login_as: Login) -> None:
    undecided()
    assert "1 mail is undecided" in login_as("manager").get("/").text
    assert "undecided" not in login_as("operator").get("/").text.lower().split("<main")[1]


def test_overdue_running_scheduled_and_finished_campaigns_have_their_places(
    login_as: Login,
) -> None:
    now = utcnow()
    factories.campaign(name="Late", state=CampaignState.OVERDUE, scheduled_at=now)
    running = factories.campaign(name="Under way", state=CampaignState.RUNNING, started_at=now)
    factories.campaign(
        name="Planned", state=CampaignState.SCHEDULED, scheduled_at=now + timedelta(days=1)
    )
    done = factories.campaign(name="Done", state=CampaignState.FINISHED, finished_at=now)
    counters.add(running.id, {"total": 200, "queued": 150, "sent": 50})
    counters.add(done.id, {"total": 80, "sent": 80, "read": 40, "clicked": 8})
    db.session.add(Worker(name="w", host="h", pid=1, seen_at=now))
    db.session.commit()
    text = login_as("supervisor").get("/").text
    assert "it was to start" in text
    assert "50 of 200 sent" in text
    assert 'max="200" value="50"' in text
    assert "50%" in text.replace("\xa0", "").replace(" %", "%")
    assert "Planned" in text
    assert "no worker is sending" not in text


def test_a_running_campaign_without_a_worker_is_a_warning(login_as: Login) -> None:
    factories.campaign(state=CampaignState.RUNNING)
    db.session.add(Worker(name="w", host="h", pid=1, seen_at=utcnow() - timedelta(hours=1)))
    db.session.commit()
    assert "no worker is sending" in login_as("operator").get("/").text


def test_failed_work_is_shown_to_its_owner_and_to_administrators(
    login_as: Login, people: dict[str, User]
) -> None:
    db.session.add(
        Task(
            kind="x",
            title="Import of clients.csv",
            owner_id=people["manager"].id,
            state=TaskState.FAILED,
            error="The file is empty.",
            finished_at=utcnow(),
        )
    )
    db.session.commit()
    for role in ("manager", "administrator"):
        assert "The file is empty." in login_as(role).get("/").text
    assert "The file is empty." not in login_as("operator").get("/").text


def test_a_failing_job_is_shown_to_those_who_see_the_system(login_as: Login) -> None:
    jobruns.failed("clean_up", utcnow(), "OSError: disk full")
    assert "the last run failed" in login_as("administrator").get("/").text
    assert "the last run failed" not in login_as("operator").get("/").text


class TestWithoutPublicAddress:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"CTM_PUBLIC_URL": ""}

    def test_managers_are_warned(self, login_as: Login) -> None:
        assert "CTM_PUBLIC_URL" in login_as("manager").get("/").text
        assert "CTM_PUBLIC_URL" not in login_as("supervisor").get("/").text

    def test_the_demo_office_needs_none(self, login_as: Login) -> None:
        settings.put("demo", True)
        db.session.commit()
        assert "CTM_PUBLIC_URL" not in login_as("manager").get("/").text


def test_the_page_refreshes_itself_with_an_etag(login_as: Login) -> None:
    browser = login_as("manager")
    first = browser.get("/today.json")
    assert set(first.json) == {"attention", "campaigns"}
    again = browser.get("/today.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    factories.campaign(name="Late", state=CampaignState.OVERDUE, scheduled_at=utcnow())
    changed = browser.get("/today.json", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert "Late" in changed.json["attention"]


def test_many_campaigns_cost_no_more_queries_than_few(app: Flask, login_as: Login) -> None:
    browser = login_as("manager")
    seen: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    factories.campaign(state=CampaignState.FINISHED)
    browser.get("/")
    seen.clear()
    browser.get("/")
    few = len(seen)
    for _each in range(20):
        factories.campaign(state=CampaignState.FINISHED)
    browser.get("/")
    seen.clear()
    browser.get("/")
    assert len(seen) == few
    assert few < 25
