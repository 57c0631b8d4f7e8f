"""Changes to clients and their contacts. Every function commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_, select
from sqlalchemy import update as sql_update

from ctm import audit, counters
from ctm.clients import checks, derived
from ctm.clients.fields import EMAILS
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import (
    PENDING,
    CampaignMember,
    Client,
    ClientKind,
    Contact,
    Message,
    MessageState,
)

CHUNK = 500
DEFAULTS: dict[str, Any] = {"kind": ClientKind.PERSON, "active": True}


def get(client_id: int) -> Client:
    """
    :raises NotFound: there is no such client.
    """
    client = db.session.get(Client, client_id)
    if client is None:
        raise NotFound(_("There is no such client. It may have been deleted."))
    return client


def create(values: Mapping[str, Any]) -> Client:
    """Enter a new client.

    :raises checks.InvalidFields: with what is wrong, field by field.
    """
    client = Client(**DEFAULTS)
    assign(client, checks.clean_client(values))
    db.session.add(client)
    db.session.flush()
    audit.record("client.create", client)
    db.session.commit()
    return client


def update(client: Client, values: Mapping[str, Any], seen: datetime | None = None) -> Client:
    """Change a client. ``seen`` is the ``updated_at`` the user had in front of him.

    :raises checks.InvalidFields: with what is wrong, field by field.
    :raises Conflict: somebody else has changed the client since ``seen``.
    """
    cleaned = checks.clean_client(values)
    before = {name: getattr(client, name) for name in cleaned}
    if seen is not None:
        _take_turn(client, seen)
    assign(client, cleaned)
    changed = sorted(name for name, old in before.items() if getattr(client, name) != old)
    if changed:
        audit.record("client.update", client, fields=changed)
    db.session.commit()
    return client


def _take_turn(client: Client, seen: datetime) -> None:
    """Move ``updated_at`` on, unless another did so first."""
    mine = (
        sql_update(Client)
        .where(Client.id == client.id, Client.updated_at == seen)
        .values(updated_at=utcnow())
        .execution_options(synchronize_session=False)
    )
    if db.session.execute(mine).rowcount:  # type: ignore[attr-defined]
        return
    db.session.rollback()
    db.session.refresh(client)
    raise Conflict(
        _(
            "Somebody else has changed “%(name)s” meanwhile. Compare with the values now kept, "
            "then save again to keep yours.",
            name=client.display_name,
        )
    )


def assign(client: Client, cleaned: Mapping[str, Any]) -> bool:
    """Put cleaned values into a client and refresh what is derived; whether anything changed.

    :raises checks.InvalidFields: the client has no name, or its code belongs to another.
    """
    changed = False
    for name, value in cleaned.items():
        if getattr(client, name) != value:
            setattr(client, name, value)
            changed = True
    if not any((client.first_name, client.last_name, client.company_name)):
        raise checks.InvalidFields({"last_name": _("Write a last name or a company name.")})
    if cleaned.get("code") and _code_taken(client):
        raise checks.InvalidFields({"code": _("Another client already has this code.")})
    refresh(client)
    return changed


def _code_taken(client: Client) -> bool:
    with db.session.no_autoflush:
        other = select(Client.id).where(Client.code == client.code)
        if client.id is not None:
            other = other.where(Client.id != client.id)
        return db.session.scalar(other.limit(1)) is not None


def refresh(client: Client) -> None:
    """Bring ``display_name`` and ``search_text`` up to date with the other fields."""
    client.display_name = derived.display_name(
        client.kind, client.last_name or "", client.first_name or "", client.company_name or ""
    )
    client.search_text = derived.search_text(client, client.contacts)


def duplicates(values: Mapping[str, Any], besides: int | None = None) -> list[Client]:
    """Other clients with the same tax code, VAT number or an e-mail address; at most five.

    Values that cannot be read are passed over: they are refused when the client is saved.
    """
    cleaned: dict[str, str] = {}
    readers = {"tax_code": checks.tax_code, "vat_number": checks.vat_number}
    readers |= dict.fromkeys(EMAILS, checks.clean_email)
    for name, read in readers.items():
        try:
            cleaned[name] = read(str(values.get(name) or ""))
        except InvalidInput:
            continue
    same = [
        getattr(Client, name) == cleaned[name]
        for name in ("tax_code", "vat_number")
        if cleaned.get(name)
    ]
    addresses = [cleaned[name] for name in EMAILS if cleaned.get(name)]
    if addresses:
        same += [getattr(Client, name).in_(addresses) for name in EMAILS]
    if not same:
        return []
    query = select(Client).where(or_(*same)).order_by(Client.id).limit(5)
    if besides is not None:
        query = query.where(Client.id != besides)
    with db.session.no_autoflush:
        return list(db.session.scalars(query))


def set_active(ids: Iterable[int], active: bool) -> int:
    """Mark clients active or not; returns how many changed."""
    changed = 0
    for some in _chunks(ids):
        statement = (
            sql_update(Client)
            .where(Client.id.in_(some), Client.active != active)
            .values(active=active, updated_at=utcnow())
        )
        changed += db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    audit.record("client.activate" if active else "client.deactivate", count=changed)
    db.session.commit()
    return changed


def deactivate(ids: Iterable[int]) -> int:
    return set_active(ids, False)


def in_sending(ids: Sequence[int]) -> int:
    """How many of these clients have mails that are waiting, under way or undecided."""
    states = (*PENDING, MessageState.UNCERTAIN)
    found = 0
    for some in _chunks(ids):
        query = select(func.count(func.distinct(Message.client_id))).where(
            Message.client_id.in_(some), Message.state.in_(states)
        )
        found += db.session.scalar(query) or 0
    return found


def delete(ids: Iterable[int]) -> int:
    """Delete clients with their contacts and places in campaigns; mails already sent stay in
    the sent mail. Returns how many were deleted.

    :raises Conflict: a mail to one of them is waiting, under way or undecided.
    """
    wanted = list(ids)
    busy = in_sending(wanted)
    if busy:
        raise Conflict(
            _(
                "%(count)s of these clients have mails that are waiting or undecided. "
                "Stop their campaigns or decide first; nothing was deleted.",
                count=busy,
            )
        )
    deleted = 0
    for some in _chunks(wanted):
        _leave_campaigns(some)
        db.session.execute(sql_delete(Contact).where(Contact.client_id.in_(some)))
        gone = db.session.execute(sql_delete(Client).where(Client.id.in_(some)))
        deleted += gone.rowcount  # type: ignore[attr-defined]
    audit.record("client.delete", count=deleted, ids=wanted[:100])
    db.session.commit()
    return deleted


def _leave_campaigns(ids: Sequence[int]) -> None:
    """Take these clients out of every campaign, counters included."""
    places = (
        select(CampaignMember.campaign_id, CampaignMember.list_status_id, func.count())
        .where(CampaignMember.client_id.in_(ids))
        .group_by(CampaignMember.campaign_id, CampaignMember.list_status_id)
    )
    for campaign_id, status_id, number in db.session.execute(places).all():
        counters.add(campaign_id, {"members": -number, f"status:{status_id or 0}": -number})
    db.session.execute(sql_delete(CampaignMember).where(CampaignMember.client_id.in_(ids)))


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


def get_contact(client: Client, contact_id: int) -> Contact:
    """
    :raises NotFound: the client has no such contact.
    """
    contact = db.session.get(Contact, contact_id)
    if contact is None or contact.client_id != client.id:
        raise NotFound(_("There is no such contact. It may have been deleted."))
    return contact


def save_contact(
    client: Client, values: Mapping[str, Any], contact: Contact | None = None
) -> Contact:
    """Add a contact to a client, or change the given one.

    :raises checks.InvalidFields: with what is wrong, field by field.
    """
    cleaned = checks.clean_contact(values)
    is_new = contact is None
    if contact is None:
        contact = Contact()
        client.contacts.append(contact)
    for name, value in cleaned.items():
        setattr(contact, name, value)
    contact.active = bool(values.get("active", True))
    refresh(client)
    db.session.flush()
    audit.record("contact.create" if is_new else "contact.update", contact, client=client.id)
    db.session.commit()
    return contact


def delete_contact(client: Client, contact: Contact) -> None:
    audit.record("contact.delete", contact, client=client.id)
    client.contacts.remove(contact)
    refresh(client)
    db.session.commit()
