"""Whether a worker's claims are still its own.

A worker that gives no sign of life is held for lost by the others, and its claims are settled
(``ctm.mailing.recovery``). It may be alive all the same: asleep with its machine, stopped, cut off
from the database. So it asks again before it begins a mail when its last sign of life is older
than ``SURE_FOR``, which is far less than what the others wait.
"""

import time
from collections.abc import Callable

SURE_FOR = 45.0
BEAT_EVERY = 20.0
ASK_AGAIN = 1.0


def moments() -> tuple[float, float]:
    """Seconds that go on while the machine sleeps, and those of the wall clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock), time.time()


class Standing:
    """A worker's registration among the others, and how old its last proof is.

    ``beat()`` writes a sign of life, and says whether the others still count on this worker;
    ``sign_in()`` registers it anew.
    """

    def __init__(
        self,
        beat: Callable[[], bool],
        sign_in: Callable[[], None],
        now: Callable[[], tuple[float, float]] = moments,
    ) -> None:
        self._beat = beat
        self._sign_in = sign_in
        self._now = now
        self._proved = now()
        self._asked = self._proved

    @property
    def sure(self) -> bool:
        """Whether nobody can have held this worker for lost."""
        return self._since(self._proved) < SURE_FOR

    @property
    def due(self) -> bool:
        """Whether it is time for a sign of life; after a failure, only a while later."""
        return self._since(self._proved) >= BEAT_EVERY and self._since(self._asked) >= ASK_AGAIN

    def prove(self) -> bool:
        """Give a sign of life; false if the others held this worker for lost: it starts anew.

        :raises DBAPIError: the database does not answer; nothing is proved.
        """
        self._asked = self._now()
        counted_on = self._beat()
        if not counted_on:
            self._sign_in()
        self._proved = self._asked
        return counted_on

    def _since(self, then: tuple[float, float]) -> float:
        """The longer of two measures: a clock may be set back, or stand still."""
        awake, wall = self._now()
        return max(awake - then[0], wall - then[1])
