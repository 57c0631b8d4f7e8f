"""What recipients reach without login: the pixel, the links, the remove page."""

import logging
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request
from flask_admin import Admin
from flask_babel import force_locale
from sqlalchemy.exc import DBAPIError

from ctm.extensions import csrf, db, limiter
from ctm.i18n import LANGUAGES
from ctm.mailing.tracking import answers, hits, removal
from ctm.mailing.tracking.collector import Collector
from ctm.mailing.tracking.tokens import read_token
from ctm.models import HitKind
from ctm.settings import office_name

bp = Blueprint("public", __name__)
log = logging.getLogger(__name__)

MOST_LINKS = 100_000


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
    csrf.exempt(app.view_functions["public.remove"])


def _message_id(token: str) -> int:
    message_id = read_token(current_app.extensions["ctm.tracking_key"], token)
    if message_id is None:
        abort(404)
    return message_id


def _who_asks() -> hits.Request:
    return hits.Request(
        request.method, request.remote_addr or "", request.headers.get("User-Agent", "")
    )


def _collector() -> Collector | None:
    """Where the server process collects hits; nothing where another program serves."""
    return current_app.extensions.get("ctm.hits")


def _record(message_id: int, kind: HitKind, link: Any = None) -> None:
    """Count it; the recipient gets an answer also when the database cannot count now."""
    if collector := _collector():
        collector.add(hits.arrival(message_id, kind, _who_asks(), link.position if link else 0))
        return
    try:
        hits.record(message_id, kind, _who_asks(), link)
    except DBAPIError as error:
        db.session.rollback()
        which = {"message_id": message_id}
        log.error("a hit of message %s was not counted: %s", message_id, error.orig, extra=which)


@bp.route("/o/<token>.gif", methods=["GET", "HEAD"])
def opened(token: str) -> Response:
    """The pixel; also for a token that is none, so that no mail shows a broken picture."""
    message_id = read_token(current_app.extensions["ctm.tracking_key"], token)
    if message_id is not None:
        _record(message_id, HitKind.OPEN)
    answer = Response(answers.PIXEL, content_type="image/gif")
    answer.headers.extend(answers.HEADERS)
    return answer


@bp.route("/c/<token>/<int:position>", methods=["GET", "HEAD"])
def clicked(token: str, position: int) -> Any:
    """On to the stored URL, and nowhere else."""
    message_id = _message_id(token)
    link = hits.link_of(message_id, position) if position <= MOST_LINKS else None
    if link is None:
        abort(404)
    url = link.url
    _record(message_id, HitKind.CLICK, link)
    if collector := _collector():
        collector.places.learn(db.session.connection(), message_id)
    answer = redirect(url, code=302)
    answer.headers.extend(answers.HEADERS)
    return answer


@bp.route("/r/<token>", methods=["GET", "POST"])
@limiter.limit("20 per minute", key_func=lambda: request.path)
def remove(token: str) -> Any:
    """GET asks, POST removes (the page's button, and RFC 8058's one click)."""
    message_id = _message_id(token)
    if request.method == "POST":
        subject = removal.remove(message_id, _who_asks())
    else:
        subject = removal.find(message_id)
    if subject is None:
        abort(404)
    language = subject.language if subject.language in LANGUAGES else "it"
    with force_locale(language):
        page = render_template(
            "public/remove.html",
            address=removal.masked(subject.address),
            removed=subject.removed,
            office=office_name(),
            locale=language,
        )
    answer = Response(page)
    answer.headers["Cache-Control"] = "no-store, private"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
