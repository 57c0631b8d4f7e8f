"""The server process's side of the spool: hits are written down and answered, no more.

Nothing here waits for the database. What brings the spool into it is another process
(:mod:`ctm.mailing.tracking.settler`): a thread beside the one that answers would hold the
database's write lock while it waits for its turn, and the sender would wait with it.
"""

import logging
import threading
import time
from pathlib import Path

from ctm.mailing.tracking.arrivals import Arrival, encode
from ctm.mailing.tracking.places import Places
from ctm.mailing.tracking.spool import Spool

log = logging.getLogger(__name__)

NEW_FILE_AT = 8 * 1024 * 1024
SAY_EVERY = 60.0


def spool_folder(instance: Path) -> Path:
    return instance / "spool"


class Collector:
    """One per server process; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self.places = Places()
        self._folder = folder
        self._spool: Spool | None = None
        self._opening = threading.Lock()
        self._refused = 0
        self._said_at = float("-inf")

    def add(self, arrival: Arrival) -> bool:
        """Write a hit down; whether that was possible. Does not raise: who asks gets an answer."""
        line = encode(arrival)
        try:
            while True:
                spool = self._spool or self._open(None)
                try:
                    spool.append(line)
                    break
                except OSError:
                    if spool is self._spool:
                        raise
            if spool.written >= NEW_FILE_AT:
                self._open(spool)
        except OSError as error:
            self._refuse(error)
            return False
        return True

    def close(self) -> None:
        """No more hits come; what is there is settled by others."""
        with self._opening:
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def _open(self, instead_of: Spool | None) -> Spool:
        with self._opening:
            if self._spool is None or self._spool is instead_of:
                self._spool = Spool.create(self._folder)
                if instead_of is not None:
                    instead_of.close()
            return self._spool

    def _refuse(self, error: OSError) -> None:
        """Say that hits are lost, but not once for each."""
        self._refused += 1
        if time.monotonic() - self._said_at >= SAY_EVERY:
            log.error(
                "%s hit(s) could not be written to %s and are not counted: %s",
                self._refused,
                self._folder,
                error.strerror or error,
            )
            self._said_at, self._refused = time.monotonic(), 0
