"""Every request has an id: in the logs, in the answer's header, on the page of an error."""

import logging
import time
from typing import Any

from flask import Flask, g, request

from ctm import logs, metrics

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
SLOW_SECONDS = 2.0
QUIET = ("static", "public.", "watching.")


def init_app(app: Flask) -> None:
    # Before every other step, so that also what they refuse has an id.
    app.before_request_funcs.setdefault(None, []).insert(0, _begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def request_id() -> str:
    """The id of the request under way."""
    found = logs.bound().get("request_id")
    if found is None:
        found = logs.new_id()
        logs.enter(request_id=found)
    return str(found)


def _begin() -> None:
    given = request.headers.get(HEADER)
    code = given if given is not None and logs.well_formed(given) else logs.new_id()
    logs.restart(request_id=code)
    g.began_at = time.monotonic()


def _end(response: Any) -> Any:
    response.headers[HEADER] = request_id()
    began_at = g.get("began_at")
    seconds = time.monotonic() - began_at if began_at is not None else 0.0
    route = request.url_rule.rule if request.url_rule is not None else "none"
    metrics.note_request(request.method, route, response.status_code, seconds)
    noteworthy = (
        response.status_code >= 500
        or seconds > SLOW_SECONDS
        or (request.method == "POST" and not (request.endpoint or "static").startswith(QUIET))
    )
    log.log(
        logging.INFO if noteworthy else logging.DEBUG,
        "%s %s answered %s in %.0f ms",
        request.method,
        request.path[:300],
        response.status_code,
        seconds * 1000,
        extra={"status": response.status_code, "ms": round(seconds * 1000)},
    )
    return response


def _forget(_error: BaseException | None) -> None:
    logs.restart()
