"""The system page: jobs, queue, accounts and workers in plain words."""

from typing import Any

from flask import Blueprint, Flask, jsonify, redirect, render_template, url_for
from flask_admin import Admin
from flask_login import current_user

from admin_views.security import requires
from ctm import jobruns, machinery, tasks
from ctm.backup import routine
from ctm.doctor import AREAS, LEVELS, PARTS, work
from ctm.i18n import _
from ctm.mailing import returning
from ctm.permissions import Permission

bp = Blueprint("system", __name__, url_prefix="/system")


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
@requires(Permission.VIEW_SYSTEM)
def index() -> Any:
    return render_template(
        "system/index.html",
        jobs=jobruns.states(),
        queue=machinery.queue(),
        accounts=machinery.accounts(),
        workers=machinery.workers(),
        machine=machinery.machine(),
        backups=routine.status(),
        restored=returning.notice(),
    )


@bp.get("/doctor")
@requires(Permission.MANAGE_USERS)
def doctor() -> Any:
    """The last examination of the installation, or the one under way."""
    task = work.latest()
    running = task is not None and task.state not in tasks.FINISHED
    return render_template(
        "system/doctor.html", task=task, running=running, areas=AREAS, levels=LEVELS, parts=PARTS
    )


@bp.post("/doctor")
@requires(Permission.MANAGE_USERS)
def examine() -> Any:
    work.submit(current_user)
    return redirect(url_for("system.doctor"))


@bp.get("/doctor.json")
@requires(Permission.MANAGE_USERS)
def doctor_progress() -> Any:
    task = work.latest()
    if task is None or task.state in tasks.FINISHED:
        return jsonify(done=PARTS, total=PARTS, text="", finished=True, error="")
    text = _("Looking everything over…")
    return jsonify(done=task.done, total=PARTS, text=text, finished=False, error="")
