"""Leases: what one process at a time may do, whatever the number of processes.

A lease is a row with its holder and the moment it ends. Taking and renewing are one
compare-and-set, so two processes never both believe to hold it while their clocks agree.
"""

import os
import socket
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import Lease


def this_process() -> str:
    """A name for this process, unique among the machines that share the database."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}:{os.urandom(3).hex()}"


def acquire(name: str, holder: str, seconds: float) -> bool:
    """Take the lease, or renew it, for so many seconds; ``False`` while another holds it."""
    now = utcnow()
    end = now + timedelta(seconds=seconds)
    taken = db.session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.holder == holder, Lease.expires_at < now))
        .values(holder=holder, expires_at=end)
    )
    if taken.rowcount:  # type: ignore[attr-defined]
        db.session.commit()
        return True
    if db.session.scalar(select(Lease.name).where(Lease.name == name)) is not None:
        db.session.rollback()
        return False
    try:
        db.session.add(Lease(name=name, holder=holder, expires_at=end))
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return False
    return True


def release(name: str, holder: str) -> None:
    """Give the lease back; does nothing if another holds it by now."""
    db.session.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))
    db.session.commit()


def holder(name: str) -> str | None:
    """Who holds the lease now, if anybody."""
    return db.session.scalar(
        select(Lease.holder).where(Lease.name == name, Lease.expires_at >= utcnow())
    )


def delete_expired(older_than: timedelta = timedelta(days=1)) -> int:
    """Forget leases that nobody has held for a while; returns how many."""
    gone = db.session.execute(delete(Lease).where(Lease.expires_at < utcnow() - older_than))
    db.session.commit()
    return int(gone.rowcount)  # type: ignore[attr-defined]
