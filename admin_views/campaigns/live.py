"""Figures for pages that update themselves: made once a second for all who watch."""

from collections.abc import Callable
from hashlib import sha1
from typing import Any

from flask import Response, json, request
from flask_babel import get_locale

from ctm.mailing.tracking import statistics


def answer(campaign_id: int, name: str, make: Callable[[], dict[str, Any]]) -> Response:
    """``make()`` as JSON, at most a second old, or 304 for who has it already.

    ``name`` says everything the values depend on, but the language.
    """
    body, etag = statistics.cached(campaign_id, f"{name} {get_locale()}", lambda: _written(make()))
    response = Response(body, content_type="application/json")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "no-cache, private"
    return response.make_conditional(request)


def _written(values: dict[str, Any]) -> tuple[bytes, str]:
    body = json.dumps(values).encode()
    return body, sha1(body, usedforsecurity=False).hexdigest()
