"""Documents outside of mailing (A23): of one record at once, of many as a task with a ZIP."""

import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import select

from ctm import audit, files, sqlfields
from ctm.clock import utcnow
from ctm.documents import library
from ctm.documents.making import Document, keys
from ctm.documents.pool import Job, Pool, make_one
from ctm.documents.snapshots import load, snapshot
from ctm.errors import InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l, _n
from ctm.mailing.merge import MODULES, rows
from ctm.models import (
    Contact,
    DocumentTemplate,
    Instalment,
    InstalmentState,
    Policy,
    PolicyState,
    SqlField,
    StoredFile,
    Task,
    User,
)
from ctm.tasks import Progress, submit, task_kind

TASK = "documents.generate"
MOST = 10_000
MOST_OF_A_CLIENT = 200
_GROUP = 200
_PROBLEMS_SHOWN = 20

Values = dict[str, object]


def rows_of_client(module: str, client_id: int) -> list[int]:
    """The rows of a module that are a client's: itself, active addresses and policies, open
    instalments."""
    columns: dict[str, Any] = {
        "contacts": select(Contact.id)
        .where(Contact.client_id == client_id, Contact.active)
        .order_by(Contact.id),
        "policies": select(Policy.id)
        .where(Policy.client_id == client_id, Policy.state == PolicyState.ACTIVE)
        .order_by(Policy.end_date, Policy.id),
        "instalments": select(Instalment.id)
        .where(Instalment.client_id == client_id, Instalment.state == InstalmentState.OPEN)
        .order_by(Instalment.due_date, Instalment.id),
    }
    query = columns.get(MODULES[module].list_name)
    if query is None:
        return [client_id]
    return list(db.session.scalars(query.limit(MOST_OF_A_CLIENT)))


def in_one_file(template: DocumentTemplate) -> bool:
    """Whether all rows go into one file: the sheet made of columns."""
    return template.options.get("made_of") == "columns"


def generate(
    template: DocumentTemplate, ids: Sequence[int], user: User
) -> tuple[Document | None, Task | None]:
    """The document if it is one of few rows, else the task that makes all of them.

    :raises InvalidInput: nothing or too much is chosen, or the template is not active.
    :raises NotFound: none of the rows is there any more.
    :raises DocumentError: the document cannot be made.
    """
    if not template.active:
        raise InvalidInput(_l("This document template is not active any more."), "template")
    if not ids:
        raise InvalidInput(_l("There is nothing to make a document of."), "template")
    if len(ids) > MOST:
        raise InvalidInput(_l("Choose %(most)s rows at most.", most=MOST), "template")
    several = MODULES[template.module].group or in_one_file(template)
    if len(ids) == 1 or (several and len(ids) <= _GROUP):
        document = _at_once(template, ids)
        if document is not None:
            audit.record("document.generate", template, count=1)
            db.session.commit()
            return document, None
    title = str(_("Documents “%(name)s”", name=template.name))
    return None, submit(TASK, title, {"template_id": template.id, "ids": list(ids)}, user)


def _at_once(template: DocumentTemplate, ids: Sequence[int]) -> Document | None:
    """The only document of these rows; None if they make several."""
    kept = load(snapshot(template))
    found = list(_values(kept, ids))
    if not found:
        raise NotFound(_l("The chosen records are no longer there."))
    if in_one_file(template):
        return make_one(kept, found[0], _lines(template.module, found))
    if len(found) > 1:
        return None
    return make_one(kept, found[0], _lines(template.module, found))


def example(template: DocumentTemplate, client_id: int) -> Document:
    """The document as it would be for a client; of several records, for the first.

    :raises NotFound: the client has nothing it could be made of.
    :raises DocumentError: it cannot be made.
    """
    ids = rows_of_client(template.module, client_id)
    if not ids:
        raise NotFound(_l("The client has nothing that this document is made of."))
    if not MODULES[template.module].group and not in_one_file(template):
        ids = ids[:1]
    document = _at_once(template, ids)
    assert document is not None
    return document


