"""Fixtures every test may use: an application on an empty database of its own.

Tests of the domain run twice, on SQLite and on PostgreSQL, if they use the application; what is
marked ``one_database`` runs on SQLite alone, or on the database it names.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask, g, request_started
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import create_engine
from xdist.scheduler import LoadScopeScheduling

from app import create_app
from ctm import audit
from ctm.extensions import db
from ctm.models import Base, Role, User
from tests import factories, postgres

HERE = Path(__file__).resolve().parent
DATABASES = ("sqlite", "postgresql")
ON_BOTH_DATABASES = (
    "accounts",
    "campaigns",
    "clients",
    "consent/test_consent.py",
    "jobs",
    "mail_templates/test_templates.py",
    "mailing",
    "people",
    "portfolio",
    "privacy",
    "sqlfields",
    "test_files.py",
    "test_tasks.py",
    "tracking",
    "web/test_campaigns.py",
    "web/test_clients.py",
    "web/test_home.py",
    "web/test_mailing.py",
    "web/test_mails.py",
    "web/test_search.py",
    "web/test_statistics.py",
    "web/test_undecided.py",
)
ONE_BY_ONE = (
    "tests/browser/",
    "tests/mailing/engine/test_fault_table.py",
    "tests/mailing/engine/test_together.py",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" not in metafunc.fixturenames:
        return
    place = Path(metafunc.module.__file__).relative_to(HERE).as_posix()
    names = DATABASES if place.startswith(ON_BOTH_DATABASES) else DATABASES[:1]
    marker = metafunc.definition.get_closest_marker("one_database")
    if marker:
        names = marker.args or DATABASES[:1]
    if names != DATABASES[:1]:
        marks = {"postgresql": pytest.mark.postgres}
        values = [pytest.param(name, marks=marks.get(name, ())) for name in names]
        metafunc.parametrize("database", values, indirect=True)


class InGroups(LoadScopeScheduling):  # type: ignore[misc]
    """Tests beside each other in several processes; those of a group in one, one by one.

    By path: the groups that pytest-xdist makes of its markers have no effect with this pytest.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in ONE_BY_ONE if nodeid.startswith(group)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InGroups:
    return InGroups(config, log)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and no rows."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[psycopg.Connection[Any]]:
    """A connection to a PostgreSQL with all tables and no rows."""
    with postgres.cluster() as server:
        engine = create_engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
        Base.metadata.create_all(engine)
        engine.dispose()
        with psycopg.connect(server.url, autocommit=True) as connection:
            yield connection


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings of the application under test; override in a module to change them."""
    return {}


def _forget(_app: Flask, **_kwargs: object) -> None:
    """Requests of one test share the test's application context: each starts with a clean one."""
    for name in list(g):
        g.pop(name)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The value of ``CTM_DATABASE_URL`` for an empty database: nothing for SQLite."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    connection = request.getfixturevalue("postgresql")
    postgres.clear(connection)
    return postgres.url_of(connection)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Pages that one application compiled need not be compiled by the next."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


class Prepared:
    """An application as it was made, for one test after the other: making one takes long."""

    def __init__(self, overrides: dict[str, Any], templates: FileSystemBytecodeCache) -> None:
        self.application = create_app(overrides)
        self.application.jinja_env.bytecode_cache = templates
        self._instance = Path(overrides["CTM_INSTANCE"])
        self._keys = set(self._instance.rglob("*"))
        self._config = dict(self.application.config)
        self._extensions = dict(self.application.extensions)

    def renew(self, empty_sqlite: Path) -> None:
        """As new: only the keys stay in its folder, and a database file is added."""
        for path in sorted(set(self._instance.rglob("*")) - self._keys, reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        if not self.application.config["CTM_DATABASE_URL"]:
            shutil.copyfile(empty_sqlite, self._instance / "ctm.sqlite3")
        self.application.config.clear()
        self.application.config.update(self._config)
        self.application.extensions.clear()
        self.application.extensions.update(self._extensions)


@pytest.fixture(scope="session")
def prepared() -> dict[str, Prepared]:
    """The application without settings of a test's own, by database."""
    return {}


@pytest.fixture
def app(
    database: str,
    settings: dict[str, Any],
    prepared: dict[str, Prepared],
    empty_sqlite: Path,
    compiled_templates: FileSystemBytecodeCache,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flask]:
    ready = prepared.get(database)
    if ready is None or settings:
        overrides = {
            "CTM_INSTANCE": str(tmp_path_factory.mktemp("instance")),
            "CTM_DATABASE_URL": database,
            "CTM_LANGUAGE": "en",
            "CTM_PUBLIC_URL": "http://mail.test",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "CTM_WORKER": False,
            "CTM_SCHEDULER": False,
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "RATELIMIT_ENABLED": False,
            "SERVER_NAME": "localhost",
        }
        ready = Prepared(overrides | settings, compiled_templates)
        if not settings:
            prepared[database] = ready
    ready.renew(empty_sqlite)
    application = ready.application
    with application.app_context(), request_started.connected_to(_forget, application):
        audit.act_as(None)
        application.extensions["ctm.set_up"] = True
        yield application
        audit.act_as(None)
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is not logged in."""
    return app.test_client()


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    """One user for each role."""
    return {role.value: factories.user(role=role) for role in Role}


@pytest.fixture
def login_as(app: Flask, people: dict[str, User]) -> Callable[[str], FlaskClient]:
    """``login_as("manager")`` is a browser logged in with that role."""

    def log_in(role: str) -> FlaskClient:
        browser = app.test_client()
        with browser.session_transaction() as session:
            session["_user_id"] = people[role].get_id()
            session["_fresh"] = True
        return browser

    return log_in
