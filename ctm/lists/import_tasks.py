"""Imports into a list as tasks: the dry run, then the import, each with files to download.

A task's ``params``: ``file_id``, ``mapping`` (column → field), ``key``, for the import also
``plan_id`` (its dry run). Its ``result``: ``counts`` per verdict, ``rows`` (the first of the
report), ``report_id`` (every row with its reasons); ``file_id`` is the bad rows, ready to be
mended and brought again.
"""

import csv
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ctm import audit, exporting, files
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.lists import importing
from ctm.lists.importing import Importer, Report, RowResult, Verdict
from ctm.models import StoredFile, Task, TaskState, User
from ctm.tabular import Table, open_table
from ctm.tasks import Cancelled, Progress, submit

SHOWN = 200


def table_of(file: StoredFile) -> Table:
    """
    :raises InvalidInput: the file is no table that can be read.
    """
    return open_table(files.path_of(file), file.name)


@dataclass(frozen=True)
class Import:
    """Imports into one list: how their rows are read, and the kinds of their tasks."""

    list_name: str
    importer: type[Importer]
    row: object

    @property
    def plan(self) -> str:
        return f"{self.list_name}.plan"

    @property
    def run(self) -> str:
        return f"{self.list_name}.import"

    def submit_plan(
        self, file: StoredFile, columns: Mapping[Any, str], key: str, owner: User
    ) -> Task:
        """Put a dry run in the queue.

        :raises InvalidInput: the mapping or the key cannot be used with this file.
        """
        width = len(table_of(file).headers)
        checked = self.importer.mapping.check(columns, key, width)
        chosen = {str(column): name for column, name in checked.items()}
        params = {"file_id": file.id, "mapping": chosen, "key": key}
        return submit(self.plan, _("Dry run of “%(name)s”", name=file.name), params, owner)

    def submit_run(self, plan: Task, owner: User) -> Task:
        """Put the import in the queue whose dry run was ``plan``.

        :raises Conflict: the dry run has not ended well, has no good row, or was used already.
        """
        good = sum(int(n) for v, n in counts(plan).items() if v != Verdict.BAD)
        if plan.kind != self.plan or plan.state != TaskState.DONE or not good:
            raise Conflict(_("There is nothing to import: the dry run found no good row."))
        if plan.result.get("import_id"):
            raise Conflict(_("This file has already been imported. Bring it again to repeat."))
        file = db.session.get(StoredFile, plan.params["file_id"])
        name = file.name if file else ""
        params = plan.params | {"plan_id": plan.id}
        task = submit(self.run, _("Import of “%(name)s”", name=name), params, owner)
        plan.result = plan.result | {"import_id": task.id}
        db.session.commit()
        return task

    def work(self, task: Task, progress: Progress, dry_run: bool) -> None:
        """The body of such a task.

        :raises Unavailable: the disk takes no more.
        """
        try:
            _work(self, task, progress, dry_run)
        except OSError as error:
            raise files.refusal(error) from error


def counts(task: Task) -> dict[str, int]:
    return dict(task.result.get("counts", {}))


class _Papers:
    """The report and the bad rows of a task, written aside while it works."""

    def __init__(self, row: object, table: Table, report: BinaryIO, bad: BinaryIO) -> None:
        self.first: list[dict[str, Any]] = []
        self._bad_shown = 0
        self._width = len(table.headers)
        self._streams = [
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="", write_through=True)
            for raw in (report, bad)
        ]
        self._report, self._bad = (csv.writer(s, delimiter=";") for s in self._streams)
        self._report.writerow([_("Line"), _("Result"), str(row), _("Reason")])
        self._bad.writerow([*map(exporting.neutralise, table.headers), _("Reason")])

    def add(self, result: RowResult) -> None:
        reasons = " ".join(result.reasons)
        words = str(VERDICTS[result.verdict])
        line = [str(result.line), words, result.label, reasons]
        self._report.writerow([exporting.neutralise(text) for text in line])
        if result.verdict is Verdict.BAD:
            cells = [exporting.neutralise(cell) for cell in result.cells[: self._width]]
            self._bad.writerow([*cells, reasons])
        bad = result.verdict is Verdict.BAD
        if len(self.first) < SHOWN or (bad and self._bad_shown < SHOWN):
            self._bad_shown += bad
            self.first.append(
                {
                    "line": result.line,
                    "verdict": result.verdict,
                    "label": result.label[:120],
                    "reason": reasons[:500],
                }
            )

    def detach(self) -> None:
        for stream in self._streams:
            stream.flush()
            stream.detach()


VERDICTS: dict[str, object] = {
    Verdict.CREATE: _l("new"),
    Verdict.UPDATE: _l("updated"),
    Verdict.SAME: _l("unchanged"),
    Verdict.BAD: _l("not taken"),
}


def _work(imports: Import, task: Task, progress: Progress, dry_run: bool) -> None:
    task_id, params = task.id, dict(task.params)
    file = db.session.get_one(StoredFile, params["file_id"])
    owner_id, name = task.owner_id, file.name
    table = table_of(file)
    importer = imports.importer(params["mapping"], params["key"], len(table.headers))
    progress.set_total(importing.count_rows(table))
    report = Report()
    with _scratch() as all_rows, _scratch() as bad_rows:
        papers = _Papers(imports.row, table, all_rows, bad_rows)

        def on_row(result: RowResult) -> None:
            report.counts[result.verdict] += 1
            papers.add(result)

        stopped = False
        try:
            work = importing.plan if dry_run else importing.run
            work(importer, table, on_row, progress.advance)
        except Cancelled:
            stopped = True
        papers.detach()
        _keep(db.session, task_id, owner_id, name, report, papers, (all_rows, bad_rows))
        if stopped:
            if not dry_run:
                audit.record(imports.importer.audited, stopped=True, **report.to_dict())
                db.session.commit()
            raise Cancelled


def _scratch() -> Any:
    """A file to write on, on the disk of the instance folder; gone when closed."""
    files.folder().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=files.folder())


def _keep(
    session: Any,
    task_id: int,
    owner_id: int | None,
    name: str,
    report: Report,
    papers: _Papers,
    streams: tuple[BinaryIO, BinaryIO],
) -> None:
    """Store the report and the bad rows, and what the task's page shows of them."""
    owner = session.get(User, owner_id) if owner_id else None
    stem = name.rpartition(".")[0] or name
    titles = (_("report"), _("bad rows"))
    kept: list[StoredFile] = []
    for stream, title in zip(streams, titles, strict=True):
        stream.seek(0)
        csv_name = f"{stem} - {title}.csv"
        kept.append(files.store(stream, csv_name, exporting.CONTENT_TYPES["csv"], owner, limit=0))
    task = session.get_one(Task, task_id)
    task.result = task.result | {
        "counts": report.to_dict(),
        "rows": papers.first,
        "report_id": kept[0].id,
    }
    task.file_id = kept[1].id if report.counts[Verdict.BAD] else None
    session.commit()
