"""The sheet of paper inside the mail editor.

The editor's surface is an iframe of the same origin, because a mail is full of ``style="…"``,
which CTM's own pages forbid. The frame allows styles and pictures, and no script at all: what
is pasted into it can look like anything and do nothing. ``editor.js`` fills it from outside.
"""

from flask import Blueprint, Flask, make_response, render_template
from flask_login import login_required
from werkzeug.wrappers import Response

CSP = (
    "default-src 'none'; script-src 'none'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: https: http:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)

bp = Blueprint("editor", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/editor/frame")
@login_required
def frame() -> Response:
    """An empty page that may be styled and may not run anything."""
    response = make_response(render_template("editor/frame.html"))
    response.headers["Content-Security-Policy"] = CSP
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
