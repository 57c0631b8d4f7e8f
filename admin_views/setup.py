"""The first start: while there is no user, every page leads here."""

from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_admin import Admin
from flask_login import login_user
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
)

from admin_views.languages import current_language
from ctm import setup
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import limiter
from ctm.i18n import LANGUAGES, _, _l

bp = Blueprint("setup", __name__)

OPEN = {"setup.index", "static", "languages.choose", "watching.healthz", "watching.prometheus"}
PUBLIC = ("/o/", "/c/", "/r/")


class SetupForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    code = StringField(
        _l("Set-up code"),
        description=_l("Shown where the server was started, and in instance/secrets/setup-code."),
    )
    office = StringField(_l("Name of the office"))
    language = SelectField(
        _l("Language"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()]
    )
    name = StringField(_l("Your name"))
    email = EmailField(_l("Your e-mail"), description=_l("You log in with it."))
    password = PasswordField(_l("Password"), description=_l("At least 10 characters."))
    again = PasswordField(_l("Password, again"))
    account = BooleanField(_l("Enter an SMTP account next"), default=True)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
    app.before_request(_lead_here)
    app.extensions["ctm.set_up"] = False


def _lead_here() -> Any:
    """Asked of the database only until the first user is there; he cannot be the last to go."""
    if current_app.extensions["ctm.set_up"]:
        return None
    if request.endpoint in OPEN or request.path.startswith(PUBLIC):
        return None
    if setup.needed():
        return redirect(url_for("setup.index"))
    current_app.extensions["ctm.set_up"] = True
    return None


@bp.route("/setup", methods=["GET", "POST"])
@limiter.limit("30 per 15 minutes", methods=["POST"])
def index() -> Any:
    if not setup.needed():
        abort(404)
    local = _is_local()
    if request.method == "GET":
        form = SetupForm(data={"language": current_language(), "account": True})
        setup.code()
        return render_template("setup/index.html", form=form, local=local)
    form = SetupForm()
    try:
        user = _finish(form, local)
    except InvalidInput as error:
        form[error.field or "office"].errors = [str(error)]
        return render_template("setup/index.html", form=form, local=local), 422
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("auth.login"))
    login_user(user)
    flash(_("The office is ready. Welcome, %(name)s.", name=user.name), "good")
    return redirect(url_for("accounts.create" if form.account.data else "admin.index"))


def _is_local() -> bool:
    """Whether the browser runs on this machine and asked for it by its own name.

    A proxy nobody told CTM of would make everybody look local; so would a stranger's page whose
    name leads to 127.0.0.1.
    """
    passed_on = {"X-Forwarded-For", "Forwarded", "X-Real-Ip"} & set(request.headers.keys())
    if passed_on and not current_app.config["CTM_TRUSTED_PROXIES"]:
        return False
    host = urlsplit(f"//{request.host}").hostname
    return setup.is_local(request.remote_addr) and (host == "localhost" or setup.is_local(host))


def _finish(form: SetupForm, local: bool) -> Any:
    if not local:
        setup.check_code(form.code.data or "")
    if form.password.data != form.again.data:
        raise InvalidInput(_("The two passwords are not the same."), "again")
    return setup.finish(
        form.office.data or "",
        form.language.data or "",
        form.name.data or "",
        form.email.data or "",
        form.password.data or "",
    )
