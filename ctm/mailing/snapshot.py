"""The snapshot a mailing keeps: what its messages share, as it was when it was started."""

import idna
from flask import current_app

from ctm import files, settings
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import Attachment, CompiledMail, MailContent, compile_mail
from ctm.mailing.merge import Catalogue, catalogue_of
from ctm.models import (
    Campaign,
    Mailing,
    MailingAttachment,
    MailingKind,
    SmtpAccount,
    TrackedLink,
)


def account_of(campaign: Campaign) -> SmtpAccount:
    """The account a campaign sends from, if it can.

    :raises InvalidInput: none chosen, not active, or not allowed in the demo office.
    """
    account = campaign.account
    if account is None:
        raise InvalidInput(_l("Choose the SMTP account the campaign is sent from."), "account")
    if not account.active:
        raise InvalidInput(_l("The SMTP account of the campaign is not active."), "account")
    if settings.is_demo() and not account.practice:
        raise InvalidInput(
            _l("In the demo office only the practice account sends: no mail leaves this machine."),
            "account",
        )
    return account


def take(campaign: Campaign, kind: MailingKind, author_id: int | None) -> Mailing:
    """Copy what the mails of a campaign share into a new mailing, added to the session.

    :raises CtmError: the mail cannot be made (unknown merge field, missing subject …).
    """
    mailing = build(campaign)
    mailing.kind = kind
    mailing.author_id = author_id
    if kind == MailingKind.CAMPAIGN:
        mailing.campaign_id = campaign.id
        mailing.bcc = campaign.bcc
        mailing.delay_seconds = campaign.delay_seconds
        mailing.hours = campaign.hours
    compiled = compile_mailing(mailing)
    mailing.links = [
        TrackedLink(position=position, url=url)
        for position, url in enumerate(compiled.links, start=1)
    ]
    db.session.add(mailing)
    return mailing


def build(campaign: Campaign) -> Mailing:
    """A mailing with the campaign's content, not yet kept.

    :raises CtmError: no account, no subject, no text.
    """
    account = account_of(campaign)
    plain = campaign.body_format == "text"
    if not campaign.subject.strip():
        raise InvalidInput(_l("The mail has no subject."), "subject")
    if not (campaign.body_text if plain else campaign.body_html).strip():
        raise InvalidInput(_l("The mail has no text."), "body_text" if plain else "body_html")
    return Mailing(
        account_id=account.id,
        from_email=campaign.from_email or account.from_email,
        from_name=campaign.from_name or account.from_name,
        reply_to=campaign.reply_to or account.reply_to,
        bcc="",
        subject=campaign.subject,
        html=None if plain else campaign.body_html,
        text=campaign.body_text if plain else None,
        delay_seconds=0.0,
        options={
            "track": campaign.track,
            "unsubscribe": campaign.unsubscribe,
            "language": settings.office_language(),
            "public_url": current_app.config["CTM_PUBLIC_URL"],
        },
        attachments=[
            MailingAttachment(file_id=each.file_id, content_id=each.content_id, file=each.file)
            for each in campaign.attachments
        ],
    )


def content_of(mailing: Mailing) -> MailContent:
    """The mailing's content, with the bytes of its attachments."""
    options = mailing.options
    return MailContent(
        subject=mailing.subject,
        html=mailing.html,
        text=mailing.text,
        from_email=mailing.from_email,
        from_name=mailing.from_name,
        reply_to=mailing.reply_to or None,
        cc=split_addresses(mailing.cc or ""),
        read_receipt_to=(mailing.reply_to or mailing.from_email) if mailing.read_receipt else None,
        documents=bool(mailing.documents),
        attachments=tuple(
            Attachment(
                filename=each.file.name,
                content_type=each.file.content_type,
                data=files.read(each.file),
                cid=each.content_id or None,
            )
            for each in mailing.attachments
        ),
        public_url=options.get("public_url") or None,
        language=options.get("language", "it"),
        unsubscribe=bool(options.get("unsubscribe", True)),
        track=bool(options.get("track", True)),
    )


def split_addresses(kept: str) -> tuple[str, ...]:
    """Addresses as ``cc``, ``bcc`` and ``to_others`` keep them, separated by commas."""
    return tuple(each.strip() for each in kept.split(",") if each.strip())


def compile_mailing(mailing: Mailing) -> CompiledMail:
    """The mailing as a form that is only filled in for each recipient."""
    return compile_mail(content_of(mailing), catalogue(mailing))


def catalogue(mailing: Mailing) -> Catalogue:
    """The fields its mails may use."""
    kept = mailing.sql_fields
    sql = {name: bool(each["html"]) for name, each in kept.items()} if kept else None
    return catalogue_of(mailing.module, sql)


def message_domain(mailing: Mailing) -> str:
    """The domain of the mailing's Message-IDs, as ASCII."""
    return idna.encode(mailing.from_email.rpartition("@")[2], uts46=True).decode()
