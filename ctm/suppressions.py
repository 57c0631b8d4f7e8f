"""Addresses that get no more mail: who removed himself, who bounced, who was entered by hand."""

from typing import BinaryIO

from sqlalchemy import Select, select

from ctm import audit, exporting, sql
from ctm.clients.checks import clean_email, clean_text
from ctm.clock import utcnow
from ctm.errors import InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Suppression

REASONS = {
    "removed": _l("removed by the recipient"),
    "bounced": _l("the address does not exist"),
    "complaint": _l("reported as unwanted"),
    "by_hand": _l("entered by hand"),
}


def suppress(
    address: str,
    reason: str = "removed",
    message_id: int | None = None,
    note: str = "",
    commit: bool = True,
) -> bool:
    """Send nothing more to this address; whether it was not on the list yet.

    Once is enough: whoever removed himself stays removed by himself.

    :raises InvalidInput: not an address, or a reason CTM does not know.
    """
    if reason not in REASONS:
        raise InvalidInput(_l("Choose one of the reasons."), "reason")
    email = clean_email(address or "", "address")
    if not email:
        raise InvalidInput(_l("Type the address that gets no more mail."), "address")
    values = {
        "address": email,
        "reason": reason,
        "message_id": message_id,
        "note": clean_text(note, 255),
        "created_at": utcnow(),
    }
    insert = sql.insert(db.session, Suppression.__table__).values(**values)  # type: ignore[arg-type]
    new = insert.on_conflict_do_nothing().returning(Suppression.id)
    added = db.session.execute(new).first() is not None
    if added:
        audit.record("suppression.add", address=email, reason=reason)
    if commit:
        db.session.commit()
    return added


def is_suppressed(address: str) -> bool:
    query = select(Suppression.id).where(Suppression.address == address.strip().lower())
    return db.session.scalar(query) is not None


def lift(address: str, why: str) -> None:
    """Let mail go to the address again; ``why`` is kept in the audit log.

    :raises InvalidInput: no reason is given.
    :raises NotFound: the address is not on the list.
    """
    words = clean_text(why or "", 255)
    if not words:
        raise InvalidInput(
            _l("Write why the address may get mail again, for example: asked by telephone."), "why"
        )
    wanted = address.strip().lower()
    found = db.session.scalar(select(Suppression).where(Suppression.address == wanted))
    if found is None:
        raise NotFound(_l("“%(address)s” is not on the list.", address=address))
    audit.record("suppression.lift", address=wanted, reason=found.reason, why=words)
    db.session.delete(found)
    db.session.commit()


def find(text: str = "", reason: str = "") -> Select[Suppression]:
    """The list, newest first, narrowed to what stands in the address or note."""
    query = select(Suppression).order_by(Suppression.created_at.desc(), Suppression.id.desc())
    if reason:
        query = query.where(Suppression.reason == reason)
    if text:
        column = Suppression.address + " " + Suppression.note
        query = query.where(sql.holds(column, text))
    return query


def export(out: BinaryIO, text: str, reason: str, locale: str) -> int:
    """Write the list, narrowed like :func:`find`, as CSV; returns the number of addresses."""
    columns = (_("Address"), _("Reason"), _("Since"), _("Note"))
    rows = (
        (each.address, str(REASONS.get(each.reason, each.reason)), each.created_at, each.note)
        for each in db.session.scalars(find(text, reason))
    )
    count = exporting.write_csv(out, columns, rows, locale)
    audit.record("suppression.export", count=count)
    db.session.commit()
    return count
