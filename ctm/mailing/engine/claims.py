"""Taking messages from the outbox for the lanes, at each account's and campaign's pace."""

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from ctm.clock import Clock
from ctm.mailing import claiming, outbox, pace
from ctm.mailing.engine.lane import Lane
from ctm.mailing.hours import Hours, closed_days, read_hours
from ctm.models import UNDER_WAY, Mailing, Message

SMALLEST, LARGEST = 8, outbox.GROUP
QUICK, SLOW = 0.3, 2.0
SOON = 60.0


@dataclass
class Appetite:
    """How much a lane takes at a time, and when it can take more.

    ``more``: the last claim was full. ``ready_at``: monotonic seconds before which its windows
    or delays give nothing.
    """

    size: int = SMALLEST
    more: bool = True
    ready_at: float = 0.0
    filled_at: float = 0.0


class Claims:
    """Which mailings are open, and the claims on them."""

    def __init__(
        self, engine: Engine, clock: Clock, worker: str, note: Callable[[list[int]], None]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._worker = worker
        self._note = note
        self._appetites: dict[int, Appetite] = {}
        self._open: list[outbox.OpenMailing] = []
        self._hours: dict[int, Hours] = {}
        self._empty: set[int] = set()
        self.delayed: set[int] = set()
        self.waits: dict[int, datetime | None] = {}

    @property
    def accounts(self) -> set[int]:
        """Accounts with an open mailing."""
        return {mailing.account_id for mailing in self._open}

    def refresh(self) -> set[int]:
        """Read the open mailings; returns their ids."""
        with self._engine.connect() as connection:
            self._open = outbox.open_mailings(connection)
            timed = [each for each in self._open if each.hours]
            closed = closed_days(connection) if timed else []
        self._hours = {each.id: read_hours(each.hours or {}, closed=closed) for each in timed}
        self.waits = {each.account_id: each.retry_at for each in self._open}
        self.delayed = {mailing.id for mailing in self._open if mailing.delay_seconds > 0}
        return {mailing.id for mailing in self._open}

    def wanted(self, lanes: Mapping[int, Lane], now: float) -> bool:
        """Whether a lane runs low and a claim would give it something."""
        for account_id, lane in lanes.items():
            appetite = self._appetite(account_id)
            low = len(lane.backlog) <= appetite.size // 2
            due = appetite.more and now >= appetite.ready_at
            waited = 0 < appetite.ready_at <= now
            if low and (due or waited) and lane.retry_at <= now and not lane.stopped:
                return True
        return False

    def next_at(self, now: float) -> float:
        """When a pace next allows something; far away if nothing waits for it."""
        times = [each.ready_at for each in self._appetites.values() if each.ready_at > now]
        return min(times, default=now + 3600)

    def fill(
        self, lane: Lane, now: float, held: Callable[[], Collection[int]]
    ) -> dict[int, list[outbox.Claimed]]:
        """Claim for a lane what its pace allows; by mailing, most urgent first.

        ``held()``: the mailings of which something is in hand.
        """
        appetite = self._appetite(lane.account.id)
        room = appetite.size - len(lane.backlog)
        if room <= appetite.size // 2 and lane.backlog:
            return {}
        appetite.more, appetite.ready_at = False, 0.0
        room = self._allowed(None, lane, room, now, appetite)
        taken: dict[int, list[outbox.Claimed]] = {}
        for mailing in [each for each in self._open if each.account_id == lane.account.id]:
            if room <= 0:
                appetite.more = True
                break
            wanted = self._due(None, mailing, room, now, held, appetite)
            if wanted <= 0:
                continue
            got = self._claim(mailing, lane, wanted, now, appetite)
            if got:
                taken[mailing.id] = got
                room -= len(got)
            elif got is not None:
                self._empty.add(mailing.id)
        if room <= 0:
            appetite.more = True
            self._adapt(appetite, now, lane.account.connections)
        return taken

    def is_open(self, mailing_id: int) -> bool:
        """Whether a mailing's hours let a mail leave at this moment; asked before each."""
        hours = self._hours.get(mailing_id) if self._hours else None
        return hours is None or hours.is_open(self._clock.now())

    def seem_done(self, held: Callable[[], Collection[int]]) -> set[int]:
        """Mailings that gave nothing and of which nothing is in hand; forgotten when asked."""
        if not self._empty:
            return set()
        done = self._empty - set(held())
        self._empty -= done
        return done

    def anything_left(self, waiting: Collection[int]) -> bool:
        """Whether something can leave soon, leaving aside accounts that wait."""
        now, tick = self._clock.now(), self._clock.monotonic()
        with self._engine.connect() as connection:
            for mailing in outbox.open_mailings(connection):
                far = self._appetite(mailing.account_id).ready_at - tick > SOON
                if mailing.account_id in waiting or far:
                    continue
                query = select(Message.id).where(outbox.sendable(mailing.id, now)).limit(1)
                if connection.execute(query).first():
                    return True
        return False

    def _appetite(self, account_id: int) -> Appetite:
        return self._appetites.setdefault(account_id, Appetite())

    def _allowed(
        self,
        connection: Connection | None,
        lane: Lane,
        room: int,
        now: float,
        appetite: Appetite,
    ) -> int:
        """What the account's windows leave; in a claim's own ``connection`` it is binding."""
        limits, account_id = lane.account.limits, lane.account.id
        if not limits:
            return room
        at = self._clock.now()
        if connection is None:
            with self._engine.begin() as looking:
                pace.correct(looking, account_id, at)
                allowed, ready_at = pace.allowance(looking, account_id, limits, at, room)
        else:
            allowed, ready_at = pace.allowance(connection, account_id, limits, at, room)
        if ready_at is not None:
            appetite.ready_at = now + max(0.0, (ready_at - at).total_seconds())
        return allowed

    def _due(
        self,
        connection: Connection | None,
        mailing: outbox.OpenMailing,
        room: int,
        now: float,
        held: Callable[[], Collection[int]],
        appetite: Appetite,
    ) -> int:
        """How many of a mailing may be claimed by its hours and delay; with one, one at a time."""
        at = self._clock.now()
        hours = self._hours.get(mailing.id)
        if hours is not None and not hours.is_open(at):
            self._later(appetite, now, (hours.next_open(at) - at).total_seconds())
            return 0
        if mailing.delay_seconds <= 0:
            return room
        if mailing.id in held():
            return 0
        last = mailing.last_delivery_at
        if connection is not None:
            if self._held_elsewhere(connection, mailing.id):
                return 0
            query = select(Mailing.last_delivery_at).where(Mailing.id == mailing.id)
            last = connection.scalar(query)
        if last is not None:
            due = last + timedelta(seconds=mailing.delay_seconds)
            left = (due - at).total_seconds()
            if left > mailing.delay_seconds + pace.CLOCKS_AGREE.total_seconds():
                left = self._clock_was_set_back(connection, mailing, at)
            if left > 0:
                self._later(appetite, now, left)
                return 0
        return 1

    def _clock_was_set_back(
        self, connection: Connection | None, mailing: outbox.OpenMailing, at: datetime
    ) -> float:
        """The last mail lies ahead of the clock: it left by now at the latest. Seconds to wait."""
        last = Mailing.last_delivery_at
        statement = update(Mailing).where(Mailing.id == mailing.id, last > at)
        with self._engine.begin() if connection is None else nullcontext(connection) as writing:
            writing.execute(statement.values(last_delivery_at=at))
        return mailing.delay_seconds

    def _later(self, appetite: Appetite, now: float, seconds: float) -> None:
        ready_at = now + seconds
        appetite.ready_at = min(appetite.ready_at or ready_at, ready_at)

    def _held_elsewhere(self, connection: Connection, mailing_id: int) -> bool:
        query = select(Message.id).where(
            Message.mailing_id == mailing_id,
            Message.worker.is_not(None),
            Message.state.in_(UNDER_WAY),
        )
        return connection.execute(query.limit(1)).first() is not None

    def _claim(
        self,
        mailing: outbox.OpenMailing,
        lane: Lane,
        wanted: int,
        now: float,
        appetite: Appetite,
    ) -> list[outbox.Claimed] | None:
        """Claim; None if another worker took what the pace allowed, or is writing just now.

        While the lane has enough for the moment it does not wait for its turn to write.
        """
        paced = bool(lane.account.limits) or mailing.delay_seconds > 0
        if not paced and len(lane.backlog) > appetite.size // 8:
            taken = claiming.claim_if_free(
                self._engine, mailing, self._worker, wanted, self._clock.now(), self._note
            )
            appetite.more = appetite.more or taken is None
            return taken
        allowed = wanted

        def rule(connection: Connection) -> int:
            nonlocal allowed
            allowed = self._allowed(connection, lane, allowed, now, appetite)
            if allowed > 0:
                allowed = self._due(connection, mailing, allowed, now, tuple, appetite)
            return allowed

        got = claiming.claim(
            self._engine,
            mailing,
            self._worker,
            wanted,
            self._clock.now(),
            self._note,
            rule if paced else None,
        )
        return got if got or allowed > 0 else None

    def _adapt(self, appetite: Appetite, now: float, connections: int) -> None:
        """Larger groups where the server is quick, so that little is in hand where it is slow."""
        since, appetite.filled_at = now - appetite.filled_at, now
        if since < QUICK:
            faster = 4 if since < QUICK / 4 else 2
            appetite.size = min(LARGEST, appetite.size * faster)
        elif since > SLOW:
            appetite.size = max(SMALLEST, connections, appetite.size // 2)
