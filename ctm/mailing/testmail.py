"""A test mail: the campaign's mail, to whoever writes it, through the same outbox."""

from email.utils import make_msgid
from typing import Any

from flask_babel import force_locale

from ctm import audit
from ctm.extensions import db
from ctm.mailing import snapshot, values
from ctm.mailing.compose import check_address
from ctm.mailing.merge import catalogue_of
from ctm.models import Campaign, Client, Mailing, MailingKind, Message, User

URGENT = -10


def send_test(campaign: Campaign, to_address: str, client: Client | None, author: User) -> Message:
    """Queue one mail to ``to_address``, filled in for ``client`` (or with sample values).

    It counts in no statistics of the campaign.

    :raises CtmError: the address or the mail is not right.
    """
    address = check_address(to_address)
    mailing = snapshot.take(campaign, MailingKind.TEST, author.id)
    mailing.priority = URGENT
    db.session.flush()
    message = Message(
        mailing_id=mailing.id,
        account_id=mailing.account_id,
        client_id=client.id if client else None,
        recipient_key=address.lower(),
        to_address=address,
        to_name=client.display_name if client else author.name,
        source="test",
        message_id=make_msgid(domain=snapshot.message_domain(mailing)),
        merge_values=None if client else _sample_values(mailing),
        priority=URGENT,
    )
    db.session.add(message)
    audit.record("campaign.test", campaign, to=address)
    db.session.commit()
    return message


def _sample_values(mailing: Mailing) -> dict[str, Any]:
    with force_locale(mailing.options["language"]):
        return values.freeze(catalogue_of(mailing.module).samples())
