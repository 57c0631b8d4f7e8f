"""Searches over the clients kept by name (see :mod:`ctm.lists.saved`)."""

from ctm.clients.filters import LISTING, ClientFilter
from ctm.lists import saved
from ctm.lists.saved import delete, save
from ctm.models import SavedFilter, User

__all__ = ["delete", "get", "load", "save", "visible"]


def visible(user: User) -> list[SavedFilter]:
    """The user's own searches and the shared ones, by name."""
    return saved.visible(LISTING, user)


def get(saved_id: int, user: User) -> SavedFilter:
    """
    :raises NotFound: there is none, or it is another user's own.
    """
    return saved.get(LISTING, saved_id, user)


def load(kept: SavedFilter) -> ClientFilter:
    """
    :raises InvalidInput: it was written by another version and cannot be read.
    """
    return ClientFilter.from_dict(kept.query)
