"""A recipient removes itself (G10, X4; RFC 8058). It holds for every later mailing."""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import force_locale
from sqlalchemy import select, update

from ctm import consent, counters, settings, suppressions
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing import outcomes
from ctm.mailing.tracking.hits import Request
from ctm.models import Hit, HitKind, Mailing, Message, Outcome


@dataclass(frozen=True)
class Subject:
    """Whom a remove link speaks of. ``language`` is the mailing's."""

    message_id: int
    address: str
    language: str
    removed: bool


def find(message_id: int) -> Subject | None:
    """The recipient of a message, or None if the message is gone."""
    query = (
        select(Message.to_address, Mailing.options)
        .join(Mailing, Mailing.id == Message.mailing_id)
        .where(Message.id == message_id)
    )
    row = db.session.execute(query).first()
    if row is None:
        return None
    removed = suppressions.is_suppressed(row.to_address)
    return Subject(message_id, row.to_address, row.options.get("language", "it"), removed)


def masked(address: str) -> str:
    """The address, recognisable to its owner only: ``g•••o@example.it``."""
    local, _at, domain = address.rpartition("@")
    shown = f"{local[:1]}•••{local[-1:]}" if len(local) > 2 else f"{local[:1]}•••"
    return f"{shown}@{domain}"


def remove(message_id: int, request: Request) -> Subject | None:
    """Remove the recipient of a message, and withdraw the client's consent to marketing.

    Doing it twice changes nothing more.
    """
    subject = find(message_id)
    if subject is None:
        return None
    now = utcnow()
    row = db.session.execute(
        update(Message)
        .where(Message.id == message_id, Message.removed_at.is_(None))
        .values(removed_at=now)
        .returning(Message.campaign_id, Message.member_id)
        .execution_options(synchronize_session=False)
    ).first()
    suppressions.suppress(subject.address, "removed", message_id, commit=False)
    if row is not None and row.campaign_id is not None:
        db.session.add(
            Hit(
                at=now,
                kind=HitKind.REMOVE,
                campaign_id=row.campaign_id,
                message_id=message_id,
                method=request.method[:10],
                ip=request.ip[:45],
                user_agent=request.user_agent[:300],
            )
        )
        counters.add(row.campaign_id, {"removed": 1})
        if row.member_id is not None:
            outcomes.reach(db.session, Outcome.REMOVED, [row.member_id])
    _withdraw(message_id, subject.address, request.ip, now)
    db.session.commit()
    return Subject(subject.message_id, subject.address, subject.language, True)


def _withdraw(message_id: int, address: str, ip: str, now: datetime) -> None:
    """The proof says what was pressed, and in which mail."""
    message = db.session.execute(
        select(Message.client_id, Message.message_id, Mailing.subject)
        .join(Mailing, Mailing.id == Message.mailing_id)
        .where(Message.id == message_id)
    ).one()
    if message.client_id is None:
        return
    with force_locale(settings.office_language()):
        wording = _("The remove link of the mail “%(subject)s”.", subject=message.subject)
    consent.withdraw_marketing(
        message.client_id,
        address=address,
        ip=ip,
        at=now,
        wording=wording,
        note=message.message_id,
    )
