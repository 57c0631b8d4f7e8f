"""Importing clients: bring a file, map its columns, look at the dry run, import."""

from itertools import islice
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.clients.blueprint import bp
from admin_views.security import requires
from ctm import files, tasks
from ctm.clients import import_tasks, importing, mapping
from ctm.errors import Conflict, CtmError, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Role, StoredFile, Task
from ctm.permissions import Permission

SAMPLE_ROWS = 4


@bp.route("/import", methods=["GET", "POST"])
@requires(Permission.IMPORT)
def import_file() -> Any:
    error = ""
    if request.method == "POST":
        try:
            file = _receive()
            return redirect(url_for("clients.map_columns", file_id=file.id))
        except CtmError as problem:
            error = str(problem)
    limit = files.max_bytes() // (1024 * 1024)
    page = render_template("imports/upload.html", error=error, limit=limit)
    return page, 422 if error else 200


def _receive() -> StoredFile:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise InvalidInput(_("Choose a file first."), "file")
    return importing.receive(upload.stream, upload.filename, current_user)


def _own_file(file_id: int) -> StoredFile:
    file = db.session.get(StoredFile, file_id)
    mine = file is not None and (
        file.owner_id == current_user.id or current_user.role == Role.ADMINISTRATOR
    )
    if file is None or not mine:
        raise NotFound(_("There is no such file, or it belongs to somebody else."))
    return file


@bp.route("/import/<int:file_id>", methods=["GET", "POST"])
@requires(Permission.IMPORT)
def map_columns(file_id: int) -> Any:
    file = _own_file(file_id)
    table = import_tasks.table_of(file)
    error, field = "", ""
    if request.method == "POST":
        chosen, key = _chosen(len(table.headers)), request.form.get("key", "")
        try:
            task = import_tasks.submit_plan(file, chosen, key, current_user)
            return redirect(url_for("tasks.show", task_id=task.id))
        except InvalidInput as problem:
            error, field = str(problem), problem.field or ""
    else:
        chosen = dict(mapping.guess(table.headers))
        key = mapping.guess_key(chosen)
    page = render_template(
        "imports/map.html",
        file=file,
        table=table,
        sample=[cells for _line, cells in islice(table.rows(), SAMPLE_ROWS)],
        chosen=chosen,
        key=key,
        field_choices=importing.field_choices(),
        key_choices=importing.key_choices(),
        error=error,
        error_field=field,
    )
    return page, 422 if error else 200


def _chosen(width: int) -> dict[int, str]:
    """Which field each column was given on the page."""
    given = {column: request.form.get(f"column-{column}", "") for column in range(width)}
    return {column: name for column, name in given.items() if name}


@bp.post("/import/run/<int:task_id>")
@requires(Permission.IMPORT)
def run_import(task_id: int) -> Any:
    plan = tasks.get(task_id, current_user)
    try:
        task = import_tasks.submit_run(plan, current_user)
    except Conflict as error:
        flash(str(error), "error")
        return redirect(url_for("tasks.show", task_id=plan.id))
    return redirect(url_for("tasks.show", task_id=task.id))


def report_context(task: Task) -> dict[str, Any]:
    """What the page of a dry run or an import shows beside its progress."""
    counts = import_tasks.counts(task)
    return {
        "counts": counts,
        "good": sum(number for verdict, number in counts.items() if verdict != "bad"),
        "rows": task.result.get("rows", []),
        "verdicts": import_tasks.VERDICTS,
        "labels": mapping.LABELS,
        "is_plan": task.kind == import_tasks.PLAN,
        "import_id": task.result.get("import_id"),
    }
