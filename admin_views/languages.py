"""Which language and time zone a page is shown in."""

from flask import (
    Blueprint,
    Flask,
    current_app,
    has_request_context,
    redirect,
    request,
    session,
)
from flask_babel import Babel
from flask_login import current_user
from werkzeug.wrappers import Response

from admin_views.security import safe_next
from ctm import users
from ctm.i18n import LANGUAGES

bp = Blueprint("languages", __name__)


def init_app(app: Flask, babel: Babel) -> None:
    babel.init_app(app, locale_selector=current_language, timezone_selector=current_timezone)
    app.register_blueprint(bp)


def current_language() -> str:
    """The user's choice, else this browser's choice, else what the browser asks for."""
    if not has_request_context():
        return str(current_app.config["CTM_LANGUAGE"])
    if current_user and current_user.is_authenticated:
        # Remembered by the browser for the pages that cannot ask the database.
        if session.get("language") != current_user.language:
            session["language"] = current_user.language
        return str(current_user.language)
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    default = str(current_app.config["CTM_LANGUAGE"])
    return request.accept_languages.best_match(list(LANGUAGES), default) or default


def current_timezone() -> str:
    return str(current_app.config["CTM_TIMEZONE"])


@bp.post("/language/<code>")
def choose(code: str) -> Response:
    if code in LANGUAGES:
        session["language"] = code
        if current_user.is_authenticated:
            users.set_language(current_user, code)
    return redirect(safe_next(request.form.get("next")))
