"""The tables that the models make and those that the migrations make are the same."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask_migrate import check, downgrade, upgrade

from app import create_app
from ctm import audit
from ctm.clients import operations, search
from ctm.clients.filters import ClientFilter
from ctm.extensions import db

BEFORE = "20261122_add_pace"


def schema(path: Path) -> dict[tuple[str, str], Any]:
    """Everything in a database: columns and indexes by what they say, the rest by its SQL."""
    found: dict[tuple[str, str], Any] = {}
    with sqlite3.connect(path) as connection:
        query = "SELECT type, name, sql FROM sqlite_master WHERE name <> 'alembic_version'"
        for kind, name, sql in connection.execute(query).fetchall():
            if name.startswith("sqlite_autoindex"):
                continue
            if kind == "table":
                rows = connection.execute(f"PRAGMA table_info({name})").fetchall()
                found[kind, name] = sorted((row[1], row[2], row[3], row[5]) for row in rows)
            elif kind == "index":
                rows = connection.execute(f"PRAGMA index_info({name})").fetchall()
                partial = sql.partition(" WHERE ")[2] if sql else ""
                found[kind, name] = ([row[2] for row in rows], partial)
            else:
                found[kind, name] = sql
    connection.close()
    return found


@pytest.fixture
def migrated(tmp_path: Path) -> Any:
    """An application whose database the migrations made."""
    quiet = {"CTM_WORKER": False, "CTM_SCHEDULER": False, "TESTING": True}
    application = create_app(quiet | {"CTM_INSTANCE": str(tmp_path)})
    audit.act_as(None)
    with application.app_context():
        upgrade()
        yield application
        db.session.remove()
        db.engine.dispose()


def test_models_and_migrations_make_the_same(
    migrated: Any, tmp_path: Path, empty_sqlite: Path
) -> None:
    assert schema(tmp_path / "ctm.sqlite3") == schema(empty_sqlite)
    check()  # what a new migration would be made of: nothing


def test_the_index_of_words_is_filled_for_clients_that_are_there(
    migrated: Any, tmp_path: Path
) -> None:
    new = schema(tmp_path / "ctm.sqlite3")
    downgrade(revision=BEFORE)
    operations.create({"last_name": "Rossi", "first_name": "Niccolò"})
    db.session.remove()
    upgrade()
    assert schema(tmp_path / "ctm.sqlite3") == new
    number, page = search.page(ClientFilter("all", "ossi icco"), "name", False, "", 50)
    assert number.number == 1
    assert page.rows[0].last_name == "Rossi"
