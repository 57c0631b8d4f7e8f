"""Long work: its progress, a way to stop it, and what it brought. Only for who started it."""

from typing import Any

from flask import Blueprint, Flask, flash, jsonify, redirect, render_template, send_file, url_for
from flask_admin import Admin
from flask_login import current_user

from admin_views.lists.imports import IMPORTS, report_context
from admin_views.security import requires
from ctm import files, tasks
from ctm.errors import Conflict, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import StoredFile, Task, TaskState
from ctm.permissions import Permission

bp = Blueprint("tasks", __name__, url_prefix="/tasks")

STATE_WORDS: dict[str, object] = {
    TaskState.WAITING: _l("waiting"),
    TaskState.RUNNING: _l("under way"),
    TaskState.DONE: _l("finished"),
    TaskState.FAILED: _l("failed"),
    TaskState.CANCELLED: _l("stopped"),
}


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    return render_template("tasks/index.html", tasks=tasks.recent(current_user), words=STATE_WORDS)


@bp.get("/<int:task_id>")
@requires(Permission.VIEW_CLIENTS)
def show(task_id: int) -> Any:
    task = tasks.get(task_id, current_user)
    ended = task.state in tasks.FINISHED
    if task.kind in IMPORTS and ended and task.result.get("counts"):
        template, more = "imports/report.html", report_context(task)
    else:
        template, more = "tasks/show.html", {}
    file = db.session.get(StoredFile, task.file_id) if task.file_id else None
    return render_template(
        template, task=task, ended=ended, words=STATE_WORDS, file=file, text=_text(task), **more
    )


@bp.get("/<int:task_id>.json")
@requires(Permission.VIEW_CLIENTS)
def progress(task_id: int) -> Any:
    task = tasks.get(task_id, current_user)
    ended = task.state in tasks.FINISHED
    url = url_for("tasks.show", task_id=task.id) if ended else ""
    return jsonify(
        done=task.done, total=task.total, text=_text(task), finished=ended, url=url, error=""
    )


def _text(task: Task) -> str:
    if task.state == TaskState.RUNNING and task.cancel_requested:
        return _("Stopping after the current rows…")
    if task.state == TaskState.WAITING:
        return _("Waiting for its turn; it starts within a few seconds.")
    return str(STATE_WORDS[task.state])


@bp.post("/<int:task_id>/stop")
@requires(Permission.VIEW_CLIENTS)
def stop(task_id: int) -> Any:
    task = tasks.get(task_id, current_user)
    try:
        tasks.cancel(task)
        flash(_("It stops after the rows it is working on. What is done stays."), "info")
    except Conflict as error:
        flash(str(error), "error")
    return redirect(url_for("tasks.show", task_id=task_id))


@bp.get("/<int:task_id>/<any(file, report):which>")
@requires(Permission.VIEW_CLIENTS)
def download(task_id: int, which: str) -> Any:
    """The file a task made, or an import's report of every row."""
    task = tasks.get(task_id, current_user)
    file_id = task.file_id if which == "file" else task.result.get("report_id")
    file = db.session.get(StoredFile, file_id) if file_id else None
    if file is None:
        raise NotFound(_("This work has brought no file."))
    return send_file(
        files.open_file(file),
        mimetype=file.content_type,
        as_attachment=True,
        download_name=file.name,
    )
