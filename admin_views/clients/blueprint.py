"""The blueprint that the pages of clients share, and how they speak of a search's address."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, url_for

from ctm.clients.filters import ClientFilter

bp = Blueprint("clients", __name__, url_prefix="/clients")


def list_url(found: ClientFilter, **extra: Any) -> str:
    """The address of the list with this search; ``extra`` are page, size, sort, desc, saved."""
    pairs = found.to_pairs() + [(k, str(v)) for k, v in extra.items() if v not in (None, "", 0)]
    return f"{url_for('clients.index_view')}?{urlencode(pairs)}"
