"""The worker: one loop that claims messages, lets the lanes send them, and keeps the books."""

import logging
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ctm.clock import Clock, SystemClock
from ctm.extensions import db
from ctm.mailing import control, recovery
from ctm.mailing.engine.accounts import AccountBook
from ctm.mailing.engine.books import Books
from ctm.mailing.engine.claims import Claims
from ctm.mailing.engine.connection import Connection, Target, Timeouts
from ctm.mailing.engine.desk import MailDesk
from ctm.mailing.engine.lane import Lane
from ctm.mailing.engine.patience import patiently
from ctm.mailing.engine.session import ConnectionProblem, Job, Reconnect
from ctm.mailing.engine.standing import Standing
from ctm.mailing.engine.watch import watch
from ctm.mailing.journal import Journal
from ctm.mailing.outbox import Claimed, Result
from ctm.models import MessageState

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5


class Worker:
    """Sends what the outbox holds until told to stop.

    ``run(until_idle=True)`` returns when nothing can leave any more without waiting for a
    deferral, an account or a person.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        tracking_key: bytes,
        book: AccountBook,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.moment = self.clock.now()
        self.name = f"{socket.gethostname()[:30]}-{os.getpid()}-{int(time.time() * 1000) % 10**8}"
        self._engine = engine
        self._folder = folder
        self._accounts = book
        self._timeouts = timeouts or Timeouts()
        self._desk = MailDesk(engine, self.clock, tracking_key)
        self._selector = selectors.DefaultSelector()
        self._wakeup_out, self._wakeup_in = socket.socketpair()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="resolve")
        self._tls = ssl.create_default_context()
        self._lanes: dict[int, Lane] = {}
        self._claims = Claims(
            engine, self.clock, self.name, lambda ids: self._books.journal.claimed(ids)
        )
        self._running: set[int] = set()
        self._changed = True
        self._fresh = False
        self._next_look = 0.0
        self._output: dict[Connection, None] = {}
        self._standing = Standing(
            lambda: self._accounts.beat(self.name), lambda: self._accounts.sign_in(self.name)
        )
        self._sure = True
        self._revoked: set[int] = set()
        self._strays = False
        self._stopping = False
        self.sent = 0

    # -- the loop ----------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish the mails in flight, then return from :meth:`run`. Safe in a signal handler."""
        self._stopping = True
        self._wake()

    def run(self, until_idle: bool = False) -> int:
        """Send; returns how many mails the servers accepted."""
        patiently(lambda: recovery.recover(self._engine, self._folder))
        journal = Journal(self._folder, self.name)
        self._books = Books(self._engine, self.name, self.clock, journal)
        self._watch = watch(self._engine, self.clock)
        self._selector.register(self._wakeup_out, selectors.EVENT_READ, None)
        self._wakeup_out.setblocking(False)
        self._wakeup_in.setblocking(False)
        patiently(lambda: self._accounts.sign_in(self.name))
        try:
            self._loop(until_idle)
        finally:
            self._finish()
        return self.sent

    def _loop(self, until_idle: bool) -> None:
        while True:
            now, self.moment = self.clock.monotonic(), self.clock.now()
            self._look(now)
            for lane in list(self._lanes.values()):
                lane.draining = self._stopping
                lane.tick(now)
            self._send_out()
            self._books.settle_due(now, self._urgent)
            if self._stopping and not any(lane.under_way for lane in self._lanes.values()):
                return
            if until_idle and self._idle():
                control.finish_done()
                return
            self._wait(now)

    def _idle(self) -> bool:
        lanes = self._lanes.values()
        if self._books.results or any(not lane.quiet for lane in lanes):
            return False
        try:
            return not self._claims.anything_left(self._waiting())
        except DBAPIError:
            return False

    def _waiting(self) -> set[int]:
        """Accounts whose servers are left alone for now."""
        now = self.clock.monotonic()
        return {lane.account.id for lane in self._lanes.values() if lane.retry_at > now}

    def _wait(self, now: float) -> None:
        timeout = min(self._watch.rest, self._claims.next_at(now) - now, self._books.rest(now))
        if any(lane.backlog and not lane.connections for lane in self._lanes.values()):
            timeout = min(timeout, 0.02)
        events = self._selector.select(max(0.0, timeout))
        self.moment = self.clock.now()
        self._notice()
        self._make_ahead(len(events))
        for key, mask in events:
            if key.data is None:
                self._drain_wakeup()
            else:
                key.data.ready(mask)
        self._send_out()

    def _make_ahead(self, count: int) -> None:
        """Make the mails that the connections which have something to say are about to take."""
        for lane in self._lanes.values():
            most = min(count, len(lane.connections))
            self._desk.make_ahead(islice(lane.backlog, most))

    def _notice(self) -> None:
        """Before mails are taken: has somebody paused something? Do the others count on us?"""
        if not self._standing.sure and self._standing.due:
            self._prove_standing()
        self._sure = self._standing.sure
        try:
            if self._watch.changed():
                self._changed = True
                self._running = self._claims.refresh()
                self._fresh = True
        except DBAPIError as error:
            log.error("the database does not answer: %s", error.orig)
            self._running = set()
            self._changed = True
            self._fresh = False

    def _send_out(self) -> None:
        """Note in the journal what leaves and what was answered, then let it leave."""
        while True:
            waiting, self._output = self._output, {}
            try:
                self._books.journal.flush()
            except OSError as error:
                words = f"{self._books.journal.path}: {error.strerror or error}"
                log.error("journal: %s", words)
                self._hold_back(waiting, ConnectionProblem(words))
                continue
            if not waiting:
                return
            if not self._standing.sure:
                self._hold_back(waiting, Reconnect("held for lost"))
                continue
            for connection in waiting:
                connection.flush()

    def _hold_back(self, connections: Iterable[Connection], problem: Exception) -> None:
        """Let no body leave; mails of which nothing has left go back."""
        for connection in connections:
            if connection.busy:
                connection.fail(problem)
            else:
                connection.flush()

    # -- taking work -------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Notice what changed, and fill the lanes that run low."""
        if self._standing.due:
            self._prove_standing()
        if self._stopping or self._books.failing:
            return
        changed = self._changed
        if not changed and now < self._next_look and not self._claims.wanted(self._lanes, now):
            return
        self._changed, self._next_look = False, now + LOOK_EVERY
        try:
            self._return_strays()
            self._refresh()
            for lane in self._lanes.values():
                if not lane.stopped and lane.retry_at <= now:
                    self._fill(lane, now)
        except DBAPIError as error:
            log.error("the database does not answer: %s", error.orig)
            self._strays = True
            db.session.rollback()
            time.sleep(0.2)

    def _return_strays(self) -> None:
        """Claims that were made while the database broke off: ours in its books, never in hand."""
        if not self._strays:
            return
        held = self._in_hand() | {result.message.id for result in self._books.results}
        recovery.strays(self._engine, self.name, held, self.clock.now())
        self._strays = False

    def _fill(self, lane: Lane, now: float) -> None:
        for mailing_id, messages in self._claims.fill(lane, now, self._held).items():
            self._desk.expect(mailing_id, messages)
            lane.backlog.extend(messages)

    def _refresh(self) -> None:
        """Read which mailings run and which accounts may send; drop what no longer may."""
        if not self._fresh:
            self._running = self._claims.refresh()
        self._fresh = False
        wanted = self._claims.accounts
        for account_id in wanted - self._lanes.keys():
            data = self._accounts.read(account_id)
            if data is not None:
                self._lanes[account_id] = Lane(data, self, self._tls, self.clock.monotonic())
        for account_id, lane in list(self._lanes.items()):
            lane.heed(self._claims.waits.get(account_id))
            if account_id not in wanted:
                lane.release_backlog()
            if lane.stale(self.clock.monotonic()):
                del self._lanes[account_id]
        if self._desk.mailings - self._running:
            self._desk.keep(self._running | self._held())
        for mailing_id in self._claims.seem_done(self._held):
            control.finish(mailing_id)

    def _held(self) -> set[int]:
        """Mailings of which a message is in this worker's hands or books."""
        held = {result.message.mailing_id for result in self._books.results}
        for lane in self._lanes.values():
            held.update(message.mailing_id for message in lane.backlog)
            held.update(message.mailing_id for message in lane.under_way.values())
        return held

    def _in_hand(self) -> set[int]:
        lanes = self._lanes.values()
        held = {message.id for lane in lanes for message in lane.backlog}
        return held.union(*(lane.under_way for lane in lanes))

    # -- its place among the workers ---------------------------------------------------------

    def _prove_standing(self) -> None:
        """Give a sign of life, and settle what others of this machine left when they died.

        Held for lost itself, it begins nothing that was claimed before.
        """
        try:
            if not self._standing.prove():
                log.error("worker %s was held for lost; it gives back what it holds", self.name)
                self._revoked = self._in_hand() - self._books.begun
            self._strays = True
            recovery.recover(self._engine, self._folder)
        except DBAPIError as error:
            log.error("no sign of life: %s", error.orig)

    # -- what lanes need ---------------------------------------------------------------------

    def may_send(self, message: Claimed) -> bool:
        if not self._sure or self._books.failing or message.id in self._revoked:
            return False
        return message.mailing_id in self._running and self._claims.is_open(message.mailing_id)

    def prepare(self, message: Claimed) -> Job | Result:
        return self._desk.make(message)

    def _note_claimed(self, ids: list[int]) -> None:
        self._books.journal.claimed(ids)

    def note_begin(self, message: Claimed) -> None:
        self._books.begins(message)

    def note_kept(self, message: Claimed) -> None:
        self._books.keeps(message)

    def note_result(self, result: Result) -> None:
        self._books.note(result)
        self._revoked.discard(result.message.id)
        self._desk.forget(result.message)
        if result.state == MessageState.SENT:
            self.sent += 1

    def connect(self, lane: Lane, target: Target) -> Connection:
        return Connection(
            self._selector,
            self.clock,
            target,
            lane.account.login,
            lane,
            self._timeouts,
            self._has_output,
            lane.closed,
        )

    def _has_output(self, connection: Connection) -> None:
        self._output[connection] = None

    def resolve(self, lane: Lane) -> "Future[list[tuple[Any, ...]]]":
        future = self._pool.submit(self._accounts.resolve, lane.account)
        future.add_done_callback(lambda _future: self._wake())
        return future

    def account_stopped(self, lane: Lane, words: str) -> None:
        which = {"account_id": lane.account.id}
        log.error("account %s stopped: %s", lane.account.name, words, extra=which)
        self._tell(self._accounts.stop, lane.account.id, words)

    def account_waits(self, lane: Lane, words: str, seconds: float) -> None:
        which = {"account_id": lane.account.id}
        log.warning("account %s waits %.0f s: %s", lane.account.name, seconds, words, extra=which)
        self._tell(self._accounts.waits, lane.account.id, words, seconds)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        """Note something that may be missing from the database if it does not answer now."""
        self._fresh = False
        try:
            function(*arguments)
        except DBAPIError as error:
            log.error("not written down: %s", error.orig)

    # -- the end -----------------------------------------------------------------------------

    def _urgent(self) -> bool:
        """Whether something waits for the books: a campaign's delay, or the end of the work."""
        delayed = self._claims.delayed
        if delayed and any(result.message.mailing_id in delayed for result in self._books.results):
            return True
        return all(lane.quiet for lane in self._lanes.values())

    def _finish(self) -> None:
        for lane in self._lanes.values():
            lane.draining = True
            lane.release_backlog()
            for connection in list(lane.connections):
                connection.leave()
        if self._books.results:
            self._books.settle()
        if not self._books.results:
            self._tell(self._accounts.sign_out, self.name)
            self._books.journal.close()
        self._watch.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._selector.close()
        self._wakeup_out.close()
        self._wakeup_in.close()

    def _wake(self) -> None:
        try:
            self._wakeup_in.send(b"\0")
        except OSError:
            return

    def _drain_wakeup(self) -> None:
        try:
            self._wakeup_out.recv(4096)
        except BlockingIOError:
            return
