"""A draft read for sending: what its mails share, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from ctm import documents, files, settings
from ctm.documents import making
from ctm.errors import CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import snapshot
from ctm.mailing.compose import CompiledMail, MailContent, compile_mail
from ctm.mailing.listmail import drafts, extras, sources
from ctm.mailing.merge import Catalogue, MergeModule, Template, compile_template
from ctm.models import (
    DocumentKind,
    DocumentTemplate,
    MailDraft,
    Mailing,
    MailingAttachment,
    MailingKind,
    MailTemplate,
    Purpose,
    SmtpAccount,
    StoredFile,
)
from ctm.permissions import visible_accounts

LARGEST_MAIL = 20 * 1024 * 1024
BEFORE_CAMPAIGNS = -5
PDF_KINDS = (DocumentKind.PDF, DocumentKind.WORD)
SHEET_KINDS = (DocumentKind.EXCEL,)
NO_PURPOSE = _l("Choose what the mail is for: clients are asked for their consent by purpose.")


@dataclass
class Letter:
    """What the mails of a draft share. ``texts``: subject and body, compiled.

    ``problems``: what keeps it from being sent, with the form's field.
    """

    draft: MailDraft
    content: dict[str, Any]
    module: MergeModule
    account: SmtpAccount | None = None
    overflow: SmtpAccount | None = None
    purpose: Purpose | None = None
    template: MailTemplate | None = None
    files: list[tuple[StoredFile, str]] = field(default_factory=list)
    documents: list[DocumentTemplate] = field(default_factory=list)
    keys: tuple[str, ...] = ()
    document_keys: tuple[str, ...] = ()
    texts: list[Template] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def empty(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The merge fields that have no value for a recipient, as they are written."""
        found = {key: text for each in self.texts for key, text in each.empty(values).items()}
        return tuple(found.values())

    @property
    def language(self) -> str:
        return settings.office_language()

    @property
    def catalogue(self) -> Catalogue:
        return extras.catalogue(self.module.name)

    @property
    def typed(self) -> list[str]:
        """The addresses typed instead of or besides the chosen (A6)."""
        if not self.content["edit"]:
            return []
        return [each.strip() for each in self.content["to"].split(",") if each.strip()]

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The fields to read, for the mail and for its documents."""
        return tuple(dict.fromkeys([*self.keys, *self.document_keys]))

    def refuse(self, name: str, words: object) -> None:
        self.problems.append((name, str(words)))


def read(draft: MailDraft) -> Letter:
    """The draft's choices looked up, with what is wrong with them."""
    content = drafts.content_of(draft)
    letter = Letter(draft, content, sources.module_of(draft.module))
    _read_accounts(letter)
    letter.template = drafts.chosen_template(draft.module, content["template_id"])
    letter.purpose = next(
        (each for each in drafts.purposes() if each.id == content["purpose_id"]), None
    )
    if letter.purpose is None:
        letter.refuse("purpose_id", NO_PURPOSE)
    if content["edit"] and not letter.typed:
        letter.refuse("to", _("Write at least one address, or take the tick away."))
    for name, kinds in (("pdf_template_id", PDF_KINDS), ("excel_template_id", SHEET_KINDS)):
        _read_document(letter, name, kinds)
    _read_files(letter)
    _read_text(letter)
    return letter


def _read_accounts(letter: Letter) -> None:
    user, content = letter.draft.owner, letter.content
    letter.account = drafts.usable_account(user, content["account_id"])
    if letter.account is None:
        letter.refuse("account_id", _("Choose the sender among your SMTP accounts."))
        return
    refusal = _refusal(letter.account)
    if refusal:
        letter.refuse("account_id", refusal)
    if not content["overflow_id"]:
        return
    letter.overflow = drafts.usable_account(user, content["overflow_id"])
    if letter.overflow is None or letter.overflow.id not in {
        each.id for each in reserves(letter.draft, letter.account)
    }:
        letter.overflow = None
        letter.refuse("overflow_id", _("Choose another account of the same sender."))


def _refusal(account: SmtpAccount) -> str:
    if not account.active:
        return str(_("This account is not active."))
    if settings.is_demo() and not account.practice:
        return str(
            _("In the demo office only the practice account sends: no mail leaves this machine.")
        )
    return ""


def reserves(draft: MailDraft, account: SmtpAccount | None) -> list[SmtpAccount]:
    """Other accounts of the same sender that could take what this one may not send today."""
    if account is None:
        return []
    mine = db.session.scalars(visible_accounts(draft.owner)).all()
    sender = account.from_email.lower()
    return [
        each
        for each in mine
        if each.id != account.id and not _refusal(each) and each.from_email.lower() == sender
    ]


