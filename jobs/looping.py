"""The server's loop: it looks after the connections on which something happens.

waitress's own loop asks every open connection at every turn what it waits for. With the pages of an
office open and hundreds of hits a second, that alone is a fifth of what answering hits costs. Here
the kernel keeps the list (epoll). A connection is asked when something happened on it; those that
are not just waiting for a request also when a thread pulls waitress's trigger; and all of them once
a second, as often as waitress asks when nothing happens.

Hits come singly, hundreds a second, and waking up for each breaks in on the sending worker each
time. So what comes within a few milliseconds is answered together, unless an upload or a
download is under way.
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
_TOGETHER = 0.005
_MOST_ACCEPTED = 64


class Channels(dict[int, Any]):
    """waitress's connections by their descriptors, and what the kernel watches each for."""

    def __init__(self) -> None:
        super().__init__()
        self._kernel = select.epoll()
        self._watched: dict[int, int] = {}
        self._busy: set[int] = set()
        self._flowing: set[int] = set()
        self._ask: set[int] = set()
        self._all_at = 0.0
        self._burst = False

    def __setitem__(self, descriptor: int, channel: Any) -> None:
        super().__setitem__(descriptor, channel)
        self._ask.add(descriptor)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._watch(descriptor, 0)
        self._busy.discard(descriptor)
        self._flowing.discard(descriptor)

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
        for descriptor, events in self._wait(min(timeout, _ALL_EVERY)):
            channel = self.get(descriptor)
            if channel is None:
                continue
            self._ask.add(descriptor)
            wasyncore.readwrite(channel, events)
            if channel.accepting:
                self._accept_more(channel, events)
            if isinstance(channel, trigger):
                self._ask.update(self._busy)

    def _wait(self, timeout: float) -> list[tuple[int, int]]:
        """What has happened, or happens next; in a burst, what comes together."""
        if self._burst and not self._flowing:
            time.sleep(_TOGETHER)
        began = time.monotonic()
        found = self._kernel.poll(timeout)
        self._burst = time.monotonic() - began < _TOGETHER
        return found

    def _accept_more(self, listener: Any, events: int) -> None:
        """waitress accepts one connection at a time; here the others that wait follow."""
        for _ in range(_MOST_ACCEPTED):
            before = len(self)
            if not listener.readable():
                return
            wasyncore.readwrite(listener, events)
            if len(self) == before:
                return

    def _look(self, descriptor: int, channel: Any) -> None:
        wanted = _READ if channel.readable() else 0
        if channel.writable() and not channel.accepting:
            wanted |= select.EPOLLOUT
        self._watch(descriptor, wanted)
        if wanted == _READ:
            self._busy.discard(descriptor)
        else:
            self._busy.add(descriptor)
        if _flows(channel, wanted):
            self._flowing.add(descriptor)
        else:
            self._flowing.discard(descriptor)

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


def _flows(channel: Any, wanted: int) -> bool:
    """Whether a request comes, or an answer leaves, in more than one bit."""
    if wanted & select.EPOLLOUT:
        return not channel.close_when_flushed
    return getattr(channel, "request", None) is not None


def _loop(timeout: float, map: Channels, **_options: Any) -> None:
    """In the place of :func:`waitress.wasyncore.loop`: ends when no connection is left."""
    while map:
        map.turn(timeout)


def asyncore() -> Any:
    """waitress's module of that name, with this loop."""
    return SimpleNamespace(**vars(wasyncore) | {"loop": _loop})
