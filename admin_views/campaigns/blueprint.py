"""The blueprint the pages of campaigns share."""

from flask import Blueprint, abort, request

from ctm.campaigns.operations import LARGEST_ID

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")


def number(name: str) -> int:
    """The record number of the request called ``name``, or 0; none can be larger than stored."""
    given = request.values.get(name, 0, type=int)
    if not 0 <= given <= LARGEST_ID:
        abort(404)
    return given
