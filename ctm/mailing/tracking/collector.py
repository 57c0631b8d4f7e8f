"""Takes hits in without waiting for the database, and settles them in groups.

Whoever answers a hit appends it to the spool; one thread brings what waits into the database some
times a second. While the database does not answer, hits wait in the spool.
"""

import logging
import threading
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from ctm import sql
from ctm.clock import utcnow
from ctm.mailing.tracking.arrivals import Arrival, encode
from ctm.mailing.tracking.hits import deadlocked
from ctm.mailing.tracking.settling import lock, settle
from ctm.mailing.tracking.spool import Piece, Spool
from ctm.models import HitSpool

log = logging.getLogger(__name__)

GROUP = 500
EVERY = 0.3
PATIENCE = 2.0
LOOK_EVERY = 60.0
NEW_FILE_AT = 8 * 1024 * 1024
SAY_EVERY = 60.0
FORGET_AFTER = timedelta(days=30)


def spool_folder(instance: Path) -> Path:
    return instance / "spool"


class Collector:
    """One per server process. :meth:`add` may be called from any thread."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._spool: Spool | None = None
        self._settled = 0
        self._refused = 0
        self._said_at = float("-inf")
        self._looked_at = float("-inf")
        self._wake = threading.Event()
        self._moved = threading.Condition()
        self._opening = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="hits", daemon=True)

    def start(self) -> None:
        self._open()
        self._thread.start()

    def add(self, arrival: Arrival) -> bool:
        """Write a hit down; whether that was possible. Does not raise: who asks gets an answer."""
        line = encode(arrival)
        spool = self._spool or self._open()
        try:
            while spool is not None:
                try:
                    spool.append(line)
                    break
                except OSError:
                    if spool is self._spool:
                        raise
                    spool = self._spool
        except OSError as error:
            self._refuse(error)
            return False
        self._wake.set()
        return spool is not None

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until every hit taken in before is in the database."""
        spool, size = self._spool, self._spool.size if self._spool else 0
        self._wake.set()
        with self._moved:
            return self._moved.wait_for(
                lambda: spool is not self._spool or self._settled >= size, timeout
            )

    def stop(self, patience: float = 20.0) -> None:
        """Settle what is there and end; what the database does not take stays in the spool."""
        self._stopping = True
        self._wake.set()
        self._thread.join(patience)

    # -- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            try:
                if time.monotonic() - self._looked_at > LOOK_EVERY:
                    self._looked_at = time.monotonic()
                    self._settle_abandoned()
                self._wake.wait(LOOK_EVERY)
                self._wake.clear()
                self._settle_own()
                wait = EVERY
            except (DBAPIError, OSError) as error:
                log.error("hits wait in the spool: %s", getattr(error, "orig", None) or error)
                self._wake.set()
                wait = PATIENCE
            if not self._stopping:
                time.sleep(wait)
        self._end()

    def _end(self) -> None:
        try:
            self._settle_own()
            if self._spool is not None:
                self._discard(self._spool)
        except (DBAPIError, OSError) as error:
            log.error("hits stay in the spool until the next start: %s", error)

    def _open(self) -> Spool | None:
        with self._opening:
            if self._spool is None:
                try:
                    self._spool = Spool.create(self._folder)
                except OSError as error:
                    self._refuse(error)
            return self._spool

    def _refuse(self, error: OSError) -> None:
        """Say that hits are lost, but not once for each."""
        self._refused += 1
        if time.monotonic() - self._said_at >= SAY_EVERY:
            log.error(
                "%s hits could not be written to %s and are not counted: %s",
                self._refused,
                self._folder,
                error.strerror or error,
            )
            self._said_at, self._refused = time.monotonic(), 0

    def _settle_own(self) -> None:
        spool = self._spool
        if spool is None:
            return
        while self._settled < spool.size:
            before = self._settled
            self._settled = self._settle_piece(spool, before)
            with self._moved:
                self._moved.notify_all()
            if self._settled == before:
                break
        if self._settled >= NEW_FILE_AT and not self._stopping:
            self._change_file(spool)

    def _change_file(self, old: Spool) -> None:
        fresh = Spool.create(self._folder)
        with self._moved:
            self._spool = fresh
            rest, self._settled = self._settled, 0
        # A hit may have gone into the old file a moment before the change.
        time.sleep(EVERY)
        while rest < old.size:
            rest = self._settle_piece(old, rest)
        self._discard(old)

    def _settle_abandoned(self) -> None:
        """What processes that ended left behind."""
        for spool in Spool.abandoned(self._folder):
            at, begun = 0, 0
            with self._engine.connect() as connection:
                at = begun = _settled(connection, spool.name) or 0
            try:
                while at < spool.size:
                    at = self._settle_piece(spool, at, last=True)
            except BaseException:
                spool.close()
                raise
            if at > begun:
                log.info("hits that %s had left are counted", spool.name)
            self._discard(spool)
        with self._engine.begin() as connection:
            old = HitSpool.at < utcnow() - FORGET_AFTER
            if connection.execute(select(HitSpool.name).where(old).limit(1)).first():
                connection.execute(delete(HitSpool).where(old))

    def _discard(self, spool: Spool) -> None:
        spool.delete()
        with self._engine.begin() as connection:
            connection.execute(delete(HitSpool).where(HitSpool.name == spool.name))

    # -- into the database -------------------------------------------------------------------

    def _settle_piece(self, spool: Spool, start: int, last: bool = False) -> int:
        """Settle what comes next in a spool; returns how far it is settled then."""
        piece = spool.read(start, GROUP, last)
        if piece.broken:
            log.error("%s: %s lines from %s on are no hits", spool.path, piece.broken, start)
        try:
            return self._settle_together(spool.name, start, piece)
        except OperationalError:
            raise
        except DBAPIError as error:
            log.error("hits from %s of %s are taken one by one: %s", start, spool.path, error.orig)
        at = start
        while at < piece.after:
            at = self._settle_one(spool, at, last)
        return at

    def _settle_one(self, spool: Spool, start: int, last: bool) -> int:
        one = spool.read(start, 1, last)
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
                    lock(connection)
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
    statement = sql.insert(connection, table).values(name=name, settled=after, at=utcnow())  # type: ignore[arg-type]
    connection.execute(statement)
    return after
