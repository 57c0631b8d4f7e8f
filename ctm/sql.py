"""The few places where SQLite and PostgreSQL are not spoken alike."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, Table, cast, func, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement, SQLCoreOperations, UnaryExpression
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import DateTime

from ctm.clock import utcnow

Executor = Connection | Session | scoped_session[Any]

_QUICK_FOR, _STEP = 1.0, 0.0005


def dialect_name(executor: Executor) -> str:
    if isinstance(executor, Connection):
        return executor.dialect.name
    return executor.get_bind().dialect.name


def insert(executor: Executor, table: Table) -> Any:
    """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return insert_for(dialect_name(executor), table)


def insert_for(dialect: str, table: FromClause) -> Any:
    """:func:`insert` for a database that is known by its name."""
    module = postgresql if dialect == "postgresql" else sqlite
    return module.insert(table)


def utc_now(executor: Executor) -> ColumnElement[datetime]:
    """The moment as the database's own clock has it, where several machines share it."""
    if dialect_name(executor) == "postgresql":
        return func.timezone("utc", func.clock_timestamp(), type_=DateTime())
    return literal(utcnow(), DateTime())


class fold(FunctionElement[str]):
    """A text in small letters, accented ones too: SQLite's own ``lower`` knows ASCII alone."""

    name = "fold"
    type = String()
    inherit_cache = True


@compiles(fold)
def _lower(element: fold, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"lower({compiler.process(element.clauses, **kwargs)})"


@compiles(fold, "sqlite")
def _fold(element: fold, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"fold({compiler.process(element.clauses, **kwargs)})"


def holds(column: SQLCoreOperations[str], text: str) -> ColumnElement[bool]:
    """Whether a text is in a column, whatever the case of its letters. Walks all rows."""
    return fold(column).contains(text.lower(), autoescape=True)


def random_hex(executor: Executor) -> ColumnElement[str]:
    """32 random hexadecimal digits, new for every row."""
    if dialect_name(executor) == "postgresql":
        return func.replace(cast(func.gen_random_uuid(), String), "-", "")
    return func.lower(func.hex(func.randomblob(literal(16))))


def unindexed(executor: Executor, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column to order by which SQLite sorts instead of walking the column's index.

    PostgreSQL weighs the two by itself.
    """
    if dialect_name(executor) == "postgresql":
        return column
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def lock(connection: Connection, rows: "Select[Any]") -> None:
    """Let no other transaction that locks these rows go on before this one ends.

    The first statement of a transaction. SQLite locks the database for writing.
    """
    if connection.dialect.name == "sqlite":
        begin_writing(connection)
    else:
        connection.execute(rows.with_for_update())


def begin_writing(connection: Connection, wait: bool = True) -> bool:
    """Begin a transaction that writes, for those who write all the time.

    On SQLite nobody else writes from here on. Who finds another writing is let in by SQLite itself
    after sleeps that grow to a tenth of a second, however soon the other has finished; here the
    first second is waited for in steps of half a millisecond. False, and nothing begun, if
    another writes now and the caller would not ``wait``.
    """
    if connection.dialect.name != "sqlite":
        return True
    driver: Any = connection.connection.driver_connection
    if driver.in_transaction or _begun(driver, wait):
        return True
    if wait:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    return wait


def _begun(driver: sqlite3.Connection, wait: bool) -> bool:
    """Ask SQLite to begin: once, or until it does, for a second."""
    (usual,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute("PRAGMA busy_timeout = 0")
    end = time.monotonic() + min(_QUICK_FOR, usual / 1000)
    try:
        while time.monotonic() < end:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not wait or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    return False
                time.sleep(_STEP)
            else:
                return True
    finally:
        driver.execute(f"PRAGMA busy_timeout = {usual}")
    return False


@contextmanager
def larger_cache(session: Session | scoped_session[Any], kilobytes: int) -> Iterator[None]:
    """Let SQLite keep so many kilobytes of pages while one statement writes to many indexes."""
    if dialect_name(session) != "sqlite":
        yield
        return
    usual = session.scalar(text("PRAGMA cache_size"))
    session.execute(text(f"PRAGMA cache_size = -{kilobytes}"))
    try:
        yield
    finally:
        session.execute(text(f"PRAGMA cache_size = {usual}"))


CHANNEL = "ctm_engine"


def announce(executor: Executor) -> None:
    """Tell the workers, when the transaction is committed, that what may leave has changed.

    SQLite's see it by themselves.
    """
    if dialect_name(executor) == "postgresql":
        executor.execute(select(func.pg_notify(CHANNEL, "")))
