"""SQL fields (A20): merge fields that administrators define by a query."""

from typing import Any

from flask import Blueprint, Flask, flash, jsonify, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField

from admin_views.security import requires
from ctm import sqlfields
from ctm.errors import Conflict, CtmError, InvalidInput
from ctm.extensions import db, limiter
from ctm.i18n import _, _l
from ctm.models import SqlField
from ctm.permissions import Permission
from ctm.sqlfields import functions, keeping, published, reading, rows

bp = Blueprint("sql_fields", __name__, url_prefix="/sql-fields")


class FieldForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(
        _l("Name"), description=_l("In templates it is written {{name}}, with two curly brackets.")
    )
    label = StringField(_l("Description"))
    query = TextAreaField(
        _l("Query"),
        description=_l(
            "One SELECT as MySQL has it, that gives one value; {{idt}} is the number of the row "
            "the mail is about. Of several rows the first counts; no row is an empty text."
        ),
    )
    is_html = BooleanField(
        _l("The value is HTML"),
        description=_l("Otherwise signs like < and & are shown as they are."),
    )
    active = BooleanField(_l("Active"), default=True)
    row = StringField(
        _l("Row"), description=_l("A client's name, or the number of the row: 42 or titoli:42.")
    )


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.EDIT_SQL_FIELDS)
def index_view() -> Any:
    return render_template("sql_fields/list.html", fields=keeping.every(), uses=keeping.uses())


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_SQL_FIELDS)
def create() -> Any:
    form = FieldForm()
    return _save(form, None) if request.method == "POST" else _page(form, None)


@bp.route("/<int:field_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_SQL_FIELDS)
def edit(field_id: int) -> Any:
    field = keeping.get(field_id)
    if request.method == "POST":
        return _save(FieldForm(), field)
    return _page(FieldForm(obj=field), field)


@bp.post("/try")
@bp.post("/<int:field_id>/try")
@requires(Permission.EDIT_SQL_FIELDS)
@limiter.limit("60 per minute")
def try_out(field_id: int | None = None) -> Any:
    """What the query, as it stands in the form, gives for a row; nothing is saved."""
    field = keeping.get(field_id) if field_id is not None else None
    form = FieldForm()
    try:
        row_id = rows.number_of(form.row.data or "")
        found = sqlfields.try_out(db.session, form.query.data or "", row_id)
    except InvalidInput as error:
        return _refused(form, field, error)
    except CtmError as error:
        form.query.errors = [str(error)]
        return _page(form, field), 422
    return _page(form, field, tried=(form.row.data, found))


@bp.get("/rows")
@requires(Permission.EDIT_SQL_FIELDS)
def row_lookup() -> Any:
    """Rows to try a query on, for a type-ahead field: ``[{id, label, detail}]``."""
    found = rows.choices(request.args.get("q", "")[:200])
    return jsonify([{"id": r.key, "label": r.label, "detail": r.detail} for r in found])


@bp.post("/<int:field_id>/delete")
@requires(Permission.EDIT_SQL_FIELDS)
def delete(field_id: int) -> Any:
    field = keeping.get(field_id)
    name = field.name
    try:
        keeping.delete(field)
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("sql_fields.edit", field_id=field_id))
    flash(_("“%(name)s” is deleted.", name=name), "good")
    return redirect(url_for("sql_fields.index_view"))


def _save(form: FieldForm, field: SqlField | None) -> Any:
    try:
        saved = keeping.save(
            field,
            form.name.data or "",
            form.label.data or "",
            form.query.data or "",
            bool(form.is_html.data),
            bool(form.active.data),
            current_user,
        )
    except (InvalidInput, Conflict) as error:
        db.session.rollback()
        return _refused(form, field, error)
    flash(_("“%(name)s” is saved.", name=saved.name), "good")
    return redirect(url_for("sql_fields.index_view"))


def _refused(form: FieldForm, field: SqlField | None, error: CtmError) -> Any:
    place = getattr(error, "field", None)
    form[place if place in form else "name"].errors = [str(error)]
    return _page(form, field), 422


def _page(form: FieldForm, field: SqlField | None, tried: tuple[str, str] | None = None) -> str:
    return render_template(
        "sql_fields/edit.html",
        form=form,
        field=field,
        tried=tried,
        users=keeping.uses().get(field.name, []) if field is not None else [],
        tables=published.TABLES,
        kinds=published.KINDS,
        functions=functions.names(),
        example=reading.EXAMPLE,
    )
