"""Headers, permissions and sign-in rules that hold for every page."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.routing import IntegerConverter
from werkzeug.wrappers import Response

from ctm import audit, logs
from ctm.extensions import login
from ctm.permissions import Permission, allows

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


class RecordNumber(IntegerConverter):
    """A record's number in an address: one that no table can hold is none."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **({"max": 2**31 - 1} | options))


def init_app(app: Flask) -> None:
    app.url_map.converters["int"] = RecordNumber
    login.login_view = "auth.login"
    login.login_message = None
    app.before_request(_remember_actor)
    app.after_request(_add_headers)
    app.jinja_env.globals["allows"] = lambda name: allows(current_user, Permission(name))


def safe_next(target: str | None, fallback: str = "/") -> str:
    """A path of this site to go back to; anything else becomes ``fallback``."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return fallback
    parts = urlsplit(target)
    return fallback if parts.netloc or parts.scheme else target


def go_to_login() -> Response:
    return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))


def requires(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let only users holding ``permission`` in: others get 403, anonymous ones the login page."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return go_to_login()
            if not allows(current_user, permission):
                abort(403)
            return view(*args, **kwargs)

        return guarded

    return decorate


def _remember_actor() -> None:
    if (request.endpoint or "").startswith("watching."):
        return  # must answer also when users cannot be asked for
    user = current_user if current_user and current_user.is_authenticated else None
    audit.act_as(user, ip=request.remote_addr or "", name="")
    if user is not None:
        logs.enter(user_id=user.id)
        g.user_language = user.language


def _add_headers(response: Any) -> Any:
    response.headers.setdefault("Content-Security-Policy", g.get("csp") or CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    known = g.get("_login_user")
    if known is not None and known.is_authenticated and not request.path.startswith("/static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
