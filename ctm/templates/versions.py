"""A template's versions: every save keeps the whole of it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ctm import audit
from ctm.errors import NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import DocumentTemplate, MailTemplate, MailTemplateVersion
from ctm.templates.modules import module_labels

LABELS: dict[str, object] = {
    "name": _l("Name"),
    "module": _l("Module"),
    "purpose": _l("Purpose"),
    "subject": _l("Subject"),
    "body_format": _l("Body"),
    "body_html": _l("HTML body"),
    "body_text": _l("Plain text body"),
    "cc": "CC",
    "bcc": "BCC",
    "read_receipt": _l("Read receipt"),
    "pdf_template": _l("PDF template"),
    "excel_template": _l("Excel template"),
    "attachments": _l("Attachments"),
}
MOST_VERSIONS = 500


def snapshot(template: MailTemplate) -> dict[str, Any]:
    """All of a template, as JSON keeps it; ``attachments`` name stored files."""
    return {
        "id": template.id,
        "version": template.version,
        **content(template),
    }


def content(template: MailTemplate) -> dict[str, Any]:
    """What a version keeps."""
    return {
        "name": template.name,
        "module": template.module,
        "subject": template.subject or "",
        "body_format": template.body_format or "html",
        "body_html": template.body_html or "",
        "body_text": template.body_text or "",
        "purpose_id": template.purpose_id,
        "purpose": template.purpose.name if template.purpose else "",
        "cc": template.cc or "",
        "bcc": template.bcc or "",
        "read_receipt": bool(template.read_receipt),
        "pdf_template_id": template.pdf_template_id,
        "pdf_template": _document(template.pdf_template_id),
        "excel_template_id": template.excel_template_id,
        "excel_template": _document(template.excel_template_id),
        "attachments": [
            {
                "file_id": each.file_id,
                "name": each.file.name,
                "size": each.file.size,
                "content_type": each.file.content_type,
                "content_id": each.content_id or "",
            }
            for each in template.attachments
        ],
    }


def _document(document_id: int | None) -> str:
    found = db.session.get(DocumentTemplate, document_id) if document_id else None
    return found.name if found else ""


def keep(template: MailTemplate) -> None:
    """Add the template as it is now to its versions; the caller commits."""
    db.session.add(
        MailTemplateVersion(
            template_id=template.id,
            number=template.version,
            content=content(template),
            user_name=audit.actor().name,
        )
    )


def versions(template: MailTemplate) -> list[MailTemplateVersion]:
    """Newest first."""
    query = (
        select(MailTemplateVersion)
        .where(MailTemplateVersion.template_id == template.id)
        .order_by(MailTemplateVersion.number.desc())
        .limit(MOST_VERSIONS)
    )
    return list(db.session.scalars(query))


def version(template: MailTemplate, number: int) -> MailTemplateVersion:
    """
    :raises NotFound: the template never had it.
    """
    query = select(MailTemplateVersion).where(
        MailTemplateVersion.template_id == template.id, MailTemplateVersion.number == number
    )
    found = db.session.scalar(query) if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(_l("The template has no such version."))
    return found


@dataclass(frozen=True)
class Difference:
    """One part of two versions beside each other."""

    name: str
    before: str
    after: str

    @property
    def label(self) -> str:
        return str(LABELS[self.name])

    @property
    def changed(self) -> bool:
        return self.before != self.after


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Two contents part by part, those that are empty in both left out."""
    pairs = [Difference(name, shown(before, name), shown(after, name)) for name in LABELS]
    return [pair for pair in pairs if pair.before or pair.after]


def shown(kept: dict[str, Any], name: str) -> str:
    """A part of a version as text."""
    value = kept.get(name)
    if name == "attachments":
        return "\n".join(str(each.get("name", "")) for each in value or [])
    if name == "module":
        return str(module_labels().get(str(value), value or ""))
    if name == "body_format":
        return str(_l("plain text")) if value == "text" else "HTML"
    if name == "read_receipt":
        return str(_l("yes")) if value else ""
    if name == "body_html" and kept.get("body_format") == "text":
        return ""
    if name == "body_text" and kept.get("body_format") != "text":
        return ""
    return str(value or "")
