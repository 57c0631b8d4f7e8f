"""Errors as pages (or JSON) in the user's words."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, jsonify, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from ctm.errors import Conflict, CtmError, InvalidInput, NotAllowed, NotFound, Unavailable
from ctm.extensions import db
from ctm.i18n import _

log = logging.getLogger(__name__)

STATUS = {InvalidInput: 400, NotAllowed: 403, NotFound: 404, Conflict: 409, Unavailable: 503}


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CtmError, _known)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(Exception, _unknown)


def _answer(status: int, message: str = "", reference: str = "") -> Any:
    if request.accept_mimetypes.best == "application/json" or request.is_json:
        return jsonify(error=message or status, reference=reference), status
    page = render_template("errors/error.html", status=status, message=message, reference=reference)
    return page, status


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


def _database(error: OperationalError) -> Any:
    reference = uuid.uuid4().hex[:8]
    log.error("database error %s on %s", reference, request.path, exc_info=error)
    db.session.rollback()
    return _answer(503, reference=reference)


def _unknown(error: Exception) -> Any:
    reference = uuid.uuid4().hex[:8]
    log.error("error %s on %s", reference, request.path, exc_info=error)
    db.session.rollback()
    return _answer(500, reference=reference)
