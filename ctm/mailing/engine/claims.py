"""Taking messages from the outbox for the lanes, at each account's and campaign's pace."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, select

from ctm.clock import Clock
from ctm.mailing import outbox, pace
from ctm.mailing.engine.lane import Lane
from ctm.models import UNDER_WAY, Message

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
        self._empty: set[int] = set()
        self.delayed: set[int] = set()

    @property
    def accounts(self) -> set[int]:
        """Accounts with an open mailing."""
        return {mailing.account_id for mailing in self._open}

    def refresh(self) -> set[int]:
        """Read the open mailings; returns their ids."""
        with self._engine.connect() as connection:
            self._open = outbox.open_mailings(connection)
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
        self, lane: Lane, now: float, held: Collection[int]
    ) -> dict[int, list[outbox.Claimed]]:
        """Claim for a lane what its pace allows; by mailing, most urgent first."""
        appetite = self._appetite(lane.account.id)
        room = appetite.size - len(lane.backlog)
        if room <= appetite.size // 2 and lane.backlog:
            return {}
        appetite.more, appetite.ready_at = False, 0.0
        room = self._allowed(lane, room, now, appetite)
        taken: dict[int, list[outbox.Claimed]] = {}
        for mailing in [each for each in self._open if each.account_id == lane.account.id]:
            if room <= 0:
                appetite.more = True
                break
            wanted = self._due(mailing, room, now, held, appetite)
            got = self._claim(mailing, wanted)
            if got:
                taken[mailing.id] = got
                room -= len(got)
            elif wanted:
                self._empty.add(mailing.id)
        if room <= 0:
            appetite.more = True
            self._adapt(appetite, now, lane.account.connections)
        return taken

    def seem_done(self, held: Collection[int]) -> set[int]:
        """Mailings that gave nothing and of which nothing is in hand; forgotten when asked."""
        done = self._empty - set(held)
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

    def _allowed(self, lane: Lane, room: int, now: float, appetite: Appetite) -> int:
        if not lane.account.limits:
            return room
        at = self._clock.now()
        with self._engine.connect() as connection:
            allowed, ready_at = pace.allowance(
                connection, lane.account.id, lane.account.limits, at, room
            )
        if ready_at is not None:
            appetite.ready_at = now + max(0.0, (ready_at - at).total_seconds())
        return allowed

    def _due(
        self,
        mailing: outbox.OpenMailing,
        room: int,
        now: float,
        held: Collection[int],
        appetite: Appetite,
    ) -> int:
        """How many of a mailing may be claimed: with a delay one at a time, when it is due."""
        if mailing.delay_seconds <= 0:
            return room
        if mailing.id in held or self._held_elsewhere(mailing.id):
            return 0
        if mailing.last_delivery_at is not None:
            due = mailing.last_delivery_at + timedelta(seconds=mailing.delay_seconds)
            left = (due - self._clock.now()).total_seconds()
            if left > 0:
                ready_at = now + min(left, mailing.delay_seconds)
                earlier = appetite.ready_at or ready_at
                appetite.ready_at = min(earlier, ready_at)
                return 0
        return 1

    def _held_elsewhere(self, mailing_id: int) -> bool:
        query = select(Message.id).where(
            Message.mailing_id == mailing_id,
            Message.worker.is_not(None),
            Message.state.in_(UNDER_WAY),
        )
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _claim(self, mailing: outbox.OpenMailing, limit: int) -> list[outbox.Claimed]:
        if limit <= 0:
            return []
        return outbox.claim(
            self._engine, mailing, self._worker, limit, self._clock.now(), self._note
        )

    def _adapt(self, appetite: Appetite, now: float, connections: int) -> None:
        """Larger groups where the server is quick, so that little is in hand where it is slow."""
        since, appetite.filled_at = now - appetite.filled_at, now
        if since < QUICK:
            appetite.size = min(LARGEST, appetite.size * 2)
        elif since > SLOW:
            appetite.size = max(SMALLEST, connections, appetite.size // 2)
