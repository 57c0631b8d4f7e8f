"""The server's loop: it looks after the connections on which something happens.

waitress's own loop asks every open connection at every turn what it waits for. With the pages of an
office open and hundreds of hits a second, that alone is a fifth of what answering hits costs. Here
the kernel keeps the list (epoll). A connection is asked when something happened on it; those that
are not just waiting for a request also when a thread pulls waitress's trigger; and all of them once
a second, as often as waitress asks when nothing happens.
"""

import select
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from waitress import wasyncore
from waitress.trigger import trigger

_READ = select.EPOLLIN | select.EPOLLPRI
_ALL_EVERY = 1.0


class Channels(dict[int, Any]):
    """waitress's connections by their descriptors, and what the kernel watches each for."""

    def __init__(self) -> None:
        super().__init__()
        self._kernel = select.epoll()
        self._watched: dict[int, int] = {}
        self._busy: set[int] = set()
        self._ask: set[int] = set()
        self._all_at = 0.0

    def __setitem__(self, descriptor: int, channel: Any) -> None:
        super().__setitem__(descriptor, channel)
        self._ask.add(descriptor)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._watch(descriptor, 0)
        self._busy.discard(descriptor)

    def turn(self, timeout: float = _ALL_EVERY) -> None:
        """Wait until something happens, and let the connections see to it."""
        now = time.monotonic()
        if now >= self._all_at:
            self._all_at = now + _ALL_EVERY
            self._ask.update(self)
        asked, self._ask = self._ask, set()
        for descriptor in asked:
            channel = self.get(descriptor)
            if channel is not None:
                self._look(descriptor, channel)
        for descriptor, events in self._kernel.poll(min(timeout, _ALL_EVERY)):
            channel = self.get(descriptor)
            if channel is None:
                continue
            self._ask.add(descriptor)
            wasyncore.readwrite(channel, events)
            if isinstance(channel, trigger):
                self._ask.update(self._busy)

    def _look(self, descriptor: int, channel: Any) -> None:
        wanted = _READ if channel.readable() else 0
        if channel.writable() and not channel.accepting:
            wanted |= select.EPOLLOUT
        self._watch(descriptor, wanted)
        if wanted == _READ:
            self._busy.discard(descriptor)
        else:
            self._busy.add(descriptor)

    def _watch(self, descriptor: int, wanted: int) -> None:
        """What is watched for nothing is not watched at all: epoll would tell of hang-ups."""
        watched = self._watched.get(descriptor, 0)
        if wanted == watched:
            return
        if not wanted:
            del self._watched[descriptor]
            with suppress(OSError):
                self._kernel.unregister(descriptor)
            return
        self._watched[descriptor] = wanted
        if watched:
            self._kernel.modify(descriptor, wanted)
        else:
            self._kernel.register(descriptor, wanted)


def _loop(timeout: float, map: Channels, **_options: Any) -> None:
    """In the place of :func:`waitress.wasyncore.loop`: ends when no connection is left."""
    while map:
        map.turn(timeout)


def asyncore() -> Any:
    """waitress's module of that name, with this loop."""
    return SimpleNamespace(**vars(wasyncore) | {"loop": _loop})