def _lines(module: str, found: Iterable[Values]) -> list[Values]:
    """The rows a sheet lists: each record, of a group each of its rows."""
    grouping = MODULES[module].grouping
    if grouping is None:
        return list(found)
    lines: list[Values] = []
    for values in found:
        rest = {key: value for key, value in values.items() if key != grouping.block}
        own: Any = values.get(grouping.block) or []
        lines.extend({**rest, **row} for row in own)
    return lines


def _values(kept: Mapping[str, Any], ids: Sequence[int]) -> Iterator[Values]:
    """The values of the records that are still there, a bounded group in memory at a time."""
    wanted = keys(kept)
    names = [key.removeprefix("sql.") for key in wanted if key.startswith("sql.")]
    known = select(SqlField).where(SqlField.name.in_(names), SqlField.active)
    queries = {each.name: each.query for each in db.session.scalars(known)} if names else {}
    stream = rows.stream(db.session, kept["module"], ids, wanted, kept["language"])
    while some := list(islice(stream, _GROUP)):
        extra = sqlfields.values(db.session, queries, [row_id for row_id, _found in some])
        for row_id, found in some:
            found.update({f"sql.{name}": text for name, text in extra.get(row_id, {}).items()})
            yield found


@task_kind(TASK)
def _work(task: Task, progress: Progress) -> None:
    """Make all documents of a task and keep them as one file: a ZIP, or the one sheet."""
    task_id, owner_id = task.id, task.owner_id
    template = library.get(int(task.params["template_id"]))
    ids = [int(each) for each in task.params["ids"]]
    kept = load(snapshot(template))
    progress.set_total(len(ids))
    os.makedirs(files.folder(), exist_ok=True)
    try:
        if in_one_file(template):
            found = list(_values(kept, ids))
            with Pool(1, seconds=300) as pool:
                made = pool.make(kept, found[0] if found else {}, _lines(template.module, found))
            progress.advance(len(ids))
            file = files.store(made.data, made.filename, made.content_type, _user(owner_id), 0)
            count, problems = len(found), list[str]()
        else:
            with tempfile.TemporaryFile(dir=files.folder()) as out:
                count, problems = _zip(out, kept, ids, progress)
                out.seek(0)
                name = f"{files.safe_name(template.name)}-{utcnow():%Y%m%d-%H%M}.zip"
                file = files.store(out, name, "application/zip", _user(owner_id), limit=0)
    except OSError as error:
        raise files.refusal(error) from error
    _finish(task_id, file, count, problems, template)


def _user(owner_id: int | None) -> User | None:
    return db.session.get(User, owner_id) if owner_id else None


def _zip(
    out: Any, kept: Mapping[str, Any], ids: Sequence[int], progress: Progress
) -> tuple[int, list[str]]:
    """Write the documents as they are made; how many, and the words for those that failed."""
    count, problems, taken = 0, list[str](), set[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, Pool() as pool:
        module = kept["module"]
        jobs = (
            Job(number, kept, found, _lines(module, [found]))
            for number, found in enumerate(_values(kept, ids), start=1)
        )
        for made in pool.map(jobs):
            if made.document is None:
                problems.append(f"{made.key}: {made.error}")
            else:
                archive.writestr(_free(made.document.filename, taken), made.document.data)
                count += 1
            progress.advance(1)
        if problems:
            archive.writestr(str(_("not made")) + ".txt", "\n".join(problems))
    return count, problems


def _free(name: str, taken: set[str]) -> str:
    """A name no other file of the archive has."""
    stem, dot, extension = name.rpartition(".")
    number, candidate = 2, name
    while candidate.lower() in taken:
        candidate = f"{stem} ({number}){dot}{extension}"
        number += 1
    taken.add(candidate.lower())
    return candidate


def _finish(
    task_id: int,
    file: StoredFile,
    count: int,
    problems: Sequence[str],
    template: DocumentTemplate,
) -> None:
    words = _n("%(num)s document made.", "%(num)s documents made.", count)
    if problems:
        failed = _n("%(num)s could not be made:", "%(num)s could not be made:", len(problems))
        words = " ".join([words, failed, *problems[:_PROBLEMS_SHOWN]])
    kept = db.session.get_one(Task, task_id)
    kept.file_id, kept.result = file.id, kept.result | {"text": str(words)}
    audit.record("document.generate", template, count=count)
    db.session.commit()
