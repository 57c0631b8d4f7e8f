"""When the database or the disk does not do its part, every page says so in words."""

import errno
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app import create_app
from ctm import list_statuses, logs, trouble
from ctm.extensions import db

Login = Callable[[str], FlaskClient]
Pragmas = Callable[..., None]
ROOT = Path(__file__).resolve().parent.parent.parent
COLOUR = next(iter(list_statuses.COLOURS))
TYPED = {
    "colour": COLOUR,
    "name": "Già <chiamati> & co",
    "description": "con l'accento",
    "password": "segreta1",
}


def file_of(app: Flask) -> Path:
    return Path(app.instance_path) / "ctm.sqlite3"


@pytest.fixture
def each_connection(app: Flask) -> Iterator[Pragmas]:
    """Let every connection of the application run these pragmas first."""
    engine = db.engine
    wanted: list[str] = []

    def prepare(raw: Any, _record: Any, _proxy: Any) -> None:
        for pragma in wanted:
            raw.execute(f"PRAGMA {pragma}")

    def begin(*pragmas: str) -> None:
        db.session.remove()
        wanted.extend(pragmas)

    event.listen(engine, "checkout", prepare)
    yield begin
    event.remove(engine, "checkout", prepare)
    db.session.remove()
    engine.dispose()


@pytest.fixture
def locked(app: Flask, each_connection: Pragmas) -> Iterator[Callable[[], None]]:
    """Call it, and another program holds the write lock."""
    other = sqlite3.connect(file_of(app), isolation_level=None)

    def lock() -> None:
        each_connection("busy_timeout=30")
        other.execute("BEGIN IMMEDIATE")

    yield lock
    other.close()


def assert_told(answer: Any, words: str, retry_after: int) -> None:
    assert answer.status_code == 503
    assert words in answer.text
    assert answer.headers["Retry-After"] == str(retry_after)
    code = answer.headers["X-Request-Id"]
    assert logs.well_formed(code)
    assert code in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sqlite" not in answer.text.lower()
    assert "Traceback" not in answer.text


def test_a_lock_of_another_program_is_told_and_the_input_is_kept(
    login_as: Login, locked: Callable[[], None]
) -> None:
    browser = login_as("manager")
    locked()
    answer = browser.post("/list-statuses/new?x=1", data=TYPED)
    assert_told(answer, "The database is busy", 10)
    assert 'action="/list-statuses/new?x=1"' in answer.text
    kept = dict(re.findall(r'<textarea name="(\w+)" hidden>\n(.*?)</textarea>', answer.text, re.S))
    assert kept == {
        "colour": COLOUR,
        "name": "Già &lt;chiamati&gt; &amp; co",
        "description": "con l&#39;accento",
    }
    assert "segreta1" not in answer.text


def test_pages_that_only_read_are_shown_while_it_is_locked(
    login_as: Login, locked: Callable[[], None]
) -> None:
    browser = login_as("administrator")
    locked()
    assert browser.get("/list-statuses/").status_code == 200
    assert browser.get("/clients/").status_code == 200


def test_what_was_kept_can_be_sent_again_when_it_is_over(
    login_as: Login, app: Flask, each_connection: Pragmas
) -> None:
    browser = login_as("manager")
    other = sqlite3.connect(file_of(app), isolation_level=None)
    each_connection("busy_timeout=30")
    other.execute("BEGIN IMMEDIATE")
    assert (
        browser.post("/list-statuses/new", data=TYPED | {"name": "Richiamare"}).status_code == 503
    )
    other.close()
    assert (
        browser.post("/list-statuses/new", data=TYPED | {"name": "Richiamare"}).status_code == 302
    )
    assert "Richiamare" in browser.get("/list-statuses/").text


