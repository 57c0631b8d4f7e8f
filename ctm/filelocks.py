"""Locks on files (flock): the kernel takes them back when a process dies, however it dies."""

import fcntl
import os


def lock(descriptor: int, shared: bool = False) -> bool:
    """Lock an open file for oneself, or with others; ``False``, at once, if others are in the way.

    :raises OSError: this file cannot be locked.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_new(descriptor: int) -> bool:
    """Lock a file just made, where an unlocked one counts as left behind.

    ``False`` if who looks for such files has locked or removed it meanwhile: make another.
    """
    return lock(descriptor) and os.fstat(descriptor).st_nlink > 0
