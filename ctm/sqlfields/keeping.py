"""SQL fields as records: made, changed, deleted, and where they are used."""

import json
import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, String, cast, func, or_, select
from sqlalchemy.sql.elements import SQLCoreOperations

from ctm import audit
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.lists.values import clean_text
from ctm.models import DocumentTemplate, MailTemplate, SqlField, User
from ctm.sqlfields.compiled import compile_query
from ctm.sqlfields.reading import ROW_ID

MOST_FIELDS = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_USED = re.compile(r"\{\{\s*([\w.]{1,100})\s*\}\}")


def every() -> list[SqlField]:
    return list(db.session.scalars(select(SqlField).order_by(SqlField.name).limit(MOST_FIELDS)))


def get(field_id: int) -> SqlField:
    """
    :raises NotFound: there is no such field.
    """
    field = db.session.get(SqlField, field_id)
    if field is None:
        raise NotFound(_l("There is no such SQL field."))
    return field


def save(
    field: SqlField | None,
    name: str,
    label: str,
    query: str,
    is_html: bool = False,
    active: bool = True,
    author: User | None = None,
) -> SqlField:
    """Make a field or change one.

    :raises InvalidInput: the name or the query cannot be accepted; the message says why.
    :raises Conflict: templates use it by the name it had, or there are too many fields.
    """
    known = field.name if field is not None else ""
    name = _checked_name(name, field)
    try:
        label = clean_text(label or "", 160)
    except InvalidInput as error:
        raise InvalidInput(error.message, "label") from error
    compile_query(query)
    if known and name != known:
        _refuse_used(field, _l("It cannot get another name."))
    if field is None:
        if (db.session.scalar(select(func.count(SqlField.id))) or 0) >= MOST_FIELDS:
            raise Conflict(_l("There can be %(most)s SQL fields at most.", most=MOST_FIELDS))
        field = SqlField(created_by_id=author.id if author else None)
        db.session.add(field)
    field.name, field.label = name, label
    field.query, field.is_html, field.active = query.strip(), is_html, active
    field.updated_at = utcnow()
    db.session.flush()
    audit.record(
        "sql_field.update" if known else "sql_field.create", field, name=name, query=field.query
    )
    db.session.commit()
    return field


def delete(field: SqlField) -> None:
    """
    :raises Conflict: templates use it.
    """
    _refuse_used(field, _l("It cannot be deleted."))
    audit.record("sql_field.delete", field, name=field.name, query=field.query)
    db.session.delete(field)
    db.session.commit()


def uses() -> dict[str, list[MailTemplate | DocumentTemplate]]:
    """The templates in which each ``{{name}}`` stands, by the name in small letters."""
    mails = select(MailTemplate).where(
        _mentions(MailTemplate.subject, MailTemplate.body_html, MailTemplate.body_text)
    )
    documents = select(DocumentTemplate).where(
        _mentions(
            DocumentTemplate.html,
            DocumentTemplate.filename,
            cast(DocumentTemplate.options, String),
        )
    )
    found: dict[str, list[MailTemplate | DocumentTemplate]] = {}
    for mail in db.session.scalars(mails.order_by(MailTemplate.name)):
        _note(found, mail, (mail.subject, mail.body_html, mail.body_text))
    for document in db.session.scalars(documents.order_by(DocumentTemplate.name)):
        options = json.dumps(document.options, ensure_ascii=False)
        _note(found, document, (document.html, document.filename, options))
    return found


def _mentions(*columns: SQLCoreOperations[str]) -> ColumnElement[bool]:
    return or_(*(column.contains("{{") for column in columns))


def _note(
    found: dict[str, list[MailTemplate | DocumentTemplate]],
    template: MailTemplate | DocumentTemplate,
    texts: Iterable[str],
) -> None:
    names = {match[1].lower() for text in texts for match in _USED.finditer(text)}
    for name in names:
        found.setdefault(name, []).append(template)


def _refuse_used(field: SqlField | None, consequence: object) -> None:
    users = uses().get(field.name, []) if field is not None else []
    if field is not None and users:
        raise Conflict(
            _l(
                "“%(name)s” is used by %(templates)s. %(consequence)s",
                name=field.name,
                templates=", ".join(f"“{each.name}”" for each in users[:5]),
                consequence=consequence,
            )
        )


def _checked_name(name: str, field: SqlField | None) -> str:
    name = (name or "").strip().strip("{}").strip().lower()
    if not name:
        raise InvalidInput(_l("A name is needed."), "name")
    if not _NAME.fullmatch(name) or name == ROW_ID:
        raise InvalidInput(
            _l("A name is a letter, then letters, digits and “_” (60 at most), without accents."),
            "name",
        )
    taken = select(SqlField.id).where(SqlField.name == name)
    if field is not None:
        taken = taken.where(SqlField.id != field.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("Another SQL field is called “%(name)s”.", name=name), "name")
    return name
