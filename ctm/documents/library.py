"""The office's document templates: kept, changed, duplicated. Every function commits.

Nothing is kept that cannot be made: a template is compiled and made once with sample values, in a
process of its own, before it is saved.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import force_locale
from sqlalchemy import or_, select

from ctm import audit, copies, files, sql
from ctm.clients.checks import clean_text
from ctm.clock import utcnow
from ctm.documents import package, pdf
from ctm.documents.errors import DocumentError
from ctm.documents.making import Document, keys
from ctm.documents.options import ExcelOptions, PdfOptions
from ctm.documents.pool import make_one
from ctm.documents.snapshots import load, snapshot
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.merge import MODULES, MergeError, catalogue_of
from ctm.models import DocumentKind, DocumentTemplate, MailTemplate, StoredFile, User

LONGEST_NAME, LONGEST_FILENAME = 160, 200
LARGEST_PICTURE = 2 * 1024 * 1024
MOST_PIXELS = 12_000_000
MOST_PICTURES = 20
CHECK_SECONDS = 20.0
PICTURES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif"}
UPLOADS = {DocumentKind.WORD: "docx", DocumentKind.EXCEL: "xlsx"}
KIND_WORDS: dict[str, object] = {
    DocumentKind.PDF: _l("PDF"),
    DocumentKind.WORD: _l("Word"),
    DocumentKind.EXCEL: _l("Excel"),
}
TOO_MANY_COPIES = _l("There are too many copies of this template: rename some.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was brought."""

    name: str
    data: bytes


def get(template_id: int) -> DocumentTemplate:
    """
    :raises NotFound: there is none.
    """
    found = db.session.get(DocumentTemplate, template_id) if template_id < 2**31 else None
    if found is None:
        raise NotFound(_l("There is no such document template."))
    return found


def every(kind: str = "", module: str = "", only_active: bool = False) -> list[DocumentTemplate]:
    """The templates in the order of their names, at most 1,000."""
    query = select(DocumentTemplate).order_by(sql.fold(DocumentTemplate.name)).limit(1000)
    if kind:
        query = query.where(DocumentTemplate.kind == kind)
    if module:
        query = query.where(DocumentTemplate.module == module)
    if only_active:
        query = query.where(DocumentTemplate.active)
    return list(db.session.scalars(query))


def usage(templates: Iterable[DocumentTemplate]) -> dict[int, list[MailTemplate]]:
    """The mail templates that attach each of these documents."""
    ids = [each.id for each in templates]
    chosen = or_(MailTemplate.pdf_template_id.in_(ids), MailTemplate.excel_template_id.in_(ids))
    found: dict[int, list[MailTemplate]] = {number: [] for number in ids}
    for mail in db.session.scalars(select(MailTemplate).where(chosen).order_by(MailTemplate.name)):
        for number in {mail.pdf_template_id, mail.excel_template_id} & found.keys():
            if number is not None:
                found[number].append(mail)
    return found


def save(
    values: Mapping[str, Any],
    template: DocumentTemplate | None = None,
    upload: Upload | None = None,
    author: User | None = None,
    seen: int | None = None,
) -> tuple[DocumentTemplate, tuple[str, ...]]:
    """Make a template, or change the given one; also what was taken out of its HTML.

    ``values``: ``kind`` (of a new one), ``name``, ``module``, ``filename``, ``html`` and
    ``options``. ``upload`` replaces the Word or Excel file; ``seen`` is the version that the user
    had in front of him.

    :raises Conflict: somebody else has saved another version since.
    :raises InvalidInput: what is wrong, with the field.
    """
    new = template is None
    if template is None:
        template = DocumentTemplate(kind=_kind(values), module="", name="", options={}, version=0)
    elif seen is not None and seen != template.version:
        raise Conflict(_l("Somebody else has changed this template meanwhile: open it again."))
    with db.session.no_autoflush:
        _assign(template, values)
        given = _data(template, upload)
        removed = _check(template, given)
    if upload is not None and given is not None:
        kind = UPLOADS[DocumentKind(template.kind)]
        stored = files.store(given, upload.name, _content_type(kind), author)
        template.file, template.file_id = stored, stored.id
    template.version += 1
    template.updated_at = utcnow()
    db.session.add(template)
    db.session.flush()
    audit.record(
        "document.create" if new else "document.update", template, version=template.version
    )
    db.session.commit()
    return template, removed


