"""What users change of themselves: name, language, password, second factor."""

from typing import Any

from flask import Flask, flash, redirect, render_template, request, session, url_for
from flask_admin import Admin
from flask_login import current_user, login_required, login_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectChoice, SelectField, StringField

from admin_views.auth import bp
from ctm import totp, users
from ctm.errors import InvalidInput
from ctm.i18n import LANGUAGES, _, _l

OFFER = "totp_offer"


class _Form(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST


class ProfileForm(_Form):
    name = StringField(_l("Name"))
    language = SelectField(
        _l("Language"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()]
    )


class PasswordForm(_Form):
    old = PasswordField(_l("Present password"))
    password = PasswordField(_l("New password"), description=_l("At least 10 characters."))
    again = PasswordField(_l("New password, again"))


class SecondFactorForm(_Form):
    code = StringField(_l("Code"), description=_l("Six digits, from the app on your phone."))
    old = PasswordField(_l("Present password"))


def register(_app: Flask, _admin: Admin) -> None:
    """The pages belong to the blueprint of logins."""


@bp.route("/profile", methods=["GET", "POST"])
@login_required
def profile() -> Any:
    if request.method == "GET":
        return _page(ProfileForm(obj=current_user))
    form = ProfileForm()
    try:
        users.set_profile(current_user, form.name.data or "", form.language.data or "")
    except InvalidInput as error:
        form[error.field].errors = [str(error)]
        return _page(form), 422
    flash(_("Your profile is saved."), "good")
    return redirect(url_for("auth.profile"))


def _page(form: ProfileForm) -> Any:
    return render_template("profile/index.html", form=form)


@bp.route("/profile/password", methods=["GET", "POST"])
@login_required
def password() -> Any:
    form = PasswordForm()
    if request.method == "GET":
        return render_template("profile/password.html", form=form)
    try:
        if form.password.data != form.again.data:
            raise InvalidInput(_("The two passwords are not the same."), "again")
        users.change_password(current_user, form.old.data or "", form.password.data or "")
    except InvalidInput as error:
        form[error.field].errors = [str(error)]
        return render_template("profile/password.html", form=form), 422
    login_user(current_user._get_current_object())
    flash(
        _("Your password is changed. Wherever else you were logged in, you no longer are."), "good"
    )
    return redirect(url_for("auth.profile"))


@bp.route("/profile/second-factor", methods=["GET", "POST"])
@login_required
def second_factor() -> Any:
    """Codes from a phone: a QR code to read, then a first code to prove that it was read."""
    if request.method == "POST":
        return _switch_off() if current_user.totp_sealed else _switch_on()
    return _second_factor_page(SecondFactorForm())


def _second_factor_page(form: SecondFactorForm) -> Any:
    if current_user.totp_sealed:
        return render_template("profile/second_factor.html", form=form, secret=None)
    secret = totp.offer(session.get(OFFER))
    session[OFFER] = totp.seal(secret)
    picture = totp.qr_data(current_user, secret)
    return render_template("profile/second_factor.html", form=form, secret=secret, qr=picture)


def _switch_on() -> Any:
    form = SecondFactorForm()
    try:
        totp.switch_on(current_user, totp.offer(session.get(OFFER)), form.code.data or "")
    except InvalidInput as error:
        form.code.errors = [str(error)]
        return _second_factor_page(form), 422
    session.pop(OFFER, None)
    flash(_("From the next login on, you are asked for a code."), "good")
    return redirect(url_for("auth.profile"))


def _switch_off() -> Any:
    form = SecondFactorForm()
    try:
        users.check_password(current_user, form.old.data or "")
    except InvalidInput as error:
        form.old.errors = [str(error)]
        return _second_factor_page(form), 422
    totp.switch_off(current_user)
    flash(_("You are no longer asked for a code."), "good")
    return redirect(url_for("auth.profile"))
