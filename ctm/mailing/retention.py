"""How long the text and the files of sent mail are kept; that it was sent is kept for ever."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from ctm import files, settings
from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.outbox import is_pending
from ctm.models import Mailing, MailingAttachment, MailingState, Message, MessageFile

MOST_MONTHS = 240
A_MONTH = timedelta(days=30.5)
AT_ONCE = 100
PURGED = "purged"


def months() -> int:
    """For how many months text and files are kept; 0 is for ever."""
    return int(settings.get("keep_mail_months", 0))


def keep_months(text: str) -> None:
    """Say for how many months they are kept; the caller commits.

    :raises InvalidInput: not a number of months.
    """
    given = text.strip() or "0"
    if not (given.isascii() and given.isdigit()) or int(given) > MOST_MONTHS:
        words = _l("A number of months up to %(most)s; 0 is for ever.", most=MOST_MONTHS)
        raise InvalidInput(words, "keep_mail_months")
    settings.put("keep_mail_months", int(given))


def purge(now: datetime | None = None) -> int:
    """Delete text and files of mailings that are done and older than that; returns of how many."""
    if not months():
        return 0
    before = (now or utcnow()) - months() * A_MONTH
    done = (
        select(Mailing)
        .where(
            Mailing.state.in_([MailingState.FINISHED, MailingState.STOPPED]),
            Mailing.created_at < before,
            or_(Mailing.html.is_not(None), Mailing.text.is_not(None)),
            ~is_pending(Mailing.id),
        )
        .order_by(Mailing.id)
        .limit(AT_ONCE)
    )
    mailings = list(db.session.scalars(done))
    gone: list[int] = []
    for mailing in mailings:
        gone += _purge(mailing)
    db.session.commit()
    files.discard(gone)
    return len(mailings)


def _purge(mailing: Mailing) -> list[int]:
    """Take text and files off a mailing; returns the files."""
    own = Message.mailing_id == mailing.id
    of_messages = MessageFile.message_id.in_(select(Message.id).where(own))
    found = list(db.session.scalars(select(MessageFile.file_id).where(of_messages)))
    found += [each.file_id for each in mailing.attachments]
    db.session.execute(delete(MessageFile).where(of_messages))
    db.session.execute(delete(MailingAttachment).where(MailingAttachment.mailing_id == mailing.id))
    mailing.html = mailing.text = None
    mailing.documents = None
    mailing.options = mailing.options | {PURGED: True}
    return found
