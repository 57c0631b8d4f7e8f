"""The table of purposes (A12): what the office writes for, and what each needs."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField

from admin_views.security import requires
from ctm.consent import purposes
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Purpose
from ctm.permissions import Permission
from ctm.settings import office_language

bp = Blueprint("purposes", __name__, url_prefix="/purposes")


class PurposeForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name"))
    description = TextAreaField(
        _l("Wording"),
        description=_l(
            "What the client is asked, or what this mail is for. It is offered as the wording "
            "when consent is recorded."
        ),
    )
    needs_consent = BooleanField(
        _l("Needs the client's consent"),
        default=True,
        description=_l("Only who has given it gets this mail. Mail of a contract needs none."),
    )
    marketing = BooleanField(
        _l("Marketing"),
        description=_l("Who removes itself from a mail withdraws it. It can always be refused."),
    )
    position = StringField(_l("Position"), description=_l("Empty: last."))
    active = BooleanField(_l("Active"), default=True)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.EDIT_TEMPLATES)
def index_view() -> Any:
    return render_template(
        "purposes/list.html", purposes=purposes.every(), given=purposes.given_by()
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_TEMPLATES)
def create() -> Any:
    form = PurposeForm()
    return _save(form, None) if request.method == "POST" else _page(form, None)


@bp.route("/<int:purpose_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_TEMPLATES)
def edit(purpose_id: int) -> Any:
    purpose = purposes.get(purpose_id)
    if request.method == "POST":
        return _save(PurposeForm(), purpose)
    return _page(PurposeForm(obj=purpose), purpose)


@bp.post("/usual")
@requires(Permission.EDIT_TEMPLATES)
def usual() -> Any:
    """The first set, for an office that has none."""
    if not purposes.start_with_defaults(office_language()):
        flash(_("The office has purposes already."), "info")
    return redirect(url_for("purposes.index_view"))


@bp.post("/<int:purpose_id>/delete")
@requires(Permission.EDIT_TEMPLATES)
def delete(purpose_id: int) -> Any:
    purpose = purposes.get(purpose_id)
    name = purpose.name
    try:
        purposes.delete(purpose)
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("purposes.edit", purpose_id=purpose_id))
    flash(_("“%(name)s” is deleted.", name=name), "good")
    return redirect(url_for("purposes.index_view"))


def _save(form: PurposeForm, purpose: Purpose | None) -> Any:
    values = {field.name: field.data for field in form}
    try:
        saved = purposes.create(values) if purpose is None else purposes.update(purpose, values)
    except InvalidInput as error:
        db.session.rollback()
        form[error.field if error.field in form else "name"].errors = [str(error)]
        return _page(form, purpose), 422
    flash(_("“%(name)s” is saved.", name=saved.name), "good")
    return redirect(url_for("purposes.index_view"))


def _page(form: PurposeForm, purpose: Purpose | None) -> str:
    return render_template("purposes/edit.html", form=form, purpose=purpose)
