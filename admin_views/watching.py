"""What machines ask to see whether CTM works: ``/healthz`` and ``/metrics``."""

import hmac
import ipaddress
import logging
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, request
from flask_admin import Admin
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from ctm import health, metrics
from ctm.permissions import Permission, allows

bp = Blueprint("watching", __name__)
log = logging.getLogger(__name__)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/healthz")
def healthz() -> Any:
    """200 or 503 to anybody; which part is at fault only to administrators and the token."""
    found = health.check()
    status = 200 if found.ok else 503
    if _has_token() or _is_administrator():
        answer = jsonify(found.to_dict())
    else:
        answer = Response("ok\n" if found.ok else "not available\n", mimetype="text/plain")
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    if status == 503:
        answer.headers["Retry-After"] = "10"
    return answer


@bp.get("/metrics")
def prometheus() -> Any:
    """For Prometheus; without configuration there is no such page."""
    token = current_app.config["CTM_METRICS_TOKEN"]
    if not (_has_token() or _is_allowed_address()):
        if not token:
            abort(404)
        answer = Response("the token is missing or wrong\n", 401, mimetype="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    answer = Response(metrics.render(), content_type=metrics.CONTENT_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _has_token() -> bool:
    token = current_app.config["CTM_METRICS_TOKEN"]
    kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and kind.lower() == "bearer" and same


def _is_allowed_address() -> bool:
    networks = current_app.config["CTM_METRICS_ALLOW"].replace(",", " ").split()
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(part, strict=False) for part in networks)


def _is_administrator() -> bool:
    try:
        return allows(current_user, Permission.MANAGE_USERS)
    except SQLAlchemyError as error:
        log.warning("who asks for the health cannot be known: %s", error)
        return False
