"""Clients by the words of their ``search_text``."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement

from ctm.lists import words
from ctm.lists.words import LONGEST_WORD, read
from ctm.models import Client

__all__ = ["LONGEST_WORD", "matches", "read"]


def matches(wanted: Sequence[str]) -> ColumnElement[bool]:
    """Clients that hold every one of the words."""
    return words.matches(Client, wanted)
