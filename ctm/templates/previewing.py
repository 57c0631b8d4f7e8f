"""A template as a recipient would read it: with samples, or with a row of the module."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ctm import files, settings, sqlfields
from ctm.extensions import db
from ctm.mailing.compose import Attachment, MailContent, RenderedPreview, preview
from ctm.mailing.merge import MODULES, MergeModule, rows
from ctm.models import Client, Instalment, MailTemplate, Policy
from ctm.templates.modules import catalogue_of, sql_fields

MOST_ROWS = 50
_SQL_NAME = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class RowChoice:
    """A row that the preview can be made with."""

    id: int
    label: str


def rows_of(template: MailTemplate, client: Client) -> list[RowChoice]:
    """The rows of a client in the template's module, newest first, instalments as they fall due;
    one for all where the module groups them."""
    module = MODULES[template.module]
    if module.model is Client:
        return [RowChoice(client.id, client.display_name)]
    model: Any = module.model
    order = Instalment.due_date if model is Instalment else model.id.desc()
    query = select(model).where(model.client_id == client.id).order_by(order)
    found = [
        RowChoice(each.id, _label(each)) for each in db.session.scalars(query.limit(MOST_ROWS))
    ]
    return found[:1] if module.group else found


def _label(row: object) -> str:
    if isinstance(row, Instalment):
        return f"{row.due_date:%d/%m/%Y} · {row.number or row.id}"
    if isinstance(row, Policy):
        return " · ".join(part for part in (row.number, row.company) if part)
    return str(row)


def shown(template: MailTemplate, client: Client | None, row_id: int = 0) -> RenderedPreview:
    """The mail with the values of a client's row (the first, unless ``row_id`` is one of them);
    with samples without a client, or where it has no row.

    :raises CtmError: the mail cannot be made.
    """
    catalogue = catalogue_of(template.module)
    values = catalogue.samples()
    choices = rows_of(template, client) if client else []
    if client and choices:
        values = _values(template, client, choices, row_id)
    return preview(_content(template), values, catalogue)


def _values(
    template: MailTemplate, client: Client, choices: list[RowChoice], row_id: int
) -> dict[str, object]:
    module = MODULES[template.module]
    chosen = row_id if row_id in {each.id for each in choices} else choices[0].id
    ids = _all_of(module, client) if module.group else [chosen]
    key = client.id if module.group else chosen
    loaded = rows.load(db.session, module, ids, set(module.fields), settings.office_language())
    found = dict(loaded.get(key, {}))
    fields = sql_fields()
    used = {name: fields[name].query for name in _sql_names(template) if name in fields}
    if used:
        given = sqlfields.values(db.session, used, [key])
        found |= {f"sql.{name}": text for name, text in given[key].items()}
    return found


def _all_of(module: MergeModule, client: Client) -> list[int]:
    """A client's rows of a module that groups them."""
    model: Any = module.model
    order = module.grouping.order if module.grouping else ()
    query = select(model.id).where(model.client_id == client.id).order_by(*order)
    return list(db.session.scalars(query.limit(MOST_ROWS)))


def _sql_names(template: MailTemplate) -> set[str]:
    return {
        name
        for text in (template.subject, template.body_html, template.body_text)
        for name in _SQL_NAME.findall(text or "")
    }


def _content(template: MailTemplate) -> MailContent:
    html = template.body_format != "text"
    return MailContent(
        subject=template.subject,
        html=template.body_html if html else None,
        text=None if html else template.body_text,
        from_email="office@example.com",
        attachments=tuple(
            Attachment(
                each.file.name, each.file.content_type, files.read(each.file), each.content_id
            )
            for each in template.attachments
            if each.content_id
        ),
        language=settings.office_language(),
        unsubscribe=False,
    )