def _content_type(kind: str) -> str:
    return package.MAIN_TYPES[kind].removesuffix(".main+xml")


def _kind(values: Mapping[str, Any]) -> str:
    try:
        return DocumentKind(str(values.get("kind") or ""))
    except ValueError:
        raise InvalidInput(_l("Choose PDF, Word or Excel."), "kind") from None


def _assign(template: DocumentTemplate, values: Mapping[str, Any]) -> None:
    """Put what was typed into a template."""
    template.name = _line(values.get("name"), LONGEST_NAME, "name")
    if not template.name:
        raise InvalidInput(_l("Give the template a name."), "name")
    taken = select(DocumentTemplate.id).where(
        sql.fold(DocumentTemplate.name) == template.name.lower(),
        DocumentTemplate.id != (template.id or 0),
    )
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("Another template is called “%(name)s”.", name=template.name), "name")
    module = str(values.get("module") or template.module)
    if module not in MODULES:
        raise InvalidInput(_l("Choose the list it is for."), "module")
    template.module = module
    template.filename = _line(values.get("filename"), LONGEST_FILENAME, "filename")
    options = values.get("options") or {}
    if template.kind == DocumentKind.PDF:
        template.html = str(values.get("html") or "").replace("\0", "")
        pictures = template.options.get("images", [])
        template.options = PdfOptions.of(options).kept() | {"images": pictures}
        if not template.html.strip():
            raise InvalidInput(_l("Write the document's text."), "html")
    elif template.kind == DocumentKind.EXCEL and options.get("made_of") == "columns":
        template.options = ExcelOptions.of(options).kept() | {"made_of": "columns"}
        template.file, template.file_id = None, None
    elif template.kind == DocumentKind.EXCEL:
        template.options = {"made_of": "file"}


def _line(given: Any, longest: int, field: str) -> str:
    try:
        return clean_text(str(given or ""), longest)
    except InvalidInput as error:
        raise InvalidInput(error.message, field) from None


def _data(template: DocumentTemplate, upload: Upload | None) -> bytes | None:
    """The bytes of the template's Word or Excel file, the new or the kept one."""
    if template.kind == DocumentKind.PDF or template.options.get("made_of") == "columns":
        return None
    if upload is not None:
        return upload.data
    if template.file is None:
        kind = UPLOADS[DocumentKind(template.kind)]
        raise InvalidInput(_l("Choose the .%(kind)s file.", kind=kind), "file")
    return files.read(template.file)


def _check(template: DocumentTemplate, data: bytes | None) -> tuple[str, ...]:
    """Compile a template and make it once; what is taken out of its HTML.

    :raises DocumentError: it cannot be used; the message says where.
    """
    kept = snapshot(template)
    if data is not None:
        sha256 = hashlib.sha256(data).hexdigest()
        loaded = {**kept, "file": {"sha256": sha256, "name": ""}, "data": {sha256: data}}
    else:
        loaded = load(kept)
    field = {DocumentKind.PDF: "html", DocumentKind.WORD: "file"}.get(
        DocumentKind(template.kind), "columns" if data is None else "file"
    )
    try:
        removed = pdf.removed_from(kept) if template.kind == DocumentKind.PDF else ()
        keys(loaded)
        make_one(loaded, samples(template), seconds=CHECK_SECONDS)
    except DocumentError as problem:
        raise DocumentError(problem.message, problem.field or field) from None
    except MergeError as problem:
        raise DocumentError(problem.message, field) from None
    return removed


def samples(template: DocumentTemplate) -> dict[str, object]:
    """Believable values for every field a template may use."""
    kept = snapshot(template)
    with force_locale(kept["language"]):
        return catalogue_of(template.module, kept["sql"]).samples()


