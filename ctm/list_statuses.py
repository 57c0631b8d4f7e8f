"""List statuses (stati elenco): where a client can stand in a campaign."""

from sqlalchemy import func, select

from ctm import audit, sql
from ctm.clients.checks import clean_text
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Campaign, CampaignCounter, CampaignMember, ListStatus, OutcomeStatus

COLOURS = {
    "todo": _l("grey"),
    "sent": _l("blue"),
    "read": _l("teal"),
    "clicked": _l("violet"),
    "good": _l("green"),
    "removed": _l("amber"),
    "uncertain": _l("orange"),
    "failed": _l("red"),
}
DEFAULTS = {
    "it": (
        ("Da contattare", "todo"),
        ("Inviato", "sent"),
        ("Letto", "read"),
        ("Interessato", "clicked"),
        ("Rimosso", "removed"),
        ("Indirizzo errato", "failed"),
    ),
    "en": (
        ("To contact", "todo"),
        ("Sent", "sent"),
        ("Read", "read"),
        ("Interested", "clicked"),
        ("Removed", "removed"),
        ("Wrong address", "failed"),
    ),
}
MAX_POSITION = 9999


def every() -> list[ListStatus]:
    return list(db.session.scalars(select(ListStatus).order_by(ListStatus.position, ListStatus.id)))


def get(status_id: int) -> ListStatus:
    """
    :raises NotFound: there is no such status.
    """
    status = db.session.get(ListStatus, status_id)
    if status is None:
        raise NotFound(_l("There is no such list status."))
    return status


def ensure_defaults(language: str) -> int:
    """Give an office without list statuses a first set; how many were made."""
    if db.session.scalar(select(ListStatus.id).limit(1)) is not None:
        return 0
    names = DEFAULTS.get(language, DEFAULTS["it"])
    for position, (name, colour) in enumerate(names, start=1):
        db.session.add(ListStatus(name=name, colour=colour, position=position))
    db.session.commit()
    return len(names)


def create(name: str, colour: str = "todo", position: str = "", active: bool = True) -> ListStatus:
    """Add a status; without a position it comes last.

    :raises InvalidInput: a value cannot be accepted.
    """
    last = db.session.scalar(select(func.max(ListStatus.position))) or 0
    status = ListStatus()
    _assign(status, name, colour, position or str(min(last + 1, MAX_POSITION)), active)
    db.session.add(status)
    db.session.flush()
    audit.record("list_status.create", status)
    db.session.commit()
    return status


def update(status: ListStatus, name: str, colour: str, position: str, active: bool) -> ListStatus:
    """
    :raises InvalidInput: a value cannot be accepted.
    """
    _assign(status, name, colour, position or str(status.position), active)
    audit.record("list_status.update", status)
    db.session.commit()
    return status


def delete(status: ListStatus) -> None:
    """
    :raises Conflict: clients stand in it, or a campaign names it.
    """
    if _is_used(status):
        raise Conflict(
            _l(
                "“%(name)s” is in use by campaigns, so it stays. Make it not active: then nobody "
                "can choose it any more.",
                name=status.name,
            )
        )
    audit.record("list_status.delete", status)
    db.session.delete(status)
    db.session.commit()


def clients_in() -> dict[int, int]:
    """How many clients stand in each status, over all campaigns, from the kept counters."""
    query = (
        select(CampaignCounter.name, func.sum(CampaignCounter.value))
        .where(CampaignCounter.name.startswith("status:"))
        .group_by(CampaignCounter.name)
    )
    found = {int(name.partition(":")[2]): int(count) for name, count in db.session.execute(query)}
    return {status_id: count for status_id, count in found.items() if count}


def _is_used(status: ListStatus) -> bool:
    columns = (
        Campaign.initial_status_id,
        OutcomeStatus.list_status_id,
        CampaignMember.list_status_id,
    )
    return any(
        db.session.scalar(select(column).where(column == status.id).limit(1)) is not None
        for column in columns
    )


def _assign(status: ListStatus, name: str, colour: str, position: str, active: bool) -> None:
    words = clean_text(name or "", 80)
    if not words:
        raise InvalidInput(_l("A name is needed."), "name")
    taken = select(ListStatus.id).where(sql.fold(ListStatus.name) == words.lower())
    if status.id is not None:
        taken = taken.where(ListStatus.id != status.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("Another status is called “%(name)s”.", name=words), "name")
    if colour not in COLOURS:
        raise InvalidInput(_l("Choose one of the colours."), "colour")
    place = position.strip()
    if not (place.isascii() and place.isdecimal()) or int(place[:9]) > MAX_POSITION:
        raise InvalidInput(
            _l("The position is a number from 0 to %(most)s.", most=MAX_POSITION), "position"
        )
    status.name, status.colour = words, colour
    status.position, status.active = int(place), active