def test_scripts_are_answered_in_json(login_as: Login, locked: Callable[[], None]) -> None:
    browser = login_as("manager")
    locked()
    answer = browser.post("/list-statuses/new", data=TYPED, headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["reference"] == answer.headers["X-Request-Id"]
    assert "busy" in answer.json["error"]


def test_the_words_are_in_the_users_language(
    app: Flask, login_as: Login, people: Any, locked: Callable[[], None]
) -> None:
    people["manager"].language = "it"
    db.session.commit()
    browser = login_as("manager")
    locked()
    answer = browser.post("/list-statuses/new", data=TYPED, headers={"Accept-Language": "en"})
    assert '<html lang="it">' in answer.text


def test_a_full_disk_is_told(login_as: Login, app: Flask, each_connection: Pragmas) -> None:
    browser = login_as("manager")
    pages = db.session.scalar(text("PRAGMA page_count"))
    each_connection(f"max_page_count={pages}")
    for number in range(100):
        answer = browser.post("/list-statuses/new", data=TYPED | {"name": f"{number} {number}"})
        if answer.status_code == 503:
            break
    assert_told(answer, "disk is full", 300)


def test_a_disk_that_refuses_bytes_is_told_and_reading_goes_on(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the kernel itself refuses to let the files grow."""
    script = f"""
import resource, signal
from app import create_app
from ctm.extensions import db
from tests import factories
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
app = create_app({{"CTM_INSTANCE": {str(tmp_path)!r}, "CTM_LANGUAGE": "en", "TESTING": True,
    "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}})
with app.app_context():
    db.create_all()
    app.extensions["ctm.set_up"] = True
    identity = factories.user(role="manager").get_id()
browser = app.test_client()
with browser.session_transaction() as session:
    session["_user_id"], session["_fresh"] = identity, True
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
answer = browser.post("/list-statuses/new", data={{"name": "x", "colour": {COLOUR!r}}})
assert answer.status_code == 503, answer.status_code
assert "disk" in answer.text, answer.text
assert browser.get("/list-statuses/").status_code == 200
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
answer = browser.post("/list-statuses/new", data={{"name": "x", "colour": {COLOUR!r}}})
assert answer.status_code == 302, answer.status_code
print("good")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "good\n", done.stderr[-3000:]


def test_a_read_only_database_is_told(
    login_as: Login, app: Flask, each_connection: Pragmas
) -> None:
    browser = login_as("manager")
    each_connection("query_only=ON")
    assert_told(browser.post("/list-statuses/new", data=TYPED), "can be read but not written", 300)


@pytest.mark.parametrize("url", ["/", "/login", "/clients/", "/static/../nothing", "/campaigns/1"])
def test_without_tables_every_page_says_so(login_as: Login, app: Flask, url: str) -> None:
    browser = login_as("administrator")
    db.session.remove()
    db.drop_all()
    answer = browser.get(url)
    if answer.status_code != 404:
        assert_told(answer, "empty or belongs to another version", 120)


def test_a_renamed_file_is_told_and_it_works_again_when_it_is_back(
    login_as: Login, app: Flask
) -> None:
    browser = login_as("administrator")
    db.session.remove()
    db.engine.dispose()
    path = file_of(app)
    path.rename(path.with_name("moved"))
    path.mkdir()
    assert_told(browser.get("/clients/"), "does not answer", 60)
    path.rmdir()
    path.with_name("moved").rename(path)
    assert browser.get("/clients/").status_code == 200


def test_a_damaged_file_is_told(login_as: Login, app: Flask) -> None:
    browser = login_as("administrator")
    db.session.remove()
    db.engine.dispose()
    for path in file_of(app).parent.glob("ctm.sqlite3*"):
        path.write_bytes(b"this is no database at all " * 400)
    assert_told(browser.get("/clients/"), "may be damaged", 600)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    application = create_app(
        {
            "CTM_INSTANCE": str(tmp_path),
            "CTM_LANGUAGE": "en",
            "CTM_DATABASE_URL": "postgresql://ctm:hunter22@127.0.0.1:1/ctm",
            "TESTING": True,
        }
    )
    browser = application.test_client()
    answer = browser.get("/login")
    assert_told(answer, "does not answer", 60)
    assert "hunter22" not in answer.text
    with application.app_context():
        db.engine.dispose()


def test_a_form_of_a_stranger_is_not_offered_to_be_sent_again(
    app: Flask,
    login_as: Login,
    locked: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    browser = login_as("manager")
    locked()
    answer = browser.post("/list-statuses/new", data=TYPED)
    assert answer.status_code == 400
    assert "chiamati" not in answer.text


def test_an_error_of_the_program_shows_its_code_and_no_more(
    app: Flask,
    login_as: Login,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> str:
        raise RuntimeError("inside <secret>")

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "list_statuses.index_view", broken)
    answer = login_as("manager").get("/list-statuses/")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "inside" not in answer.text
    assert "inside" in caplog.text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "x"), "full"),
        (OSError(errno.EROFS, "x"), "read_only"),
        (OSError(errno.ENOENT, "x"), None),
        (ValueError("x"), None),
        (IntegrityError("", {}, Exception()), None),
        (OperationalError("", {}, Exception("who knows")), "gone"),
    ],
)
def test_only_troubles_count_as_troubles(error: Exception, kind: str | None) -> None:
    found = trouble.of(error)
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40001", "busy"),
        ("53100", "full"),
        ("53300", "busy"),
        ("57P01", "gone"),
        ("42P01", "not_ready"),
        ("25006", "read_only"),
        ("XX001", "damaged"),
        ("42601", None),
    ],
)
def test_codes_of_postgresql_are_known(state: str, kind: str | None) -> None:
    from psycopg import errors
    from sqlalchemy.exc import ProgrammingError

    found = trouble.of(ProgrammingError("", {}, errors.lookup(state)("x")))
    assert (found.kind if found else None) == kind


def test_a_record_of_the_trouble_is_in_the_log(
    login_as: Login, locked: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    browser = login_as("manager")
    locked()
    browser.post("/list-statuses/new", data=TYPED)
    assert "busy" in caplog.text
    assert "/list-statuses/new" in caplog.text
