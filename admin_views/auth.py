"""Logging in and out."""

import time
from typing import Any

from flask import (
    Blueprint,
    Flask,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_admin import Admin
from flask_limiter import RequestLimit
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField

from admin_views.security import safe_next
from ctm import audit, demo, settings, users
from ctm.errors import InvalidInput
from ctm.extensions import limiter, login
from ctm.i18n import _, _l
from ctm.models import User

bp = Blueprint("auth", __name__)

PENDING = "login_pending"
PENDING_SECONDS = 300


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = EmailField(_l("E-mail"))
    password = PasswordField(_l("Password"))
    next = HiddenField()

    class Meta:
        csrf = False  # the page's own protection covers every POST


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField(_l("Code"), description=_l("Six digits, from the app on your phone."))

    class Meta:
        csrf = False


def register(app: Flask, _admin: Admin) -> None:
    login.user_loader(users.by_session)
    app.register_blueprint(bp)


def _failed(response: Any) -> bool:
    return bool(response.status_code == 422)


def _account_key() -> str:
    return "login:" + request.form.get("email", "").strip().lower()[:254]


def _pending_key() -> str:
    return f"code:{session.get(PENDING, [''])[0]}"


def _too_many(_limit: RequestLimit) -> Response:
    flash(_("Too many wrong logins. Wait a quarter of an hour, then try again."), "bad")
    page = render_template("auth/login.html", form=LoginForm(), demo=_demo_login(), blocked=True)
    return make_response(page, 429)


def _limits(key: Any) -> Any:
    """At most ten wrong answers for one account, fifty from one address, in 15 minutes."""

    def decorate(view: Any) -> Any:
        common = {"methods": ["POST"], "deduct_when": _failed, "on_breach": _too_many}
        by_account = limiter.limit("10 per 15 minutes", key_func=key, **common)
        by_address = limiter.limit("50 per 15 minutes", key_func=get_remote_address, **common)
        return by_account(by_address(view))

    return decorate


@bp.route("/login", endpoint="login", methods=["GET", "POST"])
@_limits(_account_key)
def log_in() -> Any:
    form = LoginForm()
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(safe_next(request.args.get("next")))
        form.next.data = safe_next(request.args.get("next"))
        return render_template("auth/login.html", form=form, demo=_demo_login())
    try:
        user = users.authenticate(form.email.data or "", form.password.data or "")
    except InvalidInput as error:
        flash(str(error), "bad")
        return render_template("auth/login.html", form=form, demo=_demo_login()), 422
    target = safe_next(form.next.data)
    if user.totp_sealed:
        session[PENDING] = [user.get_id(), int(time.time()), target]
        return redirect(url_for("auth.code"))
    return _enter(user, target)


@bp.route("/login/code", methods=["GET", "POST"])
@_limits(_pending_key)
def code() -> Any:
    """The second factor, for who has shown the password less than five minutes ago."""
    user, target = _pending()
    if user is None:
        session.pop(PENDING, None)
        flash(_("Start the login again: the code must follow within five minutes."), "info")
        return redirect(url_for("auth.login"))
    form = CodeForm()
    if request.method == "POST":
        try:
            return _enter(user, target, form.code.data or "")
        except InvalidInput as error:
            form.code.errors = [str(error)]
            return render_template("auth/code.html", form=form), 422
    return render_template("auth/code.html", form=form)


@bp.post("/logout")
def logout() -> Any:
    if current_user.is_authenticated:
        users.left(current_user)
    logout_user()
    session.clear()
    flash(_("You are logged out."), "info")
    return redirect(url_for("auth.login"))


def _pending() -> tuple[User | None, str]:
    identity, since, target = session.get(PENDING) or ("", 0, "/")
    if time.time() - since > PENDING_SECONDS:
        return None, "/"
    return users.by_session(identity), safe_next(target)


def _enter(user: User, target: str, code: str = "") -> Response:
    audit.act_as(user, ip=request.remote_addr or "")
    users.enter(user, code)
    session.clear()
    login_user(user)
    return redirect(target)


def _demo_login() -> tuple[str, str] | None:
    """What to type in the demo office, where nothing is secret."""
    return (demo.EMAIL, demo.PASSWORD) if settings.is_demo() else None
