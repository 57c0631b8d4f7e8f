"""The users of the office: for administrators."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_login import current_user, login_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectChoice, SelectField, StringField

from admin_views.security import requires
from admin_views.shell import ROLE_WORDS
from ctm import totp, users
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.i18n import LANGUAGES, _, _l
from ctm.models import User
from ctm.permissions import Permission

bp = Blueprint("users", __name__, url_prefix="/users")


class UserForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name"))
    email = EmailField(_l("E-mail"), description=_l("This is the login."))
    role = SelectField(
        _l("Role"), choices=[SelectChoice(*pair) for pair in ROLE_WORDS.items()], default="operator"
    )
    language = SelectField(
        _l("Language"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()]
    )
    password = PasswordField(_l("Password"))
    active = BooleanField(_l("Active"), default=True)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.MANAGE_USERS)
def index_view() -> Any:
    return render_template("users/list.html", users=users.every(), roles=ROLE_WORDS)


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def create() -> Any:
    form = UserForm()
    if request.method == "GET":
        return render_template("users/edit.html", form=form, user=None)
    values = {name: form[name].data or "" for name in ("email", "name", "role", "password")}
    try:
        user = users.create(**values, language=form.language.data or "")
    except InvalidInput as error:
        return _refused(form, None, error)
    flash(_("“%(name)s” can log in now.", name=user.name), "good")
    return redirect(url_for("users.index_view"))


@bp.route("/<int:user_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_USERS)
def edit(user_id: int) -> Any:
    user = users.get(user_id)
    if request.method == "GET":
        return render_template("users/edit.html", form=UserForm(obj=user), user=user)
    form = UserForm()
    values = {field.name: field.data for field in form}
    own = user.id == current_user.id
    try:
        users.update(user, values)
    except (InvalidInput, Conflict) as error:
        return _refused(form, user, error)
    if own:
        login_user(user)
    flash(_("“%(name)s” is saved.", name=user.name), "good")
    return redirect(url_for("users.index_view"))


@bp.post("/<int:user_id>/delete")
@requires(Permission.MANAGE_USERS)
def delete(user_id: int) -> Any:
    user = users.get(user_id)
    name = user.name
    try:
        users.delete(user)
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("users.edit", user_id=user_id))
    flash(_("“%(name)s” is deleted.", name=name), "good")
    return redirect(url_for("users.index_view"))


@bp.post("/<int:user_id>/end-sessions")
@requires(Permission.MANAGE_USERS)
def end_sessions(user_id: int) -> Any:
    user = users.get(user_id)
    own = user.id == current_user.id
    users.end_sessions(user)
    if own:
        login_user(user)
    flash(_("“%(name)s” is logged out everywhere.", name=user.name), "good")
    return redirect(url_for("users.edit", user_id=user_id))


@bp.post("/<int:user_id>/second-factor-off")
@requires(Permission.MANAGE_USERS)
def second_factor_off(user_id: int) -> Any:
    """For who lost his telephone."""
    user = users.get(user_id)
    totp.switch_off(user)
    flash(_("“%(name)s” logs in without a code now.", name=user.name), "good")
    return redirect(url_for("users.edit", user_id=user_id))


def _refused(form: UserForm, user: User | None, error: InvalidInput | Conflict) -> Any:
    db.session.rollback()
    field = getattr(error, "field", None)
    if field in form:
        form[field].errors = [str(error)]
    else:
        flash(str(error), "bad")
    return render_template("users/edit.html", form=form, user=user), 422
