"""Running queries of fields: on a connection of their own that can only read, and not for long.

SQLite: the file is opened read-only, an authorizer lets through reading the published columns and
the functions named here, and nothing else. PostgreSQL: a transaction READ ONLY with a time limit.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ctm.errors import CtmError, Unavailable
from ctm.i18n import _l
from ctm.sqlfields.functions_sqlite import GroupConcat, functions, guarded
from ctm.sqlfields.published import stored_columns

SECONDS_FOR_ONE = 2.0
SECONDS_FOR_MANY = 20.0
_STEPS = 5000
_MEGABYTE = 1_000_000
_OWN = frozenset(
    {"abs", "avg", "coalesce", "count", "ctm_group_concat", "length", "like", "ltrim", "max"}
    | {"min", "nullif", "rtrim", "substr", "sum", "trim"}
)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 4 * _MEGABYTE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: _MEGABYTE,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 2,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 40,
}

Parameters = dict[str, Any]
Rows = Sequence[tuple[Any, ...]]


class Reader:
    """A guarded connection. ``rows`` runs one statement of :mod:`ctm.sqlfields`."""

    def __init__(self, connection: Any, on_postgresql: bool) -> None:
        self._connection = connection
        self._on_postgresql = on_postgresql
        self._until = 0.0
        if not on_postgresql:
            connection.set_progress_handler(self._is_late, _STEPS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def rows(self, sql: str, parameters: Parameters, seconds: float) -> Rows:
        """
        :raises Unavailable: it takes too long, or the database cannot work it out.
        """
        try:
            if self._on_postgresql:
                limit = f"SET LOCAL statement_timeout = {int(seconds * 1000)}"
                self._connection.exec_driver_sql(limit)
                found = self._connection.exec_driver_sql(sql, parameters)
                return [tuple(row) for row in found]
            self._until = time.monotonic() + seconds
            return self._connection.execute(sql, parameters).fetchall()  # type: ignore[no-any-return]
        except sqlite3.Error as error:
            raise _failure(str(error) == "interrupted", seconds) from error
        except DBAPIError as error:
            late = getattr(error.orig, "sqlstate", "") == "57014"
            raise _failure(late, seconds) from error


def _failure(late: bool, seconds: float) -> CtmError:
    if late:
        return Unavailable(
            _l(
                "The query takes longer than %(seconds)s seconds. Let it look at fewer rows: "
                "compare an id with {{idt}}.",
                seconds=int(seconds),
            )
        )
    return Unavailable(_l("The database cannot work this query out. Write it in a simpler way."))


@contextmanager
def reader(engine: Engine, language: str, zone: ZoneInfo) -> Iterator[Reader]:
    """A guarded connection to the database of ``engine``; nothing stays open."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            yield Reader(connection, True)
            connection.rollback()
        return
    path = Path(engine.url.database or "").resolve().as_uri()
    opened = sqlite3.connect(
        f"{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        _guard(opened, language, zone)
        yield Reader(opened, False)
    finally:
        opened.close()


def _guard(connection: sqlite3.Connection, language: str, zone: ZoneInfo) -> None:
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    ours = functions(language, zone)
    for name, (arguments, function) in ours.items():
        connection.create_function(name, arguments, guarded(function), deterministic=True)
    connection.create_aggregate("ctm_group_concat", -1, GroupConcat)  # type: ignore[arg-type]
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.set_authorizer(_authorizer(_OWN | set(ours)))


def _authorizer(names: frozenset[str]) -> Any:
    """What SQLite asks for every step of a statement while it prepares it."""
    published = stored_columns()

    def decide(action: int, first: str | None, second: str | None, *_rest: object) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            columns = published.get(first or "")
            if columns is not None and (second in columns or second == ""):
                return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and second in names:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return decide
