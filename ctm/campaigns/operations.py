"""Creating and changing campaigns (G2–G4)."""

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString
from sqlalchemy import func, select

from ctm import audit, copies, sql
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import hours
from ctm.mailing.compose import check_address, sanitise
from ctm.mailing.merge import CLIENTS, catalogue_of, compile_template
from ctm.models import (
    Campaign,
    CampaignAttachment,
    CampaignState,
    ListStatus,
    Message,
    Outcome,
    OutcomeStatus,
    SmtpAccount,
    StoredFile,
    User,
)
from ctm.permissions import visible_accounts

FIXED_WHILE = (CampaignState.RUNNING, CampaignState.PAUSED)
LONGEST_DELAY = 86_400.0
LARGEST_ID = 2**31 - 1
MOST_ATTACHED = 20 * 1024 * 1024
LONGEST_BODY = 2 * 1024 * 1024
_CONTENT_ID = re.compile(r"[A-Za-z0-9._@-]{1,120}")
_TEXTS = {"name": 160, "notes": 10_000, "from_name": 255, "subject": 500}
_ADDRESSES = ("from_email", "reply_to", "bcc")
_FLAGS = ("use_email1", "use_email2", "use_email3", "use_contacts", "track", "unsubscribe")
CHANGE_FILES = _l("The campaign is being sent: stop it before you change its files.")
TOO_MANY_COPIES = _l("There are too many copies of this campaign: rename some.")


def get(campaign_id: int) -> Campaign:
    """
    :raises NotFound: there is no such campaign.
    """
    campaign = db.session.get(Campaign, campaign_id) if campaign_id <= LARGEST_ID else None
    if campaign is None:
        raise NotFound(_l("There is no such campaign."))
    return campaign


def by_name(name: str) -> Campaign:
    """
    :raises NotFound: no campaign has this name.
    """
    campaign = db.session.scalar(select(Campaign).where(Campaign.name == name))
    if campaign is None:
        raise NotFound(_l("There is no campaign “%(name)s”.", name=name))
    return campaign


def create(values: Mapping[str, Any], author: User | None = None) -> Campaign:
    """A new campaign; see :func:`update` for the values.

    :raises InvalidInput: what is wrong, with the field.
    """
    campaign = Campaign(created_by_id=author.id if author else None)
    _assign(campaign, values, author)
    _check_name(campaign)
    db.session.add(campaign)
    db.session.flush()
    audit.record("campaign.create", campaign)
    db.session.commit()
    return campaign


def update(campaign: Campaign, values: Mapping[str, Any], author: User | None = None) -> list[str]:
    """Change a campaign; returns what was taken out of its HTML, in words.

    ``values`` are columns of :class:`Campaign`, ``hours`` as :func:`ctm.mailing.hours.clean`
    takes them, and ``statuses``: outcome → list status id.

    :raises Conflict: its mails are leaving, or it is being deleted.
    :raises InvalidInput: what is wrong, with the field.
    """
    _require_unlocked(
        campaign, _l("The campaign is being sent: stop it before you change what the mails say.")
    )
    removed = _assign(campaign, values, author)
    _check_name(campaign)
    audit.record("campaign.update", campaign, fields=sorted(values))
    db.session.commit()
    return removed


def _assign(campaign: Campaign, values: Mapping[str, Any], author: User | None) -> list[str]:
    removed: list[str] = []
    with db.session.no_autoflush:
        for name, longest in _TEXTS.items():
            if name in values:
                setattr(campaign, name, _line(name, str(values[name] or ""), longest))
        for name in _ADDRESSES:
            if name in values:
                setattr(campaign, name, _address(name, str(values[name] or "")))
        for name in _FLAGS:
            if name in values:
                setattr(campaign, name, bool(values[name]))
        if "body_format" in values:
            campaign.body_format = "text" if values["body_format"] == "text" else "html"
        if "delay_seconds" in values:
            campaign.delay_seconds = _delay(values["delay_seconds"])
        if "hours" in values:
            campaign.hours = hours.clean(values["hours"])
        if "account_id" in values:
            campaign.account = _account(values["account_id"], author)
        removed = _assign_body(campaign, values)
        if "initial_status_id" in values:
            campaign.initial_status = _status(values["initial_status_id"], "initial_status_id")
        for outcome, status_id in dict(values.get("statuses") or {}).items():
            _map(campaign, Outcome(outcome), status_id)
    _check_templates(campaign)
    return removed