def _read_document(letter: Letter, name: str, kinds: tuple[DocumentKind, ...]) -> None:
    wanted = letter.content[name]
    if not wanted:
        return
    choices = drafts.documents_of(letter.module.name, *kinds)
    found = next((each for each in choices if each.id == wanted), None)
    if found is None:
        letter.refuse(name, _("Choose a document template of the same module."))
        return
    try:
        kept = documents.load(documents.snapshot(found, letter.language))
        letter.document_keys += making.keys(kept)
    except CtmError as error:
        letter.refuse(name, f"{found.name}: {error}")
    letter.documents.append(found)


def _read_files(letter: Letter) -> None:
    """Default attachments of the template first, then those brought for this mail (A11)."""
    if letter.template is not None:
        letter.files = [(each.file, each.content_id) for each in letter.template.attachments]
    letter.files += [(each.file, "") for each in letter.draft.attachments]
    for file, _content_id in letter.files:
        if not files.path_of(file).is_file():
            letter.refuse(
                "file", _("The file “%(name)s” is missing: take it away.", name=file.name)
            )
    total = sum(file.size for file, _content_id in letter.files)
    if total > LARGEST_MAIL:
        letter.refuse(
            "file",
            _(
                "The attachments are too large together: at most %(most)s MB.",
                most=LARGEST_MAIL // (1024 * 1024),
            ),
        )


def _read_text(letter: Letter) -> None:
    """Subject and body with their merge fields, each compiled where it was written."""
    content, plain = letter.content, letter.content["body_format"] == "text"
    body = "body_text" if plain else "body_html"
    if not content["subject"].strip():
        letter.refuse("subject", _("The mail has no subject."))
    if not content[body].strip():
        letter.refuse(body, _("The mail has no text."))
    keys: dict[str, None] = {}
    for name, html in (("subject", False), (body, not plain)):
        try:
            made = compile_template(
                content[name],
                letter.catalogue,
                html=html,
                language=letter.language,
                blocks=name != "subject",
            )
        except InvalidInput as error:
            letter.refuse(name, error)
            continue
        keys.update(dict.fromkeys(made.fields))
        letter.texts.append(made)
    letter.keys = tuple(keys)


def build(letter: Letter, account: SmtpAccount) -> Mailing:
    """The snapshot that the mails share, not yet kept."""
    content, draft = letter.content, letter.draft
    plain = content["body_format"] == "text"
    marketing = bool(letter.purpose and letter.purpose.marketing)
    assert letter.account is not None
    return Mailing(
        kind=MailingKind.LIST,
        account_id=account.id,
        author_id=draft.owner_id,
        priority=BEFORE_CAMPAIGNS if content["first"] else 0,
        from_email=letter.account.from_email,
        from_name=letter.account.from_name,
        reply_to=letter.account.reply_to,
        cc=content["cc"],
        bcc=content["bcc"],
        subject=content["subject"],
        html=None if plain else content["body_html"],
        text=content["body_text"] if plain else None,
        options={
            "track": marketing,
            "unsubscribe": marketing,
            "language": letter.language,
            "public_url": current_app.config["CTM_PUBLIC_URL"],
        },
        delay_seconds=0.0,
        module=letter.module.name,
        purpose_id=letter.purpose.id if letter.purpose else None,
        template_id=letter.template.id if letter.template else None,
        template_version=content["template_version"] if letter.template else None,
        read_receipt=content["read_receipt"],
        documents=[documents.snapshot(each, letter.language) for each in letter.documents] or None,
        sql_fields=extras.used(letter.keys),
        attachments=[
            MailingAttachment(file_id=file.id, content_id=content_id, file=file)
            for file, content_id in letter.files
        ],
    )


def compiled(letter: Letter) -> tuple[MailContent, CompiledMail]:
    """The mail as it will be filled in.

    :raises CtmError: it cannot be made.
    """
    if letter.account is None:
        raise InvalidInput(_l("Choose the sender among your SMTP accounts."), "account_id")
    with db.session.no_autoflush:
        content = snapshot.content_of(build(letter, letter.account))
    return content, compile_mail(content, letter.catalogue)


def check(letter: Letter) -> list[tuple[str, str]]:
    """All that keeps the mail from being sent, with the form's field."""
    if not letter.problems:
        try:
            _content, made = compiled(letter)
        except CtmError as error:
            letter.refuse("body_html", error)
        else:
            if made.size_estimate > LARGEST_MAIL * 1.4:
                letter.refuse("file", _("The mail is too large."))
    return letter.problems
