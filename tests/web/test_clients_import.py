"""Importing from the browser: bring, map, dry run, confirm; and the pages of tasks."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from ctm import tasks
from ctm.extensions import db
from ctm.models import Client, StoredFile, Task, TaskState

LogIn = Callable[[str], FlaskClient]

GOOD = "Codice;Cognome;E-mail\r\nA1;Rossi;rossi@example.com\r\nA2;<b>Neri</b>;nobody\r\n"


def bring(browser: FlaskClient, content: str | bytes, name: str = "clienti.csv") -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return browser.post("/clients/import", data={"file": (io.BytesIO(raw), name)})


def last_task() -> Task:
    return db.session.scalars(select(Task).order_by(Task.id.desc())).first()  # type: ignore[return-value]


def test_a_file_goes_in_step_by_step(login_as: LogIn) -> None:
    browser = login_as("manager")
    answer = bring(browser, GOOD)
    page = browser.get(answer.location)
    assert "Which column is which?" in page.text
    assert 'value="tax_code"' in page.text
    form = {"key": "code", "column-0": "code", "column-1": "last_name", "column-2": "email1"}
    answer = browser.post(answer.location, data=form)
    plan = last_task()
    assert answer.location == f"/tasks/{plan.id}"
    assert "data-progress-url" in browser.get(answer.location).text
    assert browser.get(f"/tasks/{plan.id}.json").json["finished"] is False

    tasks.run_waiting()
    state = browser.get(f"/tasks/{plan.id}.json").json
    assert (state["finished"], state["done"], state["total"]) == (True, 2, 2)
    report = browser.get(f"/tasks/{plan.id}").text
    assert "Import 1 row" in report
    assert "is not an e-mail address" in report
    assert "&lt;b&gt;Neri" in report
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0

    answer = browser.post(f"/clients/import/run/{plan.id}")
    tasks.run_waiting()
    assert db.session.scalar(select(func.count()).select_from(Client)) == 1
    run = last_task()
    assert answer.location == f"/tasks/{run.id}"
    assert "See the clients" in browser.get(answer.location).text
    bad = browser.get(f"/tasks/{run.id}/file", buffered=True).data.decode("utf-8-sig")
    assert bad.splitlines()[1].startswith("A2;<b>Neri</b>;nobody;")
    assert len(browser.get(f"/tasks/{run.id}/report", buffered=True).data.splitlines()) == 3
    again = browser.post(f"/clients/import/run/{plan.id}", follow_redirects=True)
    assert "already been imported" in again.text


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.csv", "is empty"),
        (b"PK\x03\x04nonsense", "a.xlsx", "not a workbook"),
        (bytes(range(256)) * 20, "a.csv", "neither CSV nor XLSX"),
        (b'a;b\r\n1;"2\r\n', "../../a.csv", "quotation mark"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_not_kept(
    login_as: LogIn, content: bytes, name: str, words: str
) -> None:
    browser = login_as("manager")
    answer = bring(browser, content, name)
    if answer.status_code == 302:
        answer = browser.get(answer.location)
    assert answer.status_code in {400, 422}
    assert words in answer.text


def test_no_file_at_all_is_said(login_as: LogIn) -> None:
    answer = login_as("manager").post("/clients/import", data={})
    assert answer.status_code == 422
    assert "Choose a file first" in answer.text


def test_thirty_megabytes_are_refused_in_clear_words(login_as: LogIn) -> None:
    answer = login_as("manager").post(
        "/clients/import",
        data=bytes(30 * 1024 * 1024),
        content_type="multipart/form-data; boundary=x",
    )
    assert answer.status_code == 413
    assert "too large" in answer.text
    assert db.session.scalar(select(func.count()).select_from(StoredFile)) == 0


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"key": "", "column-0": "code"}, "by which clients are recognised"),
        ({"key": "email1", "column-0": "code"}, "Say which column"),
        ({"key": "code", "column-0": "code", "column-1": "code"}, "two columns"),
        ({"key": "code", "column-0": "password_hash"}, "no field"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_and_kept_on_the_page(
    login_as: LogIn, form: dict[str, str], words: str
) -> None:
    browser = login_as("manager")
    answer = browser.post(bring(browser, GOOD).location, data=form)
    assert answer.status_code == 422
    assert words in answer.text
    assert last_task() is None


def test_files_and_tasks_of_another_user_are_not_there(login_as: LogIn) -> None:
    owner, stranger = login_as("manager"), login_as("operator")
    file_url = bring(login_as("administrator"), GOOD).location
    assert owner.get(file_url).status_code == 404
    mine = bring(owner, GOOD).location
    owner.post(mine, data={"key": "code", "column-0": "code", "column-1": "last_name"})
    task = last_task()
    for url in (f"/tasks/{task.id}", f"/tasks/{task.id}.json", f"/tasks/{task.id}/report"):
        assert stranger.get(url).status_code == 404
    assert stranger.post(f"/tasks/{task.id}/stop").status_code == 404
    assert login_as("administrator").get(f"/tasks/{task.id}").status_code == 200
    assert task.title not in stranger.get("/tasks/").text
    assert "Dry run" in owner.get("/tasks/").text


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("url", ["/tasks/", "/tasks/1", "/tasks/1.json", "/tasks/1/file"])
def test_tasks_are_not_for_who_is_not_logged_in(client: FlaskClient, url: str) -> None:
    assert "/login" in client.get(url).location


def test_a_waiting_task_can_be_stopped(login_as: LogIn) -> None:
    browser = login_as("manager")
    browser.post(
        bring(browser, GOOD).location,
        data={"key": "code", "column-0": "code", "column-1": "last_name"},
    )
    task = last_task()
    browser.post(f"/tasks/{task.id}/stop")
    db.session.refresh(task)
    assert task.state == TaskState.CANCELLED
    assert "It was stopped" in browser.get(f"/tasks/{task.id}").text
    again = browser.post(f"/tasks/{task.id}/stop", follow_redirects=True)
    assert "already ended" in again.text
    assert browser.get(f"/tasks/{task.id}/file").status_code == 404
