"""Noticing at once that somebody changed the database: a pause acts within one message."""

from typing import Any, Protocol

from sqlalchemy import Engine

from ctm.clock import Clock

POLL_EVERY = 0.02


class Watch(Protocol):
    """``rest``: seconds the worker may wait between two looks when nothing happens."""

    rest: float

    def changed(self) -> bool:
        """Whether anything may have changed since the last call; cheap enough for every mail."""
        ...

    def close(self) -> None: ...


class SqliteWatch:
    """``PRAGMA data_version`` moves with every commit of another connection."""

    rest = 0.05

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine.raw_connection()
        self._cursor: Any = self._pooled.cursor()
        self._version = -1

    def changed(self) -> bool:
        (version,) = self._cursor.execute("PRAGMA data_version").fetchone()
        changed = bool(version != self._version)
        self._version = version
        return changed

    def close(self) -> None:
        self._cursor.close()
        self._pooled.close()


class PollingWatch:
    """Says so every few milliseconds: for databases that do not tell."""

    rest = 0.25

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0

    def changed(self) -> bool:
        now = self._clock.monotonic()
        if now < self._next:
            return False
        self._next = now + POLL_EVERY
        return True

    def close(self) -> None:
        """Nothing is held."""


def watch(engine: Engine, clock: Clock) -> Watch:
    return SqliteWatch(engine) if engine.dialect.name == "sqlite" else PollingWatch(clock)
