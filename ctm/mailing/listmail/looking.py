"""A draft's mail as one of its recipients will get it."""

from dataclasses import dataclass

from ctm import documents
from ctm.documents import Document
from ctm.errors import NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import RenderedPreview
from ctm.mailing.compose import preview as render
from ctm.mailing.listmail import letters
from ctm.mailing.listmail.letters import Letter
from ctm.mailing.listmail.recipients import Planned, planned
from ctm.mailing.merge import rows
from ctm.models import MailDraft, StoredFile


@dataclass(frozen=True)
class Shown:
    """One mail. ``documents``: names of those made for it alone."""

    letter: Letter
    mail: Planned
    rendered: RenderedPreview
    files: list[StoredFile]
    documents: list[str]


def _groups(draft: MailDraft) -> list[list[int]]:
    found = rows.groups(db.session, draft.module, draft.row_ids)
    return list(found.values())


def count(draft: MailDraft) -> int:
    """How many rows mails are made for."""
    return len(_groups(draft))


def _mail(draft: MailDraft, at: int) -> tuple[Letter, Planned]:
    letter, groups = letters.read(draft), _groups(draft)
    if not 1 <= at <= len(groups):
        raise NotFound(_l("None of the chosen rows is there any more."))
    for group in planned(letter, groups[at - 1]):
        for each in group:
            return letter, each
    raise NotFound(_l("None of the chosen rows is there any more."))


def look(draft: MailDraft, at: int) -> Shown:
    """The mail for the row at a place, counted from 1.

    :raises CtmError: it cannot be made.
    """
    letter, mail = _mail(draft, at)
    content, _compiled = letters.compiled(letter)
    rendered = render(content, _values(letter, mail), letter.catalogue)
    attached = [file for file, content_id in letter.files if not content_id]
    names = [each.name for each in letter.documents]
    return Shown(letter, mail, rendered, attached, names)


def _values(letter: Letter, mail: Planned) -> dict[str, object]:
    """The row's values, also of who is left out: the sender wants to see why."""
    if mail.values is not None:
        return mail.values
    found = rows.load(db.session, letter.module, mail.row.row_ids, letter.all_keys, letter.language)
    return found.get(mail.row.row_id, {})


def document(draft: MailDraft, at: int, number: int) -> Document:
    """One of the documents made for the row at a place.

    :raises NotFound: it has no such document.
    :raises DocumentError: it cannot be made.
    """
    letter, mail = _mail(draft, at)
    if not 0 <= number < len(letter.documents):
        raise NotFound(_l("The mail has no such document."))
    values = _values(letter, mail)
    kept = documents.snapshot(letter.documents[number], letter.language)
    grouping = letter.module.grouping
    listed = values.get(grouping.block) if grouping else None
    return documents.make_one(kept, values, listed or [values])  # type: ignore[arg-type]
