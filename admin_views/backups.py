"""Backups for administrators: make one now, see what there is, take one away after confirming."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, send_file, url_for
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField

from admin_views.security import requires
from ctm import audit, users
from ctm.backup import routine
from ctm.errors import InvalidInput
from ctm.extensions import db, limiter
from ctm.i18n import _, _l
from ctm.mailing import returning
from ctm.permissions import Permission

bp = Blueprint("backups", __name__, url_prefix="/system/backups")


class DownloadForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = SelectField(_l("Backup"), validate_choice=False)
    old = PasswordField(
        _l("Present password"),
        description=_l("A backup holds all clients and mails: say that it is you."),
    )


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
@requires(Permission.BACK_UP)
def index() -> Any:
    return _page(DownloadForm(formdata=None))


def _page(form: DownloadForm) -> str:
    archives = routine.archives()
    form.name.choices = [(one.name, one.name) for one in archives]
    return render_template(
        "backups/index.html", form=form, archives=archives, backups=routine.status()
    )


@bp.post("", strict_slashes=False)
@requires(Permission.BACK_UP)
def start() -> Any:
    """Back up now, as a task."""
    task = routine.submit(current_user)
    return redirect(url_for("tasks.show", task_id=task.id))


@bp.post("/download")
@requires(Permission.BACK_UP)
@limiter.limit("10 per 15 minutes", key_func=lambda: f"backup:{current_user.get_id()}")
def download() -> Any:
    """A backup, to whoever is an administrator and proves it once more."""
    form = DownloadForm()
    path = routine.archive_path(request.form.get("name", ""))
    try:
        users.check_password(current_user, form.old.data or "")
    except InvalidInput as error:
        form.old.errors = [str(error)]
        return _page(form), 422
    audit.record("office.backup_download", None, name=path.name)
    db.session.commit()
    return send_file(path, mimetype="application/gzip", as_attachment=True, download_name=path.name)


@bp.post("/notice")
@requires(Permission.VIEW_SYSTEM)
def dismiss() -> Any:
    """The notice of a restore was read."""
    returning.dismiss()
    flash(_("The notice is gone; campaigns that are held stay held."), "good")
    return redirect(url_for("system.index"))
