"""Recording what recipients (and machines) ask for: openings, clicks (G8, G9)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ctm import sql
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.tracking.arrivals import Arrival
from ctm.mailing.tracking.settling import READ, STEP, settle
from ctm.models import HitKind, Message, TrackedLink

__all__ = ["READ", "STEP", "Request", "arrival", "link_of", "record"]

_ATTEMPTS = 5


@dataclass(frozen=True)
class Request:
    """What is known of a request."""

    method: str = "GET"
    ip: str = ""
    user_agent: str = ""


def link_of(message_id: int, position: int) -> TrackedLink | None:
    """The link at a place of the message's own mailing."""
    query = (
        select(TrackedLink)
        .join(Message, Message.mailing_id == TrackedLink.mailing_id)
        .where(Message.id == message_id, TrackedLink.position == position)
    )
    link: TrackedLink | None = db.session.scalar(query)
    return link


def arrival(message_id: int, kind: HitKind, request: Request, position: int = 0) -> Arrival:
    """A hit that comes now."""
    return Arrival(
        message_id, kind, utcnow(), request.method, request.ip, request.user_agent, position
    )


def record(
    message_id: int, kind: HitKind, request: Request, link: TrackedLink | None = None
) -> None:
    """Keep a hit and count it at once. A message of no campaign (a test) is not counted.

    On PostgreSQL two transactions may lock list statuses and counters in opposite order; the one
    the database ends is done again.
    """
    hit = arrival(message_id, kind, request, link.position if link else 0)
    for attempt in range(_ATTEMPTS):
        try:
            connection = db.session.connection()
            sql.begin_writing(connection)
            settle(connection, [hit])
            db.session.commit()
            return
        except OperationalError as error:
            db.session.rollback()
            if not deadlocked(error) or attempt == _ATTEMPTS - 1:
                raise


def deadlocked(error: OperationalError) -> bool:
    """Whether the database ended this transaction in favour of another: it may be done again."""
    return getattr(error.orig, "sqlstate", "") in {"40P01", "40001"}
