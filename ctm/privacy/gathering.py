"""All that is kept of a client, as plain values."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import inspect, or_, select
from sqlalchemy.orm import joinedload

from ctm import consent
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.mailing import snapshot, values
from ctm.mailing.compose import RenderedPreview, preview
from ctm.mailing.merge import catalogue_of
from ctm.models import (
    AuditEntry,
    CampaignMember,
    Client,
    Contact,
    Hit,
    Instalment,
    Mailing,
    Message,
    MessageFile,
    Policy,
    Suppression,
)

INTERNAL = {"search_text", "client_id"}
BATCH = 100


def columns(record: object) -> dict[str, Any]:
    """A record's own columns."""
    return {
        column.key: getattr(record, column.key)
        for column in inspect(type(record)).column_attrs
        if column.key not in INTERNAL
    }


def sections(client: Client) -> dict[str, list[dict[str, Any]]]:
    """What is kept beside the mails, by section."""
    of_client = {
        "contacts": select(Contact).where(Contact.client_id == client.id),
        "policies": select(Policy).where(Policy.client_id == client.id),
        "instalments": select(Instalment).where(Instalment.client_id == client.id),
    }
    found = {"client": [columns(client)]}
    found |= {
        name: [columns(each) for each in db.session.scalars(query)]
        for name, query in of_client.items()
    }
    return found | {
        "campaigns": _campaigns(client),
        "consents": [
            columns(event) | {"purpose": event.purpose.name, "entered_by": name}
            for event, name in consent.latest(client.id, limit=10_000)
        ],
        "removed_addresses": [columns(each) for each in suppressions_of(client)],
        "audit": [_without_staff(columns(each)) for each in audit_of(client)],
    }


def _without_staff(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what is the user's own: the client learns who, not from where."""
    return {name: value for name, value in entry.items() if name not in {"ip", "user_id"}}


def _campaigns(client: Client) -> list[dict[str, Any]]:
    query = (
        select(CampaignMember)
        .where(CampaignMember.client_id == client.id)
        .options(joinedload(CampaignMember.campaign), joinedload(CampaignMember.list_status))
    )
    return [
        {
            "campaign": each.campaign.name,
            "list_status": each.list_status.name if each.list_status else "",
            "added_at": each.added_at,
        }
        for each in db.session.scalars(query)
    ]


def addresses_of(client: Client) -> set[str]:
    """Every address kept with the client or its contacts, folded."""
    own = [client.email1, client.email2, client.email3, client.pec]
    own += [contact.email for contact in client.contacts]
    return {address.strip().lower() for address in own if address}


def suppressions_of(client: Client) -> list[Suppression]:
    query = select(Suppression).where(Suppression.address.in_(addresses_of(client)))
    return list(db.session.scalars(query))


def audit_of(client: Client) -> list[AuditEntry]:
    """The entries about the client and its contacts."""
    about_contact = (AuditEntry.object_type == "contacts") & (
        AuditEntry.detail["client"].as_integer() == client.id
    )
    about_client = (AuditEntry.object_type == "clients") & (AuditEntry.object_id == client.id)
    query = select(AuditEntry).where(or_(about_client, about_contact)).order_by(AuditEntry.id)
    return list(db.session.scalars(query))


def mails(client: Client) -> Iterator[Message]:
    """The client's mails, oldest first, a batch at a time."""
    after = 0
    while True:
        query = (
            select(Message)
            .where(Message.client_id == client.id, Message.id > after)
            .options(joinedload(Message.mailing).joinedload(Mailing.campaign))
            .order_by(Message.id)
            .limit(BATCH)
        )
        batch = list(db.session.scalars(query))
        if not batch:
            return
        yield from batch
        after = batch[-1].id


def hits_of(message: Message) -> list[dict[str, Any]]:
    query = select(Hit).where(Hit.message_id == message.id).order_by(Hit.id).limit(1000)
    return [columns(each) for each in db.session.scalars(query)]


def files_of(message: Message) -> list[MessageFile]:
    """The documents that were made for this mail alone."""
    query = select(MessageFile).where(MessageFile.message_id == message.id)
    return list(db.session.scalars(query.options(joinedload(MessageFile.file))))


def as_sent(message: Message) -> RenderedPreview | None:
    """The mail filled in with the values it was sent with; none before it is sent, or where it
    can no longer be made."""
    if message.merge_values is None:
        return None
    mailing = message.mailing
    kept = mailing.sql_fields
    sql = {name: bool(each["html"]) for name, each in kept.items()} if kept else None
    try:
        catalogue = catalogue_of(mailing.module, sql)
        return preview(snapshot.content_of(mailing), values.thaw(message.merge_values), catalogue)
    except CtmError:
        return None
