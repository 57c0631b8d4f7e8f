"""The daily backup, the button, the pages."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import settings, tasks
from ctm.backup import making, routine
from ctm.clock import utcnow
from ctm.errors import Unavailable
from ctm.extensions import db
from ctm.mailing import returning
from ctm.models import Campaign, Role, Task, TaskState
from tests import factories
from tests.conftest import login_as, people

__all__ = ["login_as", "people"]
Login = Callable[[str], FlaskClient]
AT = datetime(2026, 11, 22, 9, 0)


@pytest.fixture
def app(app: Flask) -> Flask:
    app.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    app.extensions["ctm.set_up"] = True
    return app


@pytest.fixture
def user(app: Flask) -> object:
    return factories.user(created_at=AT - timedelta(days=30))


def remember(**values: object) -> None:
    settings.put(routine.KEPT, values)
    db.session.commit()


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        (datetime(2026, 11, 21, 1, 0), True),
        (datetime(2026, 11, 22, 0, 59), True),
        (datetime(2026, 11, 22, 1, 0), False),
        (datetime(2026, 11, 22, 8, 0), False),
    ],
)
def test_it_is_due_once_the_wall_clock_has_passed_two(
    user: object, last: datetime | None, due: bool
) -> None:
    if last:
        remember(made_at=last.isoformat())
    assert routine.due(AT) is due


def test_it_waits_an_hour_after_a_failure_and_is_never_due_when_switched_off(
    app: Flask, user: object
) -> None:
    remember(problem="full", problem_at=(AT - timedelta(minutes=50)).isoformat())
    assert not routine.due(AT)
    assert routine.due(AT + timedelta(minutes=20))
    app.config["CTM_BACKUP_TIME"] = ""
    assert not routine.due(AT + timedelta(minutes=20))


def test_an_office_that_nobody_has_set_up_yet_is_not_backed_up(app: Flask) -> None:
    assert not routine.due(AT)
    factories.user(created_at=AT - timedelta(minutes=1))
    assert not routine.due(AT)
    routine.run_due()
    assert routine.archives() == []


def test_the_job_makes_one_backup_a_day_and_remembers_what_went_wrong(
    app: Flask, user: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(making, "SPARE", 10**15)
        routine.run_due()
    status = routine.status()
    assert "it may need" in status.problem
    assert routine.archives() == []
    remember()
    routine.run_due()
    routine.run_due()
    assert len(routine.archives()) == 1
    assert routine.status().problem == ""
    monkeypatch.setattr(making, "SPARE", 10**15)
    with pytest.raises(Unavailable):
        routine.back_up()
    assert routine.status().name == routine.archives()[0].name
    assert routine.status().problem


@pytest.mark.parametrize("role", ["manager", "operator", "supervisor"])
def test_only_administrators_reach_backups(login_as: Login, role: str) -> None:
    browser = login_as(role)
    assert browser.get("/system/backups").status_code == 403
    assert browser.post("/system/backups").status_code == 403
    assert browser.post("/system/backups/download").status_code == 403


def test_anonymous_visitors_go_to_the_login_page(app: Flask) -> None:
    factories.user()
    for method in ("get", "post"):
        assert "/login" in getattr(app.test_client(), method)("/system/backups").location
    assert "/login" in app.test_client().post("/system/backups/download").location
    assert app.test_client().get("/system/backups/download").status_code == 405


def test_the_button_backs_up_as_a_task_and_the_download_asks_for_the_password(
    app: Flask, login_as: Login, people: dict[str, object]
) -> None:
    admin = people[Role.ADMINISTRATOR]
    admin.password_hash = PasswordHasher().hash("una lunga parola")  # type: ignore[attr-defined]
    db.session.commit()
    browser = login_as("administrator")
    assert "There is no backup yet." in browser.get("/system").text
    place = browser.post("/system/backups").location
    assert tasks.run_waiting() == 1
    assert "made and verified" in browser.get(place).text
    (archive,) = routine.archives()
    assert archive.name in browser.get("/system/backups").text
    assert "There is no backup yet." not in browser.get("/system").text
    for password in ("", "wrong"):
        form = {"name": archive.name, "old": password}
        refused = browser.post("/system/backups/download", data=form)
        assert refused.status_code == 422
        assert "not your present password" in refused.text
    form = {"name": archive.name, "old": "una lunga parola"}
    answer = browser.post("/system/backups/download", data=form)
    assert answer.data == (making.folder() / archive.name).read_bytes()
    answer.close()
    for name in ("../ctm.sqlite3", "", "ctm-2020-01-01-000000.tar.gz", "/etc/passwd"):
        gone = browser.post("/system/backups/download", data=form | {"name": name})
        assert gone.status_code == 404


def test_a_task_that_cannot_back_up_says_why(
    app: Flask, login_as: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login_as("administrator")
    browser.post("/system/backups")
    monkeypatch.setattr(making, "SPARE", 10**15)
    tasks.run_waiting()
    task = db.session.scalars(select(Task)).one()
    assert task.state == TaskState.FAILED
    assert "No backup was made" in task.error
    assert not list(Path(making.folder()).glob("*"))
    assert "The last backup failed" in browser.get("/system").text


def test_a_held_campaign_shows_why_and_a_manager_confirms(app: Flask, login_as: Login) -> None:
    campaign = factories.campaign(state="paused")
    held = {"made_at": utcnow().isoformat(), "waiting": 7}
    settings.put(f"held:{campaign.id}", held)
    settings.put(returning.NOTICE, held)
    db.session.commit()
    page = f"/campaigns/{campaign.id}/mailing"
    supervisor, manager = login_as("supervisor"), login_as("manager")
    assert "7 mails were still to be sent then" in supervisor.get(page).text
    assert "Confirm that it may go on" not in supervisor.get(page).text
    assert supervisor.post(f"{page}/release").status_code == 403
    admin = login_as("administrator")
    text = admin.post(f"{page}/resume", follow_redirects=True).text
    assert "Look at what has left" in text
    assert db.session.get_one(Campaign, campaign.id).state == "paused"
    assert "Confirmed." in admin.post(f"{page}/release", follow_redirects=True).text
    assert "Confirm that it may go on" not in manager.get(page).text
    for place in ("/", "/system"):
        assert "restored from the backup" in manager.get(place).text
    manager.post("/system/backups/notice")
    assert "restored from the backup" not in manager.get("/system").text