def preview(template: DocumentTemplate) -> Document:
    """The document filled in with samples; raises ``DocumentError``."""
    return make_one(load(snapshot(template)), samples(template))


def duplicate(template: DocumentTemplate) -> DocumentTemplate:
    """A copy with a name of its own."""
    copy = DocumentTemplate(
        kind=template.kind,
        module=template.module,
        name=copies.free_name(DocumentTemplate.name, template.name, TOO_MANY_COPIES),
        filename=template.filename,
        html=template.html,
        options=dict(template.options),
        file_id=template.file_id,
    )
    db.session.add(copy)
    db.session.flush()
    audit.record("document.duplicate", copy, source=template.id)
    db.session.commit()
    return copy


def set_active(template: DocumentTemplate, active: bool) -> None:
    """Whether the template can be chosen for new documents."""
    if template.active != active:
        template.active = active
        audit.record("document.activate" if active else "document.deactivate", template)
    db.session.commit()


def add_picture(template: DocumentTemplate, upload: Upload, author: User | None = None) -> str:
    """Keep a picture with a PDF template; the name it is shown by: ``<img src="cid:…">``.

    :raises InvalidInput: it is no picture that a PDF can show, or too large.
    """
    if template.kind != DocumentKind.PDF:
        raise Conflict(_l("Only PDF templates keep pictures: put yours into the file."))
    pictures = list(template.options.get("images", []))
    if len(pictures) >= MOST_PICTURES:
        raise InvalidInput(_l("%(most)s pictures at most.", most=MOST_PICTURES), "picture")
    content_type = _picture_type(upload.data)
    stored = files.store(upload.data, upload.name, content_type, author)
    number = 1
    taken = {each["cid"] for each in pictures}
    while f"image{number}" in taken:
        number += 1
    pictures.append(
        {
            "cid": f"image{number}",
            "file_id": stored.id,
            "sha256": stored.sha256,
            "name": stored.name,
            "content_type": content_type,
            "size": stored.size,
        }
    )
    template.options = template.options | {"images": pictures}
    template.version += 1
    audit.record("document.add_picture", template, file=stored.name)
    db.session.commit()
    return f"image{number}"


def _picture_type(data: bytes) -> str:
    """The type of a picture by its content."""
    from PIL import Image

    if len(data) > LARGEST_PICTURE:
        raise InvalidInput(
            _l("A picture has %(max)s MB at most.", max=LARGEST_PICTURE // (1024 * 1024)), "picture"
        )
    try:
        with Image.open(io.BytesIO(data), formats=tuple(PICTURES)) as picture:
            wide, tall = picture.size
            kind = str(picture.format)
            if wide * tall <= MOST_PIXELS:
                picture.load()
    except Exception:  # Pillow raises of every kind on odd files
        raise InvalidInput(_l("This is no PNG, JPEG or GIF picture."), "picture") from None
    if wide * tall > MOST_PIXELS:
        raise InvalidInput(_l("The picture has too many pixels: make it smaller."), "picture")
    return PICTURES[kind]


def remove_picture(template: DocumentTemplate, cid: str) -> None:
    """
    :raises NotFound: the template has no such picture.
    :raises Conflict: the document shows it.
    """
    pictures = template.options.get("images", [])
    if all(each["cid"] != cid for each in pictures):
        raise NotFound(_l("This picture is not on the template."))
    texts = (template.html, template.options.get("header"), template.options.get("footer"))
    if any(f"cid:{cid}" in (text or "") for text in texts):
        raise Conflict(_l("The document shows this picture: take it out of the text first."))
    template.options = template.options | {
        "images": [each for each in pictures if each["cid"] != cid]
    }
    template.version += 1
    audit.record("document.remove_picture", template, picture=cid)
    db.session.commit()


def picture(template: DocumentTemplate, cid: str) -> StoredFile:
    """The stored file of a picture; raises ``NotFound``."""
    for each in template.options.get("images", []):
        found = db.session.get(StoredFile, each["file_id"]) if each["cid"] == cid else None
        if found is not None:
            return found
    raise NotFound(_l("This picture is not on the template."))
