"""A lane: one account, its connections, the messages it holds, its patience.

Lanes do not know of each other, so a slow or dead server holds up its own account alone.
"""

import ssl
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from ctm.clock import Clock
from ctm.mailing.engine.connection import Connection, Target
from ctm.mailing.engine.session import (
    AccountProblem,
    ConnectionProblem,
    Job,
    Login,
    Throttled,
)
from ctm.mailing.outbox import Claimed, Result
from ctm.models import MessageState

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
MOST_ATTEMPTS = 14
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 600.0
LONG_WAIT, LONGEST_WAIT = 15.0, 4 * 3600.0
REFUSALS_IN_A_ROW = 5
FASTER_AFTER = 50
RESOLVED_FOR = 300.0
KEPT_FOR = 10.0
CHECK_EVERY = 0.05


@dataclass(frozen=True)
class AccountData:
    """What a lane needs of an account, read once and again when it changes."""

    id: int
    name: str
    host: str
    port: int
    tls: bool
    login: Login
    connections: int
    limits: tuple[tuple[int, int], ...]
    allow_private: bool


class Office(Protocol):
    """What a lane needs of its worker."""

    clock: Clock
    moment: datetime
    """When this round's answers were there (naive UTC)."""

    def may_send(self, message: Claimed) -> bool:
        """Whether the message's mailing is still running; cheap, asked before every mail."""

    def prepare(self, message: Claimed) -> Job | Result:
        """The mail ready for the wire, or why it cannot be made."""

    def note_begin(self, message: Claimed) -> None:
        """Write to the journal that the body goes out now."""

    def note_kept(self, message: Claimed) -> None:
        """Nothing of the body went out after all."""

    def note_result(self, result: Result) -> None:
        """Write to the journal what became of it, and to the database soon."""

    def connect(self, lane: "Lane", target: Target) -> Connection: ...

    def resolve(self, lane: "Lane") -> "Future[list[tuple[Any, ...]]]": ...

    def account_stopped(self, lane: "Lane", words: str) -> None: ...

    def account_waits(self, lane: "Lane", words: str, seconds: float) -> None: ...


