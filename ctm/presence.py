"""Who works with an instance folder now: what may only happen while nobody does, asks here.

Every server and worker holds a shared lock on ``instance/.running`` while it lives; the kernel
takes it back when the process dies, however it dies.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctm import filelocks
from ctm.errors import Conflict
from ctm.i18n import _l

NAME = ".running"


def _lock(path: Path, shared: bool) -> int | None:
    """A descriptor that holds the lock, or ``None`` if others are in the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if filelocks.lock(descriptor, shared):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def at_work(instance: Path) -> Iterator[None]:
    """Hold the instance as one of the programs that work with it.

    :raises Conflict: a restore is under way.
    """
    held = _lock(instance / NAME, shared=True)
    if held is None:
        raise Conflict(_l("A backup is being restored here. Start CTM when that has ended."))
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def alone(instance: Path, name: str = NAME) -> Iterator[bool]:
    """Hold the instance for oneself; yields ``False`` if somebody is at work."""
    held = _lock(instance / name, shared=False)
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)
