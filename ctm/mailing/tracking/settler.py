"""Brings the spools of a folder into the database, once a second, in groups.

While the database does not answer, hits wait in their spools. A spool whose server ended is
deleted when all of it is settled.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from ctm import filelocks, sql
from ctm.clock import utcnow
from ctm.mailing.tracking.hits import deadlocked
from ctm.mailing.tracking.settling import settle
from ctm.mailing.tracking.spool import Piece, Spool
from ctm.models import HitSpool

log = logging.getLogger(__name__)

GROUP = 600
BREATH = 0.02
EVERY = 1.0
PATIENCE = 2.0
FORGET_AFTER = timedelta(days=30)
_LOCK = "settler.lock"


class Settler:
    """One works on a folder at a time; others wait until it ends."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._settled: dict[str, int] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Settle what is there, then return from :meth:`run`. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(self._folder / _LOCK, self._stopping) as alone:
            if alone:
                self._work()

    def _work(self) -> None:
        tidy = True
        while True:
            last, wait = self._stopping.is_set(), EVERY
            try:
                self.settle_all()
                if tidy:
                    self._forget_rows()
                    tidy = False
            except (DBAPIError, OSError) as error:
                log.error("hits wait in the spool: %s", getattr(error, "orig", None) or error)
                wait = PATIENCE
            if last:
                return
            self._stopping.wait(wait)

    def settle_all(self) -> None:
        """Settle everything that is in the folder now."""
        for spool in Spool.all(self._folder):
            try:
                self._settle_spool(spool)
            finally:
                spool.close()

    def _settle_spool(self, spool: Spool) -> None:
        ended = spool.ended()
        if spool.name not in self._settled:
            with self._engine.connect() as connection:
                self._settled[spool.name] = _settled(connection, spool.name) or 0
        at, end = self._settled[spool.name], spool.size
        # What comes in meanwhile waits for the next round: a few hits cost almost as much as many.
        while at < end:
            after = self._settle_piece(spool, at, ended)
            if after == at:
                break
            self._settled[spool.name] = at = after
            # The sender waits for the same lock: let it in between two groups.
            time.sleep(BREATH)
        if ended:
            spool.delete()
            with self._engine.begin() as connection:
                connection.execute(delete(HitSpool).where(HitSpool.name == spool.name))
            del self._settled[spool.name]

    def _forget_rows(self) -> None:
        """Rows of spools that were deleted a moment before a kill."""
        old = HitSpool.at < utcnow() - FORGET_AFTER
        with self._engine.begin() as connection:
            if connection.execute(select(HitSpool.name).where(old).limit(1)).first():
                connection.execute(delete(HitSpool).where(old))

    # -- into the database -------------------------------------------------------------------

    def _settle_piece(self, spool: Spool, start: int, ended: bool) -> int:
        """Settle what comes next in a spool; returns how far it is settled then."""
        piece = spool.read(start, GROUP, ended)
        if piece.broken:
            log.error("%s: %s line(s) from byte %s on are no hits", spool.path, piece.broken, start)
        try:
            return self._settle_together(spool.name, start, piece)
        except OperationalError:
            raise
        except DBAPIError as error:
            log.error("hits from %s of %s are taken one by one: %s", start, spool.path, error.orig)
        at = start
        while at < piece.after:
            at = self._settle_one(spool, at, ended)
        return at

    def _settle_one(self, spool: Spool, start: int, ended: bool) -> int:
        one = spool.read(start, 1, ended)
        try:
            return self._settle_together(spool.name, start, one)
        except OperationalError:
            raise
        except DBAPIError as error:
            log.error("a hit at %s of %s is not counted: %s", start, spool.path, error.orig)
            return self._settle_together(spool.name, start, Piece([], one.after, 1))

    def _settle_together(self, name: str, start: int, piece: Piece) -> int:
        if piece.after == start:
            return start
        while True:
            try:
                with self._engine.begin() as connection:
                    sql.begin_writing(connection)
                    at = _advance(connection, name, start, piece.after)
                    if at == piece.after:
                        settle(connection, piece.arrivals)
                return at
            except OperationalError as error:
                if not deadlocked(error):
                    raise


def _settled(connection: Connection, name: str) -> int | None:
    query = select(HitSpool.settled).where(HitSpool.name == name)
    return connection.execute(query).scalar_one_or_none()


def _advance(connection: Connection, name: str, start: int, after: int) -> int:
    """Note that a spool is settled up to ``after``; where it is settled if not from ``start``."""
    changed = connection.execute(
        update(HitSpool)
        .where(HitSpool.name == name, HitSpool.settled == start)
        .values(settled=after, at=utcnow())
    )
    if changed.rowcount == 1:
        return after
    known = _settled(connection, name)
    if known is not None:
        return known
    # A new spool; or the database is an older copy, which lacks what this spool still holds.
    table = HitSpool.__table__
    row = {"name": name, "settled": after, "at": utcnow()}
    connection.execute(sql.insert(connection, table).values(row))  # type: ignore[arg-type]
    return after


@contextmanager
def _alone(path: Path, stopping: threading.Event) -> Iterator[bool]:
    """Hold a lock file, waiting for it; false if told to stop before."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not filelocks.lock(descriptor):
            if stopping.wait(1.0):
                yield False
                return
        yield True
    finally:
        os.close(descriptor)
