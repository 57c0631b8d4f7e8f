"""The few places where SQLite and PostgreSQL are not spoken alike."""

from typing import Any

from sqlalchemy import Connection, String, Table, cast, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.sql.elements import ColumnElement

Executor = Connection | Session | scoped_session[Any]


def dialect_name(executor: Executor) -> str:
    if isinstance(executor, Connection):
        return executor.dialect.name
    return executor.get_bind().dialect.name


def insert(executor: Executor, table: Table) -> Any:
    """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    dialect = postgresql if dialect_name(executor) == "postgresql" else sqlite
    return dialect.insert(table)


def random_hex(executor: Executor) -> ColumnElement[str]:
    """32 random hexadecimal digits, new for every row."""
    if dialect_name(executor) == "postgresql":
        return func.replace(cast(func.gen_random_uuid(), String), "-", "")
    return func.lower(func.hex(func.randomblob(literal(16))))
