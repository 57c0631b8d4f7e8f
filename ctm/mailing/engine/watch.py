"""Noticing at once that somebody changed the database: a pause acts within one message."""

from typing import Any, Protocol

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ctm import sql
from ctm.clock import Clock

LOOK_EVERY, DEAF_LOOK_EVERY = 0.25, 0.02


class Watch(Protocol):
    """``rest``: seconds the worker may wait between two looks when nothing happens."""

    rest: float

    def changed(self) -> bool:
        """Whether anything may have changed since the last call; cheap enough for every mail."""
        ...

    def close(self) -> None: ...


class SqliteWatch:
    """``PRAGMA data_version`` moves with every commit of another connection."""

    rest = 0.02

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine.raw_connection()
        self._cursor: Any = self._pooled.cursor()
        self._version = -1

    def changed(self) -> bool:
        ((version,),) = self._cursor.execute("PRAGMA data_version").fetchall()
        changed = bool(version != self._version)
        self._version = version
        return changed

    def close(self) -> None:
        self._cursor.close()
        self._pooled.close()


class ListeningWatch:
    """PostgreSQL tells its listeners (:func:`ctm.sql.announce`) what must be noticed at once.

    Other changes are looked for every little while, and all of them while nobody listens because
    the connection is lost.
    """

    rest = 0.25

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._next = 0.0
        self._connection: Any = None

    def changed(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._next:
            self._listen()
            self._next = now + (LOOK_EVERY if self._connection is not None else DEAF_LOOK_EVERY)
            return True
        return self._heard()

    def _listen(self) -> None:
        """Make sure of a connection that listens."""
        if self._connection is not None:
            return
        try:
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
            self._connection.rollback()
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {sql.CHANNEL}")
        except (DBAPIError, psycopg.Error):
            self._drop()

    def _heard(self) -> bool:
        if self._connection is None:
            return False
        try:
            wire = self._connection.pgconn
            wire.consume_input()
            heard = False
            while wire.notifies() is not None:
                heard = True
        except psycopg.Error:
            self._drop()
            return True
        return heard

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        self._drop()


def watch(engine: Engine, clock: Clock) -> Watch:
    if engine.dialect.name == "sqlite":
        return SqliteWatch(engine)
    return ListeningWatch(engine, clock)
