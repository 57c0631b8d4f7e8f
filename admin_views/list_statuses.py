"""The table of list statuses (G3)."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectChoice, SelectField, StringField

from admin_views.security import requires
from ctm import list_statuses
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import ListStatus
from ctm.permissions import Permission

bp = Blueprint("list_statuses", __name__, url_prefix="/list-statuses")


class StatusForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name"))
    colour = SelectField(
        _l("Colour"), choices=[SelectChoice(*pair) for pair in list_statuses.COLOURS.items()]
    )
    position = StringField(_l("Position"), description=_l("Empty: last."))
    active = BooleanField(_l("Active"), default=True)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.EDIT_CAMPAIGNS)
def index_view() -> Any:
    return render_template(
        "list_statuses/list.html",
        statuses=list_statuses.every(),
        clients=list_statuses.clients_in(),
        colours=list_statuses.COLOURS,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CAMPAIGNS)
def create() -> Any:
    form = StatusForm()
    return _save(form, None) if request.method == "POST" else _page(form, None)


@bp.route("/<int:status_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CAMPAIGNS)
def edit(status_id: int) -> Any:
    status = list_statuses.get(status_id)
    if request.method == "POST":
        return _save(StatusForm(), status)
    return _page(StatusForm(obj=status), status)


@bp.post("/<int:status_id>/delete")
@requires(Permission.EDIT_CAMPAIGNS)
def delete(status_id: int) -> Any:
    status = list_statuses.get(status_id)
    name = status.name
    try:
        list_statuses.delete(status)
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("list_statuses.edit", status_id=status_id))
    flash(_("“%(name)s” is deleted.", name=name), "good")
    return redirect(url_for("list_statuses.index_view"))


def _save(form: StatusForm, status: ListStatus | None) -> Any:
    name, colour = form.name.data or "", form.colour.data or ""
    position, active = form.position.data or "", bool(form.active.data)
    try:
        if status is None:
            status = list_statuses.create(name, colour, position, active)
        else:
            list_statuses.update(status, name, colour, position, active)
    except InvalidInput as error:
        db.session.rollback()
        form[error.field if error.field in form else "name"].errors = [str(error)]
        return _page(form, status), 422
    flash(_("“%(name)s” is saved.", name=status.name), "good")
    return redirect(url_for("list_statuses.index_view"))


def _page(form: StatusForm, status: ListStatus | None) -> str:
    return render_template("list_statuses/edit.html", form=form, status=status)
