"""What fields give for rows."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from flask import current_app, has_app_context
from sqlalchemy import Connection, Engine

from ctm import settings
from ctm.errors import InvalidInput, Unavailable
from ctm.i18n import _l
from ctm.models import SqlField
from ctm.sql import Executor
from ctm.sqlfields import running
from ctm.sqlfields.compiled import compile_query

Fields = Iterable[SqlField] | Mapping[str, str]


def values(
    connection: Executor | Engine, fields: Fields, row_ids: Iterable[int]
) -> dict[int, dict[str, str]]:
    """``{row id: {field: text}}``: one statement for a field and up to 500 rows.

    ``fields`` are records or ``{name: query}``. Dates, amounts and numbers that a query does not
    format are written as in the office's language; of several rows the first counts; no row is an
    empty text. ``connection`` says which database; what it has not committed is not seen.

    :raises InvalidInput: a query that cannot be understood, or a text that is too long.
    :raises Unavailable: a query that takes too long or cannot be worked out; the field is named.
    """
    queries = dict(fields) if isinstance(fields, Mapping) else {f.name: f.query for f in fields}
    ids = list(dict.fromkeys(row_ids))
    found: dict[int, dict[str, str]] = {row_id: {} for row_id in ids}
    if not queries or not ids:
        return found
    engine, language, zone = _engine(connection), settings.office_language(), _zone()
    on_postgresql = engine.dialect.name == "postgresql"
    with running.reader(engine, language, zone) as reader:
        for name, query in queries.items():
            try:
                given = compile_query(query).values(
                    reader, on_postgresql, language, zone, ids, running.SECONDS_FOR_MANY
                )
            except (InvalidInput, Unavailable) as error:
                words = _l("SQL field “%(name)s”: %(words)s", name=name, words=error.message)
                raise type(error)(words) from error
            for row_id in ids:
                found[row_id][name] = given.get(row_id, "")
    return found


def try_out(connection: Executor | Engine, query: str, row_id: int) -> str:
    """What a query gives for one row, for who writes it.

    :raises InvalidInput: it cannot be understood, or gives too long a text.
    :raises Unavailable: it takes too long or cannot be worked out.
    """
    compiled = compile_query(query)
    engine, language, zone = _engine(connection), settings.office_language(), _zone()
    with running.reader(engine, language, zone) as reader:
        given = compiled.values(
            reader,
            engine.dialect.name == "postgresql",
            language,
            zone,
            [row_id],
            running.SECONDS_FOR_ONE,
        )
    return given.get(row_id, "")


def _engine(connection: Executor | Engine) -> Engine:
    if isinstance(connection, Engine):
        return connection
    bind = connection if isinstance(connection, Connection) else connection.get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


def _zone() -> ZoneInfo:
    """The office's time zone, whatever that of who looks."""
    return ZoneInfo(current_app.config["CTM_TIMEZONE"] if has_app_context() else "Europe/Rome")
