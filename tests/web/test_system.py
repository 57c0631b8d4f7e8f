"""The system page: for administrators and managers, in plain words."""

import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import ctm
from ctm import counters, jobruns, machinery
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import Mailing, Message, MessageState, Worker
from tests import factories

Login = Callable[[str], FlaskClient]


@pytest.mark.parametrize(
    ("role", "status"),
    [("administrator", 200), ("manager", 200), ("operator", 403), ("supervisor", 403)],
)
def test_it_opens_to_those_who_may_see_the_system(login_as: Login, role: str, status: int) -> None:
    assert login_as(role).get("/system").status_code == status


def test_anonymous_visitors_go_to_the_login_page(client: FlaskClient) -> None:
    factories.user()
    assert "/login" in client.get("/system").location


def test_it_cannot_be_posted_to(login_as: Login) -> None:
    assert login_as("administrator").post("/system").status_code == 405


def test_jobs_show_their_last_run_and_their_last_error(login_as: Login) -> None:
    jobruns.succeeded("start_campaigns", utcnow(), utcnow(), 41)
    jobruns.failed("clean_up", utcnow(), "OSError: <disk> full")
    text = login_as("administrator").get("/system").text
    assert "Start the campaigns whose time has come" in text
    assert ">41<" in text
    assert "OSError: &lt;disk&gt; full" in text


def test_accounts_say_why_they_do_not_send(login_as: Login) -> None:
    later = utcnow() + timedelta(hours=1)
    factories.account(name="One", stopped_at=utcnow(), stopped_reason="535 no")
    factories.account(name="Two", retry_at=later, last_error="421 too many")
    factories.account(name="Three", active=False)
    factories.account(name="Four", practice=True)
    states = {one.account.name: one.state for one in machinery.accounts()}
    assert states == {"One": "stopped", "Two": "waiting", "Three": "inactive", "Four": "ready"}
    text = login_as("manager").get("/system").text
    assert "The server said: “535 no”" in text
    assert "421 too many" in text
    assert "delivers to the practice mailbox" in text


def test_queues_are_counted_for_each_account_and_in_all(app: Flask) -> None:
    account, idle = factories.account(), factories.account()
    campaign = factories.campaign(account=account)
    mailing = Mailing(account_id=account.id, from_email="a@b.example", subject="x")
    db.session.add(mailing)
    db.session.flush()
    states = (MessageState.QUEUED, MessageState.DEFERRED, MessageState.SENT)
    for number, state in enumerate(states):
        db.session.add(
            Message(
                mailing_id=mailing.id,
                account_id=account.id,
                recipient_key=f"{number}@x.example",
                to_address=f"{number}@x.example",
                message_id=f"<{number}@x>",
                state=state,
            )
        )
    counters.add(campaign.id, {"queued": 2, "sent": 1})
    db.session.commit()
    waiting = {one.account.id: one.waiting for one in machinery.accounts()}
    assert waiting == {account.id: 2, idle.id: 0}
    assert (machinery.queue()["queued"], machinery.queue()["sent"]) == (2, 1)


def test_a_worker_that_is_silent_is_told_from_one_at_work(login_as: Login) -> None:
    db.session.add(Worker(name="a", host="ufficio", pid=11, seen_at=utcnow()))
    old = utcnow() - timedelta(minutes=10)
    db.session.add(Worker(name="b", host="ufficio", pid=12, seen_at=old))
    db.session.commit()
    assert [(one.worker.pid, one.alive) for one in machinery.workers()] == [(11, True), (12, False)]
    text = login_as("administrator").get("/system").text
    assert "at work" in text
    assert "silent" in text


def test_the_release_stands_in_one_place(login_as: Login) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ctm.__version__"}
    assert machinery.machine().release == ctm.__version__
    assert ctm.__version__ in login_as("manager").get("/system").text