def _line(name: str, text: str, longest: int) -> str:
    text = text.strip()
    if name != "notes" and any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise InvalidInput(_l("This has to stay on one line."), name)
    if len(text) > longest:
        raise InvalidInput(_l("At most %(most)s characters.", most=longest), name)
    return text


def _address(name: str, text: str) -> str:
    if not text.strip():
        return ""
    try:
        return check_address(text)
    except InvalidInput as error:
        raise InvalidInput(str(error), name) from None


def _delay(given: Any) -> float:
    try:
        seconds = float(str(given or 0).strip().replace(",", "."))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_DELAY:
        raise InvalidInput(_l("Seconds between 0 and 86,400."), "delay_seconds")
    return seconds


def _account(account_id: Any, author: User | None) -> SmtpAccount | None:
    if account_id in (None, "", 0):
        return None
    query = visible_accounts(author) if author else select(SmtpAccount)
    account = db.session.scalar(query.where(SmtpAccount.id == int(account_id)))
    if account is None:
        raise InvalidInput(_l("Choose one of your SMTP accounts."), "account_id")
    return account


def _status(status_id: Any, field: str) -> ListStatus | None:
    if status_id in (None, "", 0):
        return None
    status = db.session.get(ListStatus, int(status_id))
    if status is None:
        raise InvalidInput(_l("There is no such list status."), field)
    return status


def _map(campaign: Campaign, outcome: Outcome, status_id: Any) -> None:
    """Which list status an outcome brings; none takes the mapping away."""
    status = _status(status_id, f"status_{outcome}")
    kept = next((each for each in campaign.outcome_statuses if each.outcome == outcome), None)
    if status is None:
        if kept is not None:
            campaign.outcome_statuses.remove(kept)
    elif kept is not None:
        kept.list_status = status
    else:
        campaign.outcome_statuses.append(OutcomeStatus(outcome=outcome.value, list_status=status))


def _assign_body(campaign: Campaign, values: Mapping[str, Any]) -> list[str]:
    removed: list[str] = []
    for name in ("body_html", "body_text"):
        if name not in values:
            continue
        text = str(values[name] or "").replace("\0", "")
        if len(text) > LONGEST_BODY:
            raise InvalidInput(_l("The text is longer than 2 MB."), name)
        if name == "body_html":
            cleaned = sanitise(text)
            text, removed = cleaned.html, list(cleaned.removed)
        setattr(campaign, name, text)
    return removed


def _check_templates(campaign: Campaign) -> None:
    """Unknown merge fields are found when saving, where they stand."""
    html = campaign.body_format != "text"
    parts = {"subject": (campaign.subject or "", False)}
    if html:
        parts["body_html"] = (campaign.body_html or "", True)
    else:
        parts["body_text"] = (campaign.body_text or "", False)
    for name, (source, is_html) in parts.items():
        try:
            compile_template(source, catalogue_of(CLIENTS.name), html=is_html)
        except InvalidInput as error:
            raise InvalidInput(str(error), name) from None


def _check_name(campaign: Campaign) -> None:
    if not campaign.name:
        raise InvalidInput(_l("Give the campaign a name."), "name")
    query = select(Campaign.id).where(
        sql.fold(Campaign.name) == campaign.name.lower(), Campaign.id != (campaign.id or 0)
    )
    with db.session.no_autoflush:
        taken = db.session.scalar(query)
    if taken:
        raise InvalidInput(_l("Another campaign has this name."), "name")


