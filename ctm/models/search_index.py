"""The index that finds parts of words in ``clients.search_text``.

On SQLite an FTS5 table of trigrams, kept by triggers; each text begins with a space, so that a
word's beginning is a trigram too. On PostgreSQL a GIN index of pg_trgm's operators, if the
database lets us have the extension: without it searches read the whole table.
"""

import logging
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from ctm.models.clients import Client

log = logging.getLogger(__name__)

FTS = "client_search"
GIN = "ix_clients_search_text"
TABLES = frozenset({FTS, f"{FTS}_data", f"{FTS}_idx", f"{FTS}_config"})

SQLITE = (
    "CREATE VIEW client_search_source AS SELECT id, ' ' || search_text AS words FROM clients",
    "CREATE VIRTUAL TABLE client_search USING fts5(words, content='client_search_source', "
    "content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
    "CREATE TRIGGER client_search_insert AFTER INSERT ON clients BEGIN "
    "INSERT INTO client_search (rowid, words) VALUES (new.id, ' ' || new.search_text); END",
    "CREATE TRIGGER client_search_delete AFTER DELETE ON clients BEGIN "
    "INSERT INTO client_search (client_search, rowid, words) "
    "VALUES ('delete', old.id, ' ' || old.search_text); END",
    "CREATE TRIGGER client_search_update AFTER UPDATE OF id, search_text ON clients "
    "WHEN old.search_text <> new.search_text OR old.id <> new.id BEGIN "
    "INSERT INTO client_search (client_search, rowid, words) "
    "VALUES ('delete', old.id, ' ' || old.search_text); "
    "INSERT INTO client_search (rowid, words) VALUES (new.id, ' ' || new.search_text); END",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX {GIN} ON clients USING gin (search_text gin_trgm_ops)",
)
REFUSED = (
    "PostgreSQL does not let CTM's user create the extension pg_trgm: searches for clients will "
    "read the whole table. Let an administrator of the database run "
    "“CREATE EXTENSION pg_trgm” and then “CREATE INDEX ix_clients_search_text ON clients "
    "USING gin (search_text gin_trgm_ops)”."
)


def create(connection: Connection) -> bool:
    """Make the index of an empty table; false if the database does not allow it."""
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.execute(text(statement))
        return True
    try:
        with connection.begin_nested():
            for statement in POSTGRESQL:
                connection.execute(text(statement))
    except DBAPIError:
        log.warning(REFUSED)
        return False
    return True


def is_made(connection: Connection) -> bool:
    """Whether searches have their index."""
    catalogue = "sqlite_master WHERE name" if connection.dialect.name == "sqlite" else _PG_INDEXES
    name = FTS if connection.dialect.name == "sqlite" else GIN
    query = text(f"SELECT count(*) FROM {catalogue} = :name")  # noqa: S608
    return bool(connection.scalar(query, {"name": name}))


_PG_INDEXES = "pg_indexes WHERE schemaname = current_schema() AND indexname"


@event.listens_for(Client.__table__, "after_create")
def _create(_table: Any, connection: Connection, **_options: Any) -> None:
    create(connection)


@event.listens_for(Client.__table__, "before_drop")
def _drop(_table: Any, connection: Connection, **_options: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"DROP TABLE IF EXISTS {FTS}"))
        connection.execute(text("DROP VIEW IF EXISTS client_search_source"))
