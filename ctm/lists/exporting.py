"""The rows of a list that match a search, as CSV or XLSX."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from flask_babel import get_locale
from sqlalchemy import Select, select

from ctm import audit, exporting, files
from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.lists.fields import Field
from ctm.lists.filters import SEARCHES, Search
from ctm.lists.pages import count_exactly
from ctm.models import StoredFile, Task, User
from ctm.tasks import Progress, submit

CHUNK = 500
AT_ONCE = 2000


@dataclass(frozen=True)
class Export:
    """What a list's export holds: the row's fields, in order; fields of linked records too.

    ``joined`` adds to a SELECT the tables those are in.
    """

    task: str
    audited: str
    title: object
    file: object
    fields: tuple[Field, ...]
    joined: Callable[[Select[Any]], Select[Any]] = lambda query: query

    def columns(self) -> list[str]:
        return [field.text for field in self.fields]

    def rows(
        self,
        found: Search,
        ids: list[int] | None = None,
        after_chunk: Callable[[int], None] | None = None,
    ) -> Iterator[list[Any]]:
        """The rows' values, in the order they were entered, a chunk at a time.

        With ``ids`` only those of them that match. ``after_chunk`` hears how many were given.
        """
        last, row_id = 0, found.listing.model.id
        values = [field.columns[0] for field in self.fields]
        while True:
            query = self.joined(select(row_id, *values)).where(found.where(), row_id > last)
            if ids is not None:
                query = query.where(row_id.in_(ids))
            chunk = db.session.execute(query.order_by(row_id).limit(CHUNK)).all()
            if not chunk:
                return
            last = chunk[-1][0]
            for row in chunk:
                yield [_shown(v, f) for v, f in zip(row[1:], self.fields, strict=True)]
            if after_chunk:
                after_chunk(len(chunk))

    def file_name(self, kind: str) -> str:
        return f"{self.file}-{utcnow():%Y%m%d-%H%M}.{kind}"

    def write(self, kind: str, out: BinaryIO, found: Search, ids: list[int] | None = None) -> int:
        """Write the rows to ``out``; returns how many.

        :raises InvalidInput: there is no such format.
        """
        check_kind(kind)
        written = exporting.write(kind, out, self.columns(), self.rows(found, ids), _locale())
        audit.record(self.audited, count=written, format=kind)
        db.session.commit()
        return written

    def start(self, kind: str, found: Search, owner: User) -> Task:
        """Put a large export in the queue; its file is the task's.

        :raises InvalidInput: there is no such format.
        """
        check_kind(kind)
        params = {"format": kind, "list": found.listing.name, "filter": found.to_dict()}
        return submit(self.task, str(self.title), params, owner)

    def work(self, task: Task, progress: Progress) -> None:
        """The body of such a task."""
        task_id, kind, owner_id = task.id, task.params["format"], task.owner_id
        found = SEARCHES[task.params.get("list", "clients")].from_dict(task.params["filter"])
        progress.set_total(count_exactly(found))
        try:
            with tempfile.TemporaryFile(dir=_scratch()) as out:
                table = self.rows(found, after_chunk=progress.advance)
                written = exporting.write(kind, out, self.columns(), table, _locale())
                out.seek(0)
                file = self._keep(out, kind, owner_id)
        except OSError as error:
            raise files.refusal(error) from error
        kept = db.session.get_one(Task, task_id)
        kept.file_id, kept.result = file.id, kept.result | {"count": written}
        audit.record(self.audited, count=written, format=kind)
        db.session.commit()

    def _keep(self, out: BinaryIO, kind: str, owner_id: int | None) -> StoredFile:
        owner = db.session.get(User, owner_id) if owner_id else None
        name = self.file_name(kind)
        return files.store(out, name, exporting.CONTENT_TYPES[kind], owner, limit=0)


def _shown(value: Any, field: Field) -> Any:
    words = field.words
    return str(words[value]) if words and value in words else value


def check_kind(kind: str) -> None:
    if kind not in exporting.FORMATS:
        raise InvalidInput(_l("Choose CSV or XLSX."), "format")


def _scratch() -> str:
    """Where files under way are written: the instance folder, whose disk is the one to watch."""
    os.makedirs(files.folder(), exist_ok=True)
    return str(files.folder())


def _locale() -> str:
    return str(get_locale() or "it")
