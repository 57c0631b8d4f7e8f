"""The indexes that find parts of words in the ``search_text`` of clients, policies, instalments.

On SQLite an FTS5 table of trigrams, kept by triggers; each text begins with a space, so that a
word's beginning is a trigram too. On PostgreSQL a GIN index of pg_trgm's operators, if the
database lets us have the extension: without it searches read the whole table.
"""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, FromClause, event, text
from sqlalchemy.exc import DBAPIError

from ctm.models.clients import Client
from ctm.models.insurance import Instalment, Policy

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchIndex:
    """The index of one table, and the statements that make it."""

    table: str
    fts: str

    @property
    def gin(self) -> str:
        return f"ix_{self.table}_search_text"

    @property
    def tables(self) -> frozenset[str]:
        """The tables SQLite keeps it in."""
        return frozenset({self.fts, f"{self.fts}_data", f"{self.fts}_idx", f"{self.fts}_config"})

    @property
    def sqlite(self) -> tuple[str, ...]:
        fts, table = self.fts, self.table
        add = f"INSERT INTO {fts} (rowid, words) VALUES (new.id, ' ' || new.search_text);"  # noqa: S608
        remove = (
            f"INSERT INTO {fts} ({fts}, rowid, words) "  # noqa: S608
            "VALUES ('delete', old.id, ' ' || old.search_text);"
        )
        return (
            f"CREATE VIEW {fts}_source AS SELECT id, ' ' || search_text AS words FROM {table}",  # noqa: S608
            f"CREATE VIRTUAL TABLE {fts} USING fts5(words, content='{fts}_source', "
            "content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
            f"CREATE TRIGGER {fts}_insert AFTER INSERT ON {table} BEGIN {add} END",
            f"CREATE TRIGGER {fts}_delete AFTER DELETE ON {table} BEGIN {remove} END",
            f"CREATE TRIGGER {fts}_update AFTER UPDATE OF id, search_text ON {table} "
            "WHEN old.search_text <> new.search_text OR old.id <> new.id "
            f"BEGIN {remove} {add} END",
        )

    @property
    def postgresql(self) -> tuple[str, ...]:
        return (
            "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            f"CREATE INDEX {self.gin} ON {self.table} USING gin (search_text gin_trgm_ops)",
        )


CLIENTS = SearchIndex("clients", "client_search")
INDEXES = (
    CLIENTS,
    SearchIndex("policies", "policy_search"),
    SearchIndex("instalments", "instalment_search"),
)
TABLES = frozenset().union(*(index.tables for index in INDEXES))
NAMES = frozenset(index.gin for index in INDEXES)
REFUSED = (
    "PostgreSQL does not let CTM's user create the extension pg_trgm: searches in %(table)s will "
    "read the whole table. Let an administrator of the database run "
    "“CREATE EXTENSION pg_trgm” and then “%(statement)s”."
)


def of(table: FromClause) -> SearchIndex:
    """The index of a table that has ``search_text``."""
    return next(index for index in INDEXES if index.table == getattr(table, "name", ""))


def create(connection: Connection, index: SearchIndex = CLIENTS) -> bool:
    """Make the index of an empty table; false if the database does not allow it."""
    if connection.dialect.name == "sqlite":
        for statement in index.sqlite:
            connection.execute(text(statement))
        return True
    try:
        with connection.begin_nested():
            for statement in index.postgresql:
                connection.execute(text(statement))
    except DBAPIError:
        log.warning(REFUSED, {"table": index.table, "statement": index.postgresql[-1]})
        return False
    return True


def is_made(connection: Connection, index: SearchIndex = CLIENTS) -> bool:
    """Whether searches have their index."""
    catalogue = "sqlite_master WHERE name" if connection.dialect.name == "sqlite" else _PG_INDEXES
    name = index.fts if connection.dialect.name == "sqlite" else index.gin
    query = text(f"SELECT count(*) FROM {catalogue} = :name")  # noqa: S608
    return bool(connection.scalar(query, {"name": name}))


_PG_INDEXES = "pg_indexes WHERE schemaname = current_schema() AND indexname"


@event.listens_for(Client.__table__, "after_create")
@event.listens_for(Policy.__table__, "after_create")
@event.listens_for(Instalment.__table__, "after_create")
def _create(table: Any, connection: Connection, **_options: Any) -> None:
    create(connection, of(table))


@event.listens_for(Client.__table__, "before_drop")
@event.listens_for(Policy.__table__, "before_drop")
@event.listens_for(Instalment.__table__, "before_drop")
def _drop(table: Any, connection: Connection, **_options: Any) -> None:
    if connection.dialect.name == "sqlite":
        index = of(table)
        connection.execute(text(f"DROP TABLE IF EXISTS {index.fts}"))
        connection.execute(text(f"DROP VIEW IF EXISTS {index.fts}_source"))
