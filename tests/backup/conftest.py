"""Offices to back up and places to restore them to, on both databases, as migrations make them."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request_started
from sqlalchemy import create_engine

from app import create_app
from ctm import audit, schema
from ctm.extensions import db
from tests.conftest import _forget
from tests.mailing.engine.conftest import big_campaign, sink

__all__ = ["big_campaign", "sink"]
_number = itertools.count(1)
MakeOffice = Callable[..., Flask]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "ctm.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sqlite_office(tmp_path: Path, migrated: Path) -> MakeOffice:
    def make(**settings: Any) -> Flask:
        instance = tmp_path / f"instance{next(_number)}"
        instance.mkdir()
        (instance / "ctm.sqlite3").write_bytes(migrated.read_bytes())
        return application(instance, "", settings)

    return make


@pytest.fixture
def make_office(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeOffice]:
    if kind == "sqlite":
        yield request.getfixturevalue("sqlite_office")
        return
    server = request.getfixturevalue("postgresql")
    made: list[str] = []

    def make(**settings: Any) -> Flask:
        name = f"office{next(_number)}"
        made.append(name)
        server.execute(f"CREATE DATABASE {name}")
        url = f"postgresql://postgres@127.0.0.1:{server.info.port}/{name}"
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        schema.migrate(engine)
        engine.dispose()
        return application(tmp_path / f"instance{next(_number)}", url, settings)

    yield make
    for name in made:
        like = f"{name}%"
        for row in server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [like]):
            server.execute(f"DROP DATABASE {row[0]} WITH (FORCE)")


def application(instance: Path, url: str, settings: dict[str, Any]) -> Flask:
    return create_app(
        {
            "CTM_INSTANCE": str(instance),
            "CTM_DATABASE_URL": url,
            "CTM_LANGUAGE": "en",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "CTM_PUBLIC_URL": "http://mail.test",
            "TESTING": True,
            "SERVER_NAME": "localhost",
        }
        | settings
    )


@pytest.fixture
def office(make_office: MakeOffice) -> Iterator[Flask]:
    """An application on an empty, migrated database, entered."""
    app = make_office()
    yield from entered(app)


@pytest.fixture
def app(sqlite_office: MakeOffice) -> Iterator[Flask]:
    """The same on SQLite alone."""
    yield from entered(sqlite_office())


def entered(app: Flask) -> Iterator[Flask]:
    with app.app_context(), request_started.connected_to(_forget, app):
        audit.act_as(None)
        yield app
        db.session.remove()
        db.engine.dispose()
