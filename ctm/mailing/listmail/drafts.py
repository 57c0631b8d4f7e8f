"""The send form while it is filled in: kept after every step, seen by its owner alone."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ctm import files
from ctm.clients.checks import clean_text
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import AddressError, check_address, sanitise
from ctm.mailing.listmail import sources
from ctm.models import (
    DocumentKind,
    DocumentTemplate,
    MailDraft,
    MailDraftFile,
    MailTemplate,
    Purpose,
    SmtpAccount,
    StoredFile,
    User,
)
from ctm.permissions import visible_accounts

MOST_ROWS = 100_000
MOST_ADDRESSES = 50
MOST_COPIES = 254
MOST_FILES = 20
LARGEST_ID = 2**31 - 1
LONGEST_BODY = 2 * 1024 * 1024
FLAGS = ("edit", "group", "read_receipt", "first")
CHOICES = {
    "mode": ("instead", "besides"),
    "body_format": ("html", "text"),
    "empty": ("send", "leave"),
}
IDS = (
    "account_id",
    "overflow_id",
    "template_id",
    "purpose_id",
    "pdf_template_id",
    "excel_template_id",
)
EMPTY: dict[str, Any] = {
    **dict.fromkeys(FLAGS, False),
    **dict.fromkeys(IDS),
    **{name: choices[0] for name, choices in CHOICES.items()},
    **dict.fromkeys(("to", "cc", "bcc", "subject", "body_html", "body_text"), ""),
    "first": True,
    "template_version": None,
}


def create(module: str, ids: Iterable[int], owner: User, origin: str = "") -> MailDraft:
    """A form for these rows of a module; commits.

    :raises InvalidInput: none of them is there, or they are too many.
    """
    sources.module_of(module)
    wanted = list(ids)
    if len(wanted) > MOST_ROWS:
        raise InvalidInput(
            _l("More than %(most)s rows at once: use a campaign for so many.", most=MOST_ROWS)
        )
    found = sources.existing(module, wanted)
    if not found:
        raise InvalidInput(_l("Choose at least one row first."))
    accounts = db.session.scalars(visible_accounts(owner)).all()
    usable = [each.id for each in accounts if each.active]
    content = EMPTY | {"account_id": usable[0] if len(usable) == 1 else None}
    draft = MailDraft(
        owner_id=owner.id, module=module, row_ids=found, origin=origin[:2000], content=content
    )
    db.session.add(draft)
    db.session.commit()
    return draft


def get(draft_id: int, user: User) -> MailDraft:
    """
    :raises NotFound: there is none, or it is somebody else's.
    """
    draft = db.session.get(MailDraft, draft_id) if draft_id <= LARGEST_ID else None
    if draft is None or draft.owner_id != user.id:
        raise NotFound(_l("There is no such mail, or it is somebody else’s."))
    return draft


def content_of(draft: MailDraft) -> dict[str, Any]:
    """The form's fields, with those that an older draft does not know."""
    return EMPTY | draft.content


def change(draft: MailDraft, values: Mapping[str, Any]) -> dict[str, str]:
    """Keep what was typed, right or wrong; commits. Returns what is wrong, by field.

    A template that was not chosen before fills the form in.
    """
    _require_open(draft)
    before, content = content_of(draft), content_of(draft)
    errors: dict[str, str] = {}
    module = str(values.get("module") or draft.module)
    if module in [each.name for each in sources.alternatives(draft.module)]:
        draft.module = module
    for name, given in values.items():
        if name not in content or name == "template_version":
            continue
        try:
            content[name] = _READERS[name](name, given)
        except InvalidInput as error:
            errors[name] = str(error)
            if isinstance(given, str) and name not in IDS and name not in CHOICES:
                content[name] = given[:LONGEST_BODY].replace("\0", "")
    content["group"] = content["group"] and content["edit"]
    template = chosen_template(draft.module, content["template_id"])
    if content["template_id"] and template is None:
        errors["template_id"] = str(_l("Choose a template of this list."))
        content["template_id"] = None
    elif template is not None and template.id != before["template_id"]:
        content |= from_template(template)
        errors = {name: words for name, words in errors.items() if name not in TAKEN}
    if template is None:
        content["template_version"] = None
    draft.content, draft.updated_at = content, utcnow()
    db.session.commit()
    return errors


TAKEN = {
    *("subject", "body_format", "body_html", "body_text", "purpose_id", "cc", "bcc"),
    *("read_receipt", "pdf_template_id", "excel_template_id", "template_version"),
}


def from_template(template: MailTemplate) -> dict[str, Any]:
    """What a template fills in (A8, A16)."""
    kept = {name: getattr(template, name) for name in TAKEN - {"template_version"}}
    return kept | {"template_version": template.version}


def chosen_template(module: str, template_id: int | None) -> MailTemplate | None:
    """The template with this id, if it is one of the module."""
    if not template_id:
        return None
    template = db.session.get(MailTemplate, template_id)
    return template if template and template.active and template.module == module else None


