"""Errors as pages (or JSON) in the user's words."""

import logging
import re
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g, jsonify, make_response, render_template, request
from flask_babel import force_locale, get_locale
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import validate_csrf
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from wtforms import ValidationError

from admin_views.languages import current_language
from admin_views.security import safe_next
from admin_views.tracing import request_id
from ctm import trouble
from ctm.errors import Conflict, CtmError, InvalidInput, NotAllowed, NotFound, Unavailable
from ctm.extensions import db
from ctm.i18n import LANGUAGES, _

log = logging.getLogger(__name__)

STATUS = {InvalidInput: 400, NotAllowed: 403, NotFound: 404, Conflict: 409, Unavailable: 503}
UNAVAILABLE_SECONDS = 60
MOST_FIELDS, MOST_SIGNS = 500, 200_000
NOT_KEPT = re.compile(r"password|again|secret|token|(^|_)code$", re.I)


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CtmError, _known)
    app.register_error_handler(Exception, _unknown)


def _wants_json() -> bool:
    return bool(request.accept_mimetypes.best == "application/json" or request.is_json)


def _answer(status: int, message: str = "") -> Any:
    if _wants_json():
        answer = jsonify(error=message or status, reference=request_id())
    else:
        values = {"status": status, "message": message, "reference": request_id()}
        try:
            page = render_template("errors/error.html", **values)
        except Exception as error:
            # Whatever is broken may be what the menu needs as well.
            log.error("the page of an error cannot be made", exc_info=error)
            _undo()
            page = _bare_page(**values)
        answer = make_response(page)
    answer.status_code = status
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = str(UNAVAILABLE_SECONDS)
    return answer


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        most = current_app.config["CTM_MAX_UPLOAD_MB"]
        return _answer(error.code, _("The largest file that can be taken is %(max)s MB.", max=most))
    return _answer(error.code)


def _known(error: CtmError) -> Any:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    return _answer(status, str(error))


def _unknown(error: Exception) -> Any:
    found = trouble.of(error)
    if found is not None:
        return _troubled(found, error)
    log.error("error on %s", request.path, exc_info=error)
    _undo()
    return _answer(500)


def _troubled(found: trouble.Trouble, error: Exception) -> Any:
    """Answer without the database: who is signed in, menu and office are not asked for."""
    log.error("%s: %s on %s", found.kind, error, request.path, extra={"status": 503})
    language = g.get("user_language")
    g._login_user = AnonymousUserMixin()
    _undo()
    with force_locale(language if language in LANGUAGES else current_language()):
        if _wants_json():
            answer = jsonify(error=str(found.words), reference=request_id())
        else:
            page = _bare_page(
                status=503,
                message="",
                advice=str(found.words),
                reference=request_id(),
                kept=_kept_input(),
                action=safe_next(request.full_path.rstrip("?")),
                without_files=any(file.filename for file in request.files.values()),
            )
            answer = make_response(page)
    answer.status_code = 503
    answer.headers["Retry-After"] = str(found.retry_after)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _undo() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


def _bare_page(**values: Any) -> str:
    """The error page without what context processors would ask of the database."""
    template = current_app.jinja_env.get_template("errors/error.html")
    return template.render(shell={}, nav=[], office_name="CTM", locale=str(get_locale()), **values)


def _kept_input() -> list[tuple[str, str]]:
    """What was typed, to be sent again with one click; never passwords and codes.

    Only of a form that was this site's own: otherwise a stranger's page could have the user
    send it.
    """
    if request.method != "POST":
        return []
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        try:
            validate_csrf(request.form.get("csrf_token"))
        except ValidationError:
            return []
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != "csrf_token" and not NOT_KEPT.search(name)
    ]
    size = sum(len(name) + len(value) for name, value in fields)
    return fields if len(fields) <= MOST_FIELDS and size <= MOST_SIGNS else []
