"""What is PostgreSQL's own: the migrations there, and its words for what the models say."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from ctm.extensions import db
from tests import postgres

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgresql: psycopg.Connection[Any]) -> Iterator[dict[str, Any]]:
    """A second database, without tables."""
    postgresql.execute("CREATE DATABASE migrated")
    yield {"CTM_DATABASE_URL": postgres.url_of(postgresql, "migrated")}
    postgresql.execute("DROP DATABASE migrated")


def test_the_migrations_make_what_the_models_say(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    assert runner.invoke(args=["db", "check"]).exit_code == 0
    db.engine.dispose()