def templates_of(module: str) -> list[MailTemplate]:
    """The templates that can be chosen for a module."""
    query = select(MailTemplate).where(MailTemplate.module == module, MailTemplate.active)
    return list(db.session.scalars(query.order_by(MailTemplate.name)))


def documents_of(module: str, *kinds: DocumentKind) -> list[DocumentTemplate]:
    """The document templates of these kinds that can be chosen for a module."""
    query = select(DocumentTemplate).where(
        DocumentTemplate.module == module,
        DocumentTemplate.active,
        DocumentTemplate.kind.in_(kinds),
    )
    return list(db.session.scalars(query.order_by(DocumentTemplate.name)))


def purposes() -> list[Purpose]:
    """The purposes a mail can be sent for."""
    query = select(Purpose).where(Purpose.active).order_by(Purpose.position, Purpose.name)
    return list(db.session.scalars(query))


def usable_account(user: User, account_id: int | None) -> SmtpAccount | None:
    """The account, if it is one of the user's (A1)."""
    if not account_id:
        return None
    return db.session.scalar(visible_accounts(user).where(SmtpAccount.id == account_id))


def attach(draft: MailDraft, stored: StoredFile) -> MailDraftFile:
    """Send a file along; commits.

    :raises InvalidInput: too many.
    """
    _require_open(draft)
    if len(draft.attachments) >= MOST_FILES:
        raise InvalidInput(_l("At most %(most)s files.", most=MOST_FILES), "file")
    attachment = MailDraftFile(draft_id=draft.id, file_id=stored.id, file=stored)
    draft.attachments.append(attachment)
    db.session.commit()
    return attachment


def detach(draft: MailDraft, attachment_id: int) -> None:
    """Send a file along no more; commits.

    :raises NotFound: it does not go along.
    """
    _require_open(draft)
    found = next((each for each in draft.attachments if each.id == attachment_id), None)
    if found is None:
        raise NotFound(_l("The mail has no such file."))
    draft.attachments.remove(found)
    db.session.commit()


def discard(draft: MailDraft) -> None:
    """Throw the form away; commits."""
    _require_open(draft)
    _delete([draft])


def forget_old(older_than: timedelta) -> int:
    """Forget forms nobody has touched since, with the files brought for them alone; how many."""
    old = select(MailDraft).where(MailDraft.updated_at < utcnow() - older_than).limit(500)
    drafts = list(db.session.scalars(old))
    _delete(drafts)
    return len(drafts)


def _delete(drafts: list[MailDraft]) -> None:
    brought = [each.file_id for draft in drafts for each in draft.attachments]
    for draft in drafts:
        db.session.delete(draft)
    db.session.commit()
    files.discard(brought)


def _require_open(draft: MailDraft) -> None:
    if draft.mailing_id is not None:
        raise Conflict(_l("This mail has been sent already."))


def addresses(text: str, field: str, most: int = MOST_ADDRESSES) -> list[str]:
    """Addresses as they were typed, each once.

    :raises InvalidInput: one of them is none, or they are too many.
    """
    found: dict[str, str] = {}
    for part in text.replace(";", ",").replace("\n", ",").split(","):
        if not part.strip():
            continue
        try:
            address = check_address(part)
        except AddressError as error:
            raise InvalidInput(str(error), field) from None
        found.setdefault(address.lower(), address)
    if len(found) > most:
        raise InvalidInput(_l("At most %(most)s addresses.", most=most), field)
    return list(found.values())


def _read_addresses(name: str, given: Any) -> str:
    kept = ", ".join(addresses(str(given or ""), name))
    if name != "to" and len(kept) > MOST_COPIES:
        raise InvalidInput(_l("Together at most %(most)s characters.", most=MOST_COPIES), name)
    return kept


def _read_flag(_name: str, given: Any) -> bool:
    return bool(given)


def _read_choice(name: str, given: Any) -> str:
    if given not in CHOICES[name]:
        raise InvalidInput(_l("This is not one of the choices."), name)
    return str(given)


def _read_id(name: str, given: Any) -> int | None:
    text = str(given or "").strip()
    if not text or text == "0":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(_l("This is not one of the choices."), name)
    return int(text)


def _read_subject(name: str, given: Any) -> str:
    return clean_text(str(given or ""), 500)


def _read_body(name: str, given: Any) -> str:
    text = str(given or "").replace("\0", "")
    if len(text) > LONGEST_BODY:
        raise InvalidInput(_l("The text is longer than 2 MB."), name)
    return sanitise(text).html if name == "body_html" else text


_READERS = {
    **dict.fromkeys(FLAGS, _read_flag),
    **dict.fromkeys(CHOICES, _read_choice),
    **dict.fromkeys(IDS, _read_id),
    **dict.fromkeys(("to", "cc", "bcc"), _read_addresses),
    **dict.fromkeys(("body_html", "body_text"), _read_body),
    "subject": _read_subject,
}
