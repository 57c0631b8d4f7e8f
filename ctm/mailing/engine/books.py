"""A worker's books: what began and was answered, in its journal first, then in the database."""

import logging
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ctm.clock import Clock
from ctm.mailing import outbox, settling
from ctm.mailing.journal import Journal
from ctm.mailing.outbox import Claimed, Result

log = logging.getLogger(__name__)

SETTLE_EVERY = 0.1
ASK_AGAIN = 0.001


class Books:
    """``results`` are answered and not yet in the database, ``begun`` on their way.

    ``failing``: the database refused the last outcomes; until it takes them nothing should begin.
    """

    def __init__(self, engine: Engine, worker: str, clock: Clock, journal: Journal) -> None:
        self.journal = journal
        self.results: list[Result] = []
        self.begun: set[int] = set()
        self.failing = False
        self._engine = engine
        self._worker = worker
        self._clock = clock
        self._settled_at = 0.0

    def begins(self, message: Claimed) -> None:
        self.journal.begins(message.id)
        self.begun.add(message.id)

    def keeps(self, message: Claimed) -> None:
        """Nothing of it has left after all."""
        self.begun.discard(message.id)

    def note(self, result: Result) -> None:
        number = result.message.id
        self.begun.discard(number)
        if result.attempted:
            self.journal.answered(number, outbox.as_record(result))
        self.results.append(result)

    def rest(self, now: float) -> float:
        """How long settling can wait from now on, in seconds."""
        if not self.results:
            return float("inf")
        return max(ASK_AGAIN, self._settled_at + SETTLE_EVERY - now)

    def settle_due(self, now: float, urgent: Callable[[], bool]) -> None:
        """Settle when enough has come together, some time has passed, or something waits for it."""
        if not self.results:
            return
        waited = now - self._settled_at
        many = len(self.results)
        if waited >= 2 * SETTLE_EVERY or many >= settling.LARGEST or urgent():
            self.settle()
        elif waited >= SETTLE_EVERY or many >= outbox.GROUP:
            self.settle(wait=False)

    def settle(self, wait: bool = True) -> None:
        """Write all results to the database. A database that refuses is asked again.

        Without ``wait`` only if nobody else is writing just now.
        """
        results, self.results = self.results, []
        try:
            if wait:
                settling.settle(self._engine, self._worker, results)
            elif not settling.settle_if_free(self._engine, self._worker, results):
                self.results = results
                return
        except DBAPIError as error:
            self._settled_at = self._clock.monotonic()
            log.error("outcomes wait in the journal: %s", error.orig)
            self.results = results + self.results
            self.failing = True
            time.sleep(0.2)
            return
        self._settled_at = self._clock.monotonic()
        self.failing = False
        try:
            self.journal.compact(self.begun)
        except OSError as error:
            log.error("journal: %s", error)