@dataclass
class Lane:
    """The messages and connections of one account."""

    account: AccountData
    office: Office
    tls_context: ssl.SSLContext
    born: float
    backlog: deque[Claimed] = field(default_factory=deque)
    connections: list[Connection] = field(default_factory=list)
    under_way: dict[int, Claimed] = field(default_factory=dict)
    stopped: bool = False
    draining: bool = False
    failures: int = 0
    retry_at: float = 0.0
    fewer: int = 0
    _refusals: int = 0
    _since_slower: int = 0
    _noted: bool = False
    _addresses: Sequence[tuple[Any, ...]] = ()
    _resolved_at: float = 0.0
    _check_at: float = 0.0
    _resolving: "Future[list[tuple[Any, ...]]] | None" = None

    # -- the desk: what sessions ask ---------------------------------------------------------

    def take(self) -> Job | None:
        """The next mail that may leave now."""
        while self.backlog and not self.draining and not self.stopped:
            message = self.backlog.popleft()
            if not self.office.may_send(message):
                self._release(message)
                continue
            made = self.office.prepare(message)
            if isinstance(made, Result):
                self.office.note_result(made)
                continue
            self.under_way[message.id] = message
            return made
        return None

    def may_begin(self, job: Job) -> bool:
        return not self.draining and not self.stopped and self.office.may_send(job.message)

    def begins(self, job: Job) -> None:
        self.office.note_begin(job.message)

    def done(
        self, job: Job, state: MessageState, code: int | None, words: str, reason: str = ""
    ) -> None:
        self.under_way.pop(job.message.id, None)
        result = self._result(job, state, code, words, reason)
        self.office.note_result(result)
        if state is MessageState.SENT:
            self._went_well()
        elif state is MessageState.DEFERRED:
            self._refusals += 1
            if self._refusals >= REFUSALS_IN_A_ROW:
                self._refusals = 0
                self.wait(words)

    def held_off(self, job: Job, code: int, words: str) -> None:
        """Refused at the end for the account's sake: it counts as sent, not as an attempt lost."""
        self.under_way.pop(job.message.id, None)
        result = self._result(job, MessageState.DEFERRED, code, words, "")
        result.state, result.reason, result.spent = MessageState.DEFERRED, "", False
        result.due_at = result.at
        self.office.note_result(result)

    def _went_well(self) -> None:
        self.failures = self._refusals = 0
        self._since_slower += 1
        if self.fewer and self._since_slower >= FASTER_AFTER:
            self._since_slower, self.fewer = 0, self.fewer - 1

    def give_back(self, job: Job) -> None:
        """Nothing of the mail has left: first in line again, or back to the queue."""
        self.under_way.pop(job.message.id, None)
        self.office.note_kept(job.message)
        if self.draining or self.stopped or self.waits:
            self._release(job.message)
        else:
            self.backlog.appendleft(job.message)

    def _result(
        self, job: Job, state: MessageState, code: int | None, words: str, reason: str
    ) -> Result:
        now = self.office.moment
        size, values = len(job.data), job.values
        result = Result(job.message, state, now, code, words, reason, None, size, values)
        if state is MessageState.DEFERRED:
            attempts = job.message.attempts + 1
            if attempts >= MOST_ATTEMPTS:
                result.state, result.reason = MessageState.FAILED, "gave_up"
            else:
                pause = min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY)
                result.due_at = now + pause
        return result

    def _release(self, message: Claimed) -> None:
        now = self.office.moment
        self.office.note_result(Result(message, MessageState.QUEUED, now, attempted=False))

    # -- connections -------------------------------------------------------------------------

    @property
    def quiet(self) -> bool:
        """Whether nothing of this lane is in a worker's hands."""
        return not self.backlog and not self.under_way

    @property
    def waits(self) -> bool:
        """Whether the server is left alone for now. One incident may end many connections."""
        return self.office.clock.monotonic() < self.retry_at

    def stale(self, now: float) -> bool:
        """Whether nothing speaks for keeping it: the account is read anew when it is needed."""
        at_rest = self.quiet and not self.connections and self.retry_at <= now
        return at_rest and (self.stopped or now - self.born > KEPT_FOR)

    def release_backlog(self) -> None:
        """Give the messages that have not begun back to the queue."""
        while self.backlog:
            self._release(self.backlog.popleft())

    def tick(self, now: float) -> None:
        """Open the connections that are needed, serve the idle ones, watch the clock."""
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY
            for connection in list(self.connections):
                connection.check_time(now)
        if self.draining or self.stopped:
            self.release_backlog()
            for connection in list(self.connections):
                if connection.idle:
                    connection.give(None)
            return
        idle = [each for each in self.connections if each.idle] if self.backlog else []
        for connection in idle:
            job = self.take()
            if job is None:
                break
            connection.give(job)
        if now >= self.retry_at:
            self._open_connections(now)

    def _open_connections(self, now: float) -> None:
        most = max(1, self.account.connections - self.fewer)
        wanted = min(most, len(self.connections) + len(self.backlog))
        if len(self.connections) >= wanted:
            return
        if self.failures or not any(each.established for each in self.connections):
            wanted = min(wanted, 1)
        if len(self.connections) >= wanted or not self._find_addresses(now):
            return
        account = self.account
        target = Target(account.host, self._addresses, account.tls, self.tls_context)
        for _ in range(wanted - len(self.connections)):
            if self.retry_at > now:  # the one before could not even begin
                return
            connection = self.office.connect(self, target)
            self.connections.append(connection)
            connection.open()

    def _find_addresses(self, now: float) -> bool:
        """Look the server's name up beside the loop; true once its addresses are known."""
        if self._addresses and now - self._resolved_at < RESOLVED_FOR:
            return True
        if self._resolving is None:
            self._resolving = self.office.resolve(self)
        if not self._resolving.done():
            return False
        future, self._resolving = self._resolving, None
        try:
            self._addresses = future.result()
        except Exception as error:  # whatever a resolver raises, the lane waits and says why
            self.wait(str(error))
            return False
        self._resolved_at = now
        return bool(self._addresses)

    def closed(self, connection: Connection, problem: Exception | None) -> None:
        """A connection has ended. A problem makes the lane wait or stops the account."""
        if connection in self.connections:
            self.connections.remove(connection)
        if isinstance(problem, AccountProblem):
            self.stopped = True
            self.release_backlog()
            self.office.account_stopped(self, str(problem))
        elif isinstance(problem, Throttled):
            self._slow_down(problem)
        elif isinstance(problem, ConnectionProblem) and not self.draining:
            if connection.delivered and not str(problem).startswith("421"):
                self.failures = 0
            if not self.waits:
                self.wait(str(problem))

    def heed(self, retry_at: datetime | None) -> None:
        """The account's wait as the database has it: another worker's, or lifted by a person."""
        if retry_at is None:
            if self._noted:
                self._noted, self.retry_at = False, 0.0
            return
        left = (retry_at - self.office.clock.now()).total_seconds()
        if LONG_WAIT < left <= LONGEST_WAIT:
            self._noted = True
            self.retry_at = max(self.retry_at, self.office.clock.monotonic() + left)

    def _slow_down(self, problem: Throttled) -> None:
        """Half as many connections from now on, and a longer rest than after a mere failure."""
        most = max(1, self.account.connections - self.fewer)
        self.fewer, self._since_slower = self.account.connections - max(1, most // 2), 0
        for connection in list(self.connections):
            if connection.idle:
                connection.give(None)
        if not self.waits:
            self.wait(str(problem), problem.patience.first, problem.patience.longest)

    def wait(self, words: str, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> None:
        """Leave the server alone for a while, longer each time."""
        pause = min(first * 2**self.failures, longest)
        self.failures = min(self.failures + 1, 12)
        self.retry_at = self.office.clock.monotonic() + pause
        self._noted = True
        self.release_backlog()
        self.office.account_waits(self, words, pause)
