"""The clients that match a search, as CSV or XLSX."""

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from flask_babel import get_locale
from sqlalchemy import select

from ctm import audit, exporting, files
from ctm.clients.fields import STORED
from ctm.clients.filters import ClientFilter
from ctm.clients.search import count_exactly
from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Client, StoredFile, Task, User
from ctm.tasks import Progress, submit, task_kind

CHUNK = 500
AT_ONCE = 2000
TASK = "clients.export"


def columns() -> list[str]:
    return [str(field.label) for field in STORED]


def rows(
    found: ClientFilter,
    ids: list[int] | None = None,
    after_chunk: Callable[[int], None] | None = None,
) -> Iterator[list[Any]]:
    """The clients' values, in the order they were entered, a chunk at a time.

    With ``ids`` only those of them that match. ``after_chunk`` hears how many were given.
    """
    last = 0
    values = [getattr(Client, field.name) for field in STORED]
    while True:
        query = select(Client.id, *values).where(found.where(), Client.id > last)
        if ids is not None:
            query = query.where(Client.id.in_(ids))
        chunk = db.session.execute(query.order_by(Client.id).limit(CHUNK)).all()
        if not chunk:
            return
        last = chunk[-1].id
        for row in chunk:
            yield [_shown(v, f.words) for v, f in zip(row[1:], STORED, strict=True)]
        if after_chunk:
            after_chunk(len(chunk))


def _shown(value: Any, words: dict[str, object] | None) -> Any:
    return str(words[value]) if words and value in words else value


def file_name(kind: str) -> str:
    return f"{_('clients')}-{utcnow():%Y%m%d-%H%M}.{kind}"


def write(kind: str, out: BinaryIO, found: ClientFilter, ids: list[int] | None = None) -> int:
    """Write the clients to ``out``; returns how many.

    :raises InvalidInput: there is no such format.
    """
    check_kind(kind)
    written = exporting.write(kind, out, columns(), rows(found, ids), _locale())
    audit.record("client.export", count=written, format=kind)
    db.session.commit()
    return written


def check_kind(kind: str) -> None:
    if kind not in exporting.FORMATS:
        raise InvalidInput(_l("Choose CSV or XLSX."), "format")


def start(kind: str, found: ClientFilter, owner: User) -> Task:
    """Put a large export in the queue; its file is the task's.

    :raises InvalidInput: there is no such format.
    """
    check_kind(kind)
    params = {"format": kind, "filter": found.to_dict()}
    return submit(TASK, _("Export of clients"), params, owner)


@task_kind(TASK, repeatable=True)
def _export(task: Task, progress: Progress) -> None:
    task_id, kind, owner_id = task.id, task.params["format"], task.owner_id
    found = ClientFilter.from_dict(task.params["filter"])
    progress.set_total(count_exactly(found))
    try:
        with tempfile.TemporaryFile(dir=_scratch()) as out:
            table = rows(found, after_chunk=progress.advance)
            written = exporting.write(kind, out, columns(), table, _locale())
            out.seek(0)
            file = _keep(out, kind, owner_id)
    except OSError as error:
        raise files.refusal(error) from error
    kept = db.session.get_one(Task, task_id)
    kept.file_id, kept.result = file.id, kept.result | {"count": written}
    audit.record("client.export", count=written, format=kind)
    db.session.commit()


def _keep(out: BinaryIO, kind: str, owner_id: int | None) -> StoredFile:
    owner = db.session.get(User, owner_id) if owner_id else None
    return files.store(out, file_name(kind), exporting.CONTENT_TYPES[kind], owner, limit=0)


def _scratch() -> str:
    """Where files under way are written: the instance folder, whose disk is the one to watch."""
    os.makedirs(files.folder(), exist_ok=True)
    return str(files.folder())


def _locale() -> str:
    return str(get_locale() or "it")
