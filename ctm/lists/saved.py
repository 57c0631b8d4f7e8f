"""Searches kept by name, for oneself or for the whole office."""

from sqlalchemy import or_, select

from ctm import audit, sql
from ctm.errors import InvalidInput, NotAllowed, NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists.filters import SEARCHES, Search
from ctm.lists.listing import Listing
from ctm.lists.values import clean_text
from ctm.models import Role, SavedFilter, User

MAX_SHOWN = 200


def visible(listing: Listing, user: User) -> list[SavedFilter]:
    """The user's own searches over a list and the shared ones, by name."""
    query = (
        select(SavedFilter)
        .where(
            SavedFilter.module == listing.name,
            or_(SavedFilter.shared.is_(True), SavedFilter.owner_id == user.id),
        )
        .order_by(SavedFilter.name, SavedFilter.id)
        .limit(MAX_SHOWN)
    )
    return list(db.session.scalars(query))


def get(listing: Listing, saved_id: int, user: User) -> SavedFilter:
    """
    :raises NotFound: there is none, or it is another user's own.
    """
    saved = db.session.get(SavedFilter, saved_id)
    mine = saved is not None and (saved.shared or saved.owner_id == user.id)
    if saved is None or saved.module != listing.name or not mine:
        raise NotFound(_("There is no such saved search. It may have been deleted."))
    return saved


def load(saved: SavedFilter) -> Search:
    """
    :raises InvalidInput: it was written by another version and cannot be read.
    """
    return SEARCHES[saved.module].from_dict(saved.query)


def save(user: User, name: str, found: Search, shared: bool) -> SavedFilter:
    """Keep a search by name; one's own search of the same name is replaced.

    :raises InvalidInput: the name is empty or too long, or shared by somebody else.
    """
    name, module = clean_text(name, 120), found.listing.name
    if not name:
        raise InvalidInput(_("Write a name for the search."), "name")
    query = select(SavedFilter).where(
        SavedFilter.module == module, sql.fold(SavedFilter.name) == name.lower()
    )
    same = list(db.session.scalars(query))
    if shared and any(other.shared and other.owner_id != user.id for other in same):
        raise InvalidInput(_("The office already has a search with this name."), "name")
    saved = next((each for each in same if each.owner_id == user.id), None)
    if saved is None:
        saved = SavedFilter(module=module, owner_id=user.id)
        db.session.add(saved)
    saved.name, saved.shared, saved.query = name, shared, found.to_dict()
    db.session.flush()
    audit.record("saved_filter.save", saved, shared=shared)
    db.session.commit()
    return saved


def delete(saved: SavedFilter, user: User) -> None:
    """
    :raises NotAllowed: it belongs to another user, and this one is no administrator.
    """
    if saved.owner_id != user.id and user.role != Role.ADMINISTRATOR:
        raise NotAllowed(_("Only who made this search or an administrator can delete it."))
    audit.record("saved_filter.delete", saved)
    db.session.delete(saved)
    db.session.commit()
