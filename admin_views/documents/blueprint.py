"""What the pages of documents share."""

import io
from typing import Any

from flask import Blueprint, send_file
from sqlalchemy import select

from ctm.documents import Document
from ctm.extensions import db
from ctm.mailing.merge import MODULES
from ctm.mailing.merge.legend import LegendGroup, legend
from ctm.models import SqlField

bp = Blueprint("documents", __name__, url_prefix="/documents")


def send(document: Document, inline: bool = False) -> Any:
    """A finished document as an answer; a PDF may be shown by the browser itself."""
    shown = inline and document.content_type == "application/pdf"
    return send_file(
        io.BytesIO(document.data),
        mimetype=document.content_type,
        as_attachment=not shown,
        download_name=document.filename,
        max_age=0,
    )


def legend_of(module: str) -> list[LegendGroup]:
    """All that a template of a module may use, the office's SQL fields too."""
    known = db.session.scalars(select(SqlField).where(SqlField.active).order_by(SqlField.name))
    return legend(module, [(each.name, each.label, each.is_html) for each in known])


def merge_fields(groups: list[LegendGroup]) -> list[dict[str, str]]:
    """The fields and blocks of a legend for the editor's menu."""
    return [
        {"code": entry.text, "label": entry.label, "group": group.label, "type": entry.type}
        for group in groups
        for entry in group.entries
        if entry.text[:1] in "[{"
    ]


def module_labels() -> dict[str, str]:
    return {name: str(each.label) for name, each in MODULES.items()}
