"""Importing into a list: bring a file, map its columns, look at the dry run, import."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.lists.pages import ListPages
from admin_views.security import requires
from ctm import files, tasks
from ctm.errors import Conflict, CtmError, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists import import_tasks, importing
from ctm.lists.import_tasks import Import
from ctm.lists.mapping import Mapping
from ctm.models import Role, StoredFile, Task
from ctm.permissions import Permission

SAMPLE_ROWS = 4
IMPORTS: dict[str, "ImportPages"] = {}
"""The pages by the kinds of their tasks, which show their report."""


@dataclass(frozen=True)
class ImportPages:
    """The import pages of one list."""

    list: ListPages
    imports: Import
    title: object
    see: object
    notes: tuple[object, ...]

    @property
    def mapping(self) -> Mapping:
        return self.imports.importer.mapping

    def add_routes(self) -> None:
        guard = requires(Permission.IMPORT)
        for rule, endpoint, function, methods in (
            ("/import", "import_file", self._upload, ["GET", "POST"]),
            ("/import/<int:file_id>", "map_columns", self._map, ["GET", "POST"]),
            ("/import/run/<int:task_id>", "run_import", self._run, ["POST"]),
        ):
            self.list.bp.add_url_rule(rule, endpoint, guard(function), methods=methods)
        IMPORTS.update(dict.fromkeys((self.imports.plan, self.imports.run), self))

    def _upload(self) -> Any:
        error = ""
        if request.method == "POST":
            try:
                file = self._receive()
                return redirect(self.list.at("map_columns", file_id=file.id))
            except CtmError as problem:
                error = str(problem)
        limit = files.max_bytes() // (1024 * 1024)
        page = render_template("imports/upload.html", pages=self, error=error, limit=limit)
        return page, 422 if error else 200

    @staticmethod
    def _receive() -> StoredFile:
        upload = request.files.get("file")
        if upload is None or not upload.filename:
            raise InvalidInput(_("Choose a file first."), "file")
        return importing.receive(upload.stream, upload.filename, current_user)

    def _map(self, file_id: int) -> Any:
        file = _own_file(file_id)
        table = import_tasks.table_of(file)
        error, field = "", ""
        if request.method == "POST":
            chosen, key = _chosen(len(table.headers)), request.form.get("key", "")
            try:
                task = self.imports.submit_plan(file, chosen, key, current_user)
                return redirect(url_for("tasks.show", task_id=task.id))
            except InvalidInput as problem:
                error, field = str(problem), problem.field or ""
        else:
            chosen = self.mapping.guess(table.headers)
            key = self.mapping.guess_key(chosen)
        page = render_template(
            "imports/map.html",
            pages=self,
            file=file,
            table=table,
            sample=[cells for _line, cells in islice(table.rows(), SAMPLE_ROWS)],
            chosen=chosen,
            key=key,
            error=error,
            error_field=field,
        )
        return page, 422 if error else 200

    def _run(self, task_id: int) -> Any:
        plan = tasks.get(task_id, current_user)
        try:
            task = self.imports.submit_run(plan, current_user)
        except Conflict as error:
            flash(str(error), "error")
            return redirect(url_for("tasks.show", task_id=plan.id))
        return redirect(url_for("tasks.show", task_id=task.id))


def _own_file(file_id: int) -> StoredFile:
    file = db.session.get(StoredFile, file_id)
    mine = file is not None and (
        file.owner_id == current_user.id or current_user.role == Role.ADMINISTRATOR
    )
    if file is None or not mine:
        raise NotFound(_("There is no such file, or it belongs to somebody else."))
    return file


def _chosen(width: int) -> dict[int, str]:
    """Which field each column was given on the page."""
    given = {column: request.form.get(f"column-{column}", "") for column in range(width)}
    return {column: name for column, name in given.items() if name}


def report_context(task: Task) -> dict[str, Any]:
    """What the page of a dry run or an import shows beside its progress."""
    counts = import_tasks.counts(task)
    pages = IMPORTS[task.kind]
    return {
        "pages": pages,
        "counts": counts,
        "good": sum(number for verdict, number in counts.items() if verdict != "bad"),
        "rows": task.result.get("rows", []),
        "verdicts": import_tasks.VERDICTS,
        "is_plan": task.kind == pages.imports.plan,
        "import_id": task.result.get("import_id"),
    }
