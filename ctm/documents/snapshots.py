"""What a mailing keeps of a document template, so that later changes do not touch it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ctm import files, settings
from ctm.documents.errors import DocumentError
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import DocumentTemplate, SqlField


def snapshot(template: DocumentTemplate, language: str | None = None) -> dict[str, Any]:
    """A template as it is now, as JSON keeps it; files by their SHA-256.

    ``language`` (of month names and of what is said of failures) is the office's if not given.
    """
    pictures = [
        {key: each[key] for key in ("cid", "sha256", "content_type")}
        for each in template.options.get("images", ())
    ]
    file = template.file
    return {
        "id": template.id,
        "version": template.version,
        "kind": str(template.kind),
        "module": template.module,
        "name": template.name,
        "filename": template.filename,
        "html": template.html,
        "options": {key: value for key, value in template.options.items() if key != "images"},
        "images": pictures,
        "file": {"sha256": file.sha256, "name": file.name} if file else None,
        "sql": _sql_fields(),
        "language": language or settings.office_language(),
    }


def _sql_fields() -> dict[str, bool]:
    """The names of the SQL fields there are, and whether their values are HTML."""
    known = select(SqlField.name, SqlField.is_html).where(SqlField.active).order_by(SqlField.name)
    return {row.name: row.is_html for row in db.session.execute(known)}


def load(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot with the bytes of its files, ready for :func:`ctm.documents.make`.

    :raises DocumentError: a file is no longer there.
    """
    wanted = {each["sha256"] for each in kept["images"]}
    if kept["file"] is not None:
        wanted.add(kept["file"]["sha256"])
    data = {}
    for sha256 in wanted:
        try:
            data[sha256] = (files.folder() / sha256[:2] / sha256).read_bytes()
        except OSError:
            raise DocumentError(
                _(
                    "A file of the document template “%(name)s” is missing from the server's "
                    "folder. Tell the administrator.",
                    name=kept["name"],
                )
            ) from None
    return {**kept, "data": data}
