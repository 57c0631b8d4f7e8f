"""Changes to mail templates. Every function commits; every change of content is a version."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from ctm import audit, copies
from ctm.campaigns.operations import check_attached
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import (
    DocumentTemplate,
    MailTemplate,
    MailTemplateFile,
    Purpose,
    StoredFile,
    User,
)
from ctm.templates import definition
from ctm.templates.versions import content, keep, version

TOO_MANY_COPIES = _l("There are too many copies of this template: rename some.")


def save(
    values: Mapping[str, Any],
    template: MailTemplate | None = None,
    author: User | None = None,
    seen: int | None = None,
) -> tuple[MailTemplate, list[str]]:
    """Make a template, or change the given one; also what was taken out of its HTML, in words.

    ``values`` are columns of :class:`MailTemplate`; ``seen`` is the version that the user had
    in front of him.

    :raises Conflict: somebody else has saved another version since.
    :raises InvalidInput: what is wrong, with the field.
    """
    if template is None:
        return _create(values, author)
    if seen is not None and seen != template.version:
        raise Conflict(_moved(template))
    before = content(template)
    removed = definition.assign(template, values)
    if content(template) != before:
        _next_version(template)
        audit.record("mail_template.update", template, version=template.version)
    db.session.commit()
    return template, removed


def _create(values: Mapping[str, Any], author: User | None) -> tuple[MailTemplate, list[str]]:
    template = MailTemplate(created_by_id=author.id if author else None, version=1)
    removed = definition.assign(template, values)
    db.session.add(template)
    db.session.flush()
    keep(template)
    audit.record("mail_template.create", template)
    db.session.commit()
    return template, removed


def _moved(template: MailTemplate) -> str:
    return str(
        _(
            "Somebody else has saved version %(number)s of “%(name)s” meanwhile. Compare it with "
            "what you have here, then save again to keep yours.",
            number=template.version,
            name=template.name,
        )
    )


def _next_version(template: MailTemplate) -> None:
    """Count the version up, unless another does so at this moment, and keep it."""
    template.updated_at = utcnow()
    number = template.version
    db.session.flush()
    mine = (
        update(MailTemplate)
        .where(MailTemplate.id == template.id, MailTemplate.version == number)
        .values(version=number + 1)
        .execution_options(synchronize_session=False)
    )
    if not db.session.execute(mine).rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        db.session.refresh(template)
        raise Conflict(_moved(template))
    db.session.refresh(template, ["version"])
    keep(template)


def attach(
    template: MailTemplate, file: StoredFile, content_id: str = "", seen: int | None = None
) -> MailTemplateFile:
    """Put a stored file on every mail of the template; with ``content_id`` as inline image.

    :raises InvalidInput: all attachments together would be too large for a mail.
    """
    check_attached(sum(each.file.size for each in template.attachments) + file.size, "file")
    if content_id and any(each.content_id == content_id for each in template.attachments):
        raise InvalidInput(_l("Another picture has this content id."), "content_id")
    attached = MailTemplateFile(file=file, content_id=content_id)
    template.attachments.append(attached)
    db.session.flush()
    _next_version(template)
    audit.record("mail_template.attach", template, file=file.name, size=file.size)
    db.session.commit()
    return attached


def free_content_id(template: MailTemplate) -> str:
    """A content id no picture of the template has."""
    taken = {each.content_id for each in template.attachments}
    number = 1
    while f"image{number}" in taken:
        number += 1
    return f"image{number}"


def detach(template: MailTemplate, attachment_id: int) -> None:
    """
    :raises NotFound: the file is not on the template.
    """
    found = next((each for each in template.attachments if each.id == attachment_id), None)
    if found is None:
        raise NotFound(_l("This file is not on the template."))
    audit.record("mail_template.detach", template, file=found.file.name)
    template.attachments.remove(found)
    db.session.flush()
    _next_version(template)
    db.session.commit()


def duplicate(template: MailTemplate, author: User | None = None) -> MailTemplate:
    """A copy with a name of its own and with its first version."""
    left_out = {"id", "name", "active", "version", "created_at", "updated_at", "created_by_id"}
    values = {
        column.name: getattr(template, column.name)
        for column in MailTemplate.__table__.columns
        if column.name not in left_out
    }
    copy = MailTemplate(**values, version=1, created_by_id=author.id if author else None)
    copy.name = copies.free_name(MailTemplate.name, template.name, TOO_MANY_COPIES)
    copy.attachments = [
        MailTemplateFile(file_id=each.file_id, file=each.file, content_id=each.content_id)
        for each in template.attachments
    ]
    db.session.add(copy)
    db.session.flush()
    keep(copy)
    audit.record("mail_template.duplicate", copy, source=template.id)
    db.session.commit()
    return copy


def set_active(template: MailTemplate, active: bool) -> None:
    """Whether the template can be chosen for new mails."""
    if template.active != active:
        template.active = active
        audit.record("mail_template.activate" if active else "mail_template.deactivate", template)
    db.session.commit()


def restore(template: MailTemplate, number: int) -> list[str]:
    """Make an old version the newest; its name stays as it is now. Returns, in words, what of it
    is gone and was left out.

    :raises InvalidInput: the old version names fields that no longer exist.
    :raises NotFound: the template never had this version.
    """
    old = version(template, number).content
    lost: list[str] = []
    values = {name: value for name, value in old.items() if name not in {"name", "purpose_id"}}
    for field, model in (
        ("pdf_template_id", DocumentTemplate),
        ("excel_template_id", DocumentTemplate),
    ):
        if old.get(field) and db.session.get(model, old[field]) is None:
            lost.append(str(old.get(field.removesuffix("_id"), "")))
            values[field] = None
    before = content(template)
    definition.assign(template, values)
    if old.get("purpose_id") and db.session.get(Purpose, old["purpose_id"]) is None:
        lost.append(str(old.get("purpose", "")))
    else:
        template.purpose_id = old.get("purpose_id")
        template.purpose = db.session.get(Purpose, template.purpose_id or 0)
    lost += _restore_files(template, old.get("attachments", []))
    if content(template) != before:
        _next_version(template)
        audit.record("mail_template.restore", template, restored=number, version=template.version)
    db.session.commit()
    return lost


def _restore_files(template: MailTemplate, kept: list[dict[str, Any]]) -> list[str]:
    """Put the files of an old version back; the names of those that are gone."""
    wanted = {(each["file_id"], each.get("content_id", "")): each["name"] for each in kept}
    for attached in list(template.attachments):
        if (attached.file_id, attached.content_id) not in wanted:
            template.attachments.remove(attached)
    here = {(each.file_id, each.content_id) for each in template.attachments}
    lost = []
    for (file_id, content_id), name in wanted.items():
        if (file_id, content_id) in here:
            continue
        file = db.session.get(StoredFile, file_id)
        if file is None:
            lost.append(name)
        else:
            template.attachments.append(
                MailTemplateFile(file=file, file_id=file.id, content_id=content_id)
            )
    db.session.flush()
    return lost
