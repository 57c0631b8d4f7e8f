"""Who works with an instance folder now: what may only happen while nobody does, asks here.

Every server and worker holds a shared lock on ``instance/.running`` while it lives; the kernel
takes it back when the process dies, however it dies.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctm import filelocks
from ctm.errors import Conflict, Unavailable
from ctm.i18n import _l

NAME = ".running"


def _lock(path: Path, shared: bool) -> int | None:
    """A descriptor that holds the lock, or ``None`` if others are in the way.

    :raises Unavailable: the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if filelocks.lock(descriptor, shared):
            return descriptor
    except OSError as error:
        os.close(descriptor)
        words = _l(
            "%(folder)s cannot be locked: %(words)s. Put CTM's folder on a disk of this machine.",
            folder=str(path.parent),
            words=error.strerror or str(error),
        )
        raise Unavailable(words) from None
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
