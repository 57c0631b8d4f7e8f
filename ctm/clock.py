"""Time, in one place. Stored times are naive UTC datetimes."""

import time
from datetime import datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1)


class Clock(Protocol):
    """What the engine needs to know of time; tests pass one they can turn."""

    def now(self) -> datetime:
        """The current time, naive UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...


def utcnow() -> datetime:
    """The current time as a naive UTC datetime."""
    return _EPOCH + timedelta(microseconds=time.time_ns() // 1000)


class SystemClock:
    """The machine's own clock."""

    now = staticmethod(utcnow)
    monotonic = staticmethod(time.monotonic)
