"""What the values of a mail template must be."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ctm import sql
from ctm.clients.checks import clean_text
from ctm.consent import purposes
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import check_address, sanitise
from ctm.mailing.merge import compile_template
from ctm.models import DocumentKind, DocumentTemplate, MailTemplate
from ctm.templates.modules import catalogue_of, check_module

LONGEST_NAME, LONGEST_SUBJECT = 160, 500
LONGEST_BODY = 2 * 1024 * 1024
MOST_COPIES = 50
DOCUMENTS = {
    "pdf_template_id": (DocumentKind.PDF, DocumentKind.WORD),
    "excel_template_id": (DocumentKind.EXCEL,),
}


def assign(template: MailTemplate, values: Mapping[str, Any]) -> list[str]:
    """Put a form's values into a template; returns what was taken out of its HTML, in words.

    What ``values`` leave out stays as it is.

    :raises InvalidInput: what is wrong, with the field.
    """
    with db.session.no_autoflush:
        if "name" in values or not template.name:
            template.name = _name(values.get("name"), template)
        if "module" in values or not template.module:
            template.module = check_module(str(values.get("module") or ""))
        if "subject" in values:
            template.subject = _line(values["subject"], LONGEST_SUBJECT, "subject")
        if "body_format" in values:
            template.body_format = "text" if values["body_format"] == "text" else "html"
        removed = _assign_bodies(template, values)
        for field in ("cc", "bcc"):
            if field in values:
                setattr(template, field, addresses(values[field], field))
        if "read_receipt" in values:
            template.read_receipt = bool(values["read_receipt"])
        if "purpose_id" in values:
            _assign_purpose(template, values["purpose_id"])
        for field in DOCUMENTS:
            if field in values:
                setattr(template, field, _document_id(values[field], field))
        check_documents(template)
        check_fields(template)
    return removed


def _name(given: Any, template: MailTemplate) -> str:
    name = _line(given, LONGEST_NAME, "name")
    if not name:
        raise InvalidInput(_l("Give the template a name; recipients never see it."), "name")
    taken = select(MailTemplate.id).where(
        sql.fold(MailTemplate.name) == name.lower(), MailTemplate.id != (template.id or 0)
    )
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("Another template is called “%(name)s”.", name=name), "name")
    return name


def _line(given: Any, longest: int, field: str) -> str:
    try:
        return clean_text(str(given or ""), longest)
    except InvalidInput as error:
        raise InvalidInput(error.message, field) from None


def _assign_bodies(template: MailTemplate, values: Mapping[str, Any]) -> list[str]:
    removed: list[str] = []
    for field in ("body_html", "body_text"):
        if field not in values:
            continue
        text = str(values[field] or "").replace("\0", "")
        if len(text) > LONGEST_BODY:
            raise InvalidInput(_l("The text is longer than 2 MB."), field)
        if field == "body_html":
            cleaned = sanitise(text)
            text, removed = cleaned.html, list(cleaned.removed)
        setattr(template, field, text)
    return removed


def addresses(given: Any, field: str) -> str:
    """Addresses separated by commas, semicolons or lines, each once, as they are kept.

    :raises InvalidInput: one of them is no address, or they are too many.
    """
    found: dict[str, str] = {}
    for each in re.split(r"[,;\n]", str(given or "")):
        if not each.strip():
            continue
        try:
            address = check_address(each)
        except InvalidInput as error:
            raise InvalidInput(f"{each.strip()[:80]}: {error.message}", field) from None
        found.setdefault(address.lower(), address)
    if len(found) > MOST_COPIES:
        raise InvalidInput(_l("At most %(most)s addresses.", most=MOST_COPIES), field)
    return ", ".join(found.values())


def _assign_purpose(template: MailTemplate, given: Any) -> None:
    """A purpose that is no longer active stays where it was chosen before."""
    if str(given or "") == str(template.purpose_id or ""):
        return
    template.purpose = purposes.chosen(given)
    template.purpose_id = template.purpose.id if template.purpose else None


def _document_id(given: Any, field: str) -> int | None:
    text = str(given or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(_l("Choose one of the document templates."), field)
    return int(text)


def check_documents(template: MailTemplate) -> None:
    """Mail and documents are merged from the same row, so they are for the same module.

    :raises InvalidInput: a document template is of another kind or module, or is gone.
    """
    for field, kinds in DOCUMENTS.items():
        document_id = getattr(template, field)
        if document_id is None:
            continue
        document = db.session.get(DocumentTemplate, document_id)
        if document is None or document.kind not in kinds:
            raise InvalidInput(_l("Choose one of the document templates."), field)
        if document.module != template.module:
            raise InvalidInput(
                _l(
                    "“%(name)s” is for another list: mail and document need the same module.",
                    name=document.name,
                ),
                field,
            )


def check_fields(template: MailTemplate) -> None:
    """Unknown merge fields are found when saving, where they stand.

    :raises InvalidInput: with line and column of the field.
    """
    parts = [("subject", template.subject or "", False)]
    if template.body_format == "text":
        parts.append(("body_text", template.body_text or "", False))
    else:
        parts.append(("body_html", template.body_html or "", True))
    catalogue = catalogue_of(template.module)
    for field, source, html in parts:
        try:
            compile_template(source, catalogue, html=html, blocks=field != "subject")
        except InvalidInput as error:
            raise InvalidInput(error.message, field) from None