def duplicate(campaign: Campaign, author: User | None = None) -> Campaign:
    """A draft with the same settings, without clients and without history."""
    left_out = {"id", "name", "state", "created_at", "created_by_id"}
    left_out |= {"scheduled_at", "started_at", "finished_at"}
    values = {
        column.name: getattr(campaign, column.name)
        for column in Campaign.__table__.columns
        if column.name not in left_out
    }
    copy = Campaign(**values, created_by_id=author.id if author else None)
    copy.name = copies.free_name(Campaign.name, campaign.name, TOO_MANY_COPIES)
    copy.outcome_statuses = [
        OutcomeStatus(outcome=each.outcome, list_status_id=each.list_status_id)
        for each in campaign.outcome_statuses
    ]
    copy.attachments = [
        CampaignAttachment(file_id=each.file_id, content_id=each.content_id)
        for each in campaign.attachments
    ]
    db.session.add(copy)
    db.session.flush()
    audit.record("campaign.duplicate", copy, source=campaign.id)
    db.session.commit()
    return copy


def require_kept(campaign: Campaign) -> None:
    """
    :raises Conflict: it is being deleted.
    """
    if campaign.state == CampaignState.DELETING:
        raise Conflict(_l("The campaign is being deleted: nothing in it can be changed any more."))


def _require_unlocked(campaign: Campaign, while_sent: LazyString) -> None:
    """
    :raises Conflict: its mails are leaving, or it is being deleted.
    """
    if campaign.state in FIXED_WHILE:
        raise Conflict(while_sent)
    require_kept(campaign)


def require_deletable(campaign: Campaign) -> None:
    """
    :raises Conflict: its mails are leaving.
    """
    if campaign.state in FIXED_WHILE:
        raise Conflict(_l("The campaign is being sent: stop it before you delete it."))


def delete(campaign: Campaign, mails: int | None = None) -> None:
    """Delete a campaign with its members, mails and statistics, in one transaction.

    ``mails``: how many it had, if some are gone already. For large campaigns there is
    :mod:`ctm.campaigns.deletion`.

    :raises Conflict: its mails are leaving.
    """
    require_deletable(campaign)
    audit.record(
        "campaign.delete", campaign, mails=mail_count(campaign) if mails is None else mails
    )
    db.session.delete(campaign)
    db.session.commit()


def mail_count(campaign: Campaign) -> int:
    query = select(func.count()).where(Message.campaign_id == campaign.id)
    return db.session.scalar(query) or 0


def check_attached(size: int, field: str) -> None:
    """
    :raises InvalidInput: attachments of ``size`` bytes together are too large for a mail.
    """
    if size > MOST_ATTACHED:
        raise InvalidInput(
            _(
                "All attachments together would be larger than %(most)s MB: mail servers "
                "refuse that. Put the file on your site and link to it.",
                most=MOST_ATTACHED // 1024 // 1024,
            ),
            field,
        )


def free_content_id(campaign: Campaign) -> str:
    """A content id no picture of the campaign has."""
    taken = {each.content_id for each in campaign.attachments}
    number = 1
    while f"image{number}" in taken:
        number += 1
    return f"image{number}"


def attach(campaign: Campaign, file: StoredFile, content_id: str = "") -> CampaignAttachment:
    """Put a stored file on every mail; with ``content_id`` as an inline image.

    :raises InvalidInput: all attachments together would be too large for a mail.
    """
    _require_unlocked(campaign, CHANGE_FILES)
    check_attached(sum(each.file.size for each in campaign.attachments) + file.size, "file")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        raise InvalidInput(_l("A content id has only letters, digits and . _ @ -"), "content_id")
    if content_id and any(each.content_id == content_id for each in campaign.attachments):
        raise InvalidInput(_l("Another picture has this content id."), "content_id")
    attached = CampaignAttachment(file=file, content_id=content_id)
    campaign.attachments.append(attached)
    audit.record("campaign.attach", campaign, file=file.name, size=file.size)
    db.session.commit()
    return attached


def detach(campaign: Campaign, attachment_id: int) -> None:
    """Take a file off a campaign."""
    found = next((each for each in campaign.attachments if each.id == attachment_id), None)
    if found is None:
        raise NotFound(_l("This file is not on the campaign."))
    _require_unlocked(campaign, CHANGE_FILES)
    audit.record("campaign.detach", campaign, file=found.file.name)
    campaign.attachments.remove(found)
    db.session.commit()
