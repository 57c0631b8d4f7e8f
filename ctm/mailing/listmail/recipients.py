"""Who gets a mail from a list, who does not and why. The forecast and the queue ask alike.

Left out, first reason first: ``no_address``, ``invalid`` address, ``removed`` or ``suppressed``
address, ``no_consent`` of the client for the purpose, ``duplicate`` of an earlier row of the same
client (contact addresses), ``empty`` merge fields if the sender wants it so.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ctm import bulk, consent, sql
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import AddressError, check_address
from ctm.mailing.listmail import extras, sources
from ctm.mailing.listmail.letters import Letter
from ctm.mailing.merge import rows
from ctm.mailing.merge.rows import Addressee
from ctm.mailing.outbox import TYPED
from ctm.models import Suppression

REASONS = {
    "no_address": _l("no e-mail address"),
    "invalid": _l("address not valid"),
    "removed": _l("removed itself"),
    "suppressed": _l("address suppressed"),
    "no_consent": _l("no consent for this purpose"),
    "duplicate": _l("same address as another recipient"),
    "empty": _l("a merge field is empty"),
    "document": _l("its document could not be made"),
}
LONGEST_ADDRESS = 240
Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Planned:
    """One mail, or with a ``reason`` one that is left out. ``empty``: fields without a value."""

    row: Addressee
    address: str
    source: str
    others: tuple[str, ...] = ()
    reason: str = ""
    values: Values | None = None
    empty: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "" if self.source == TYPED else self.row.name

    @property
    def key(self) -> str:
        """Unique in the mailing, so that nobody gets the same mail twice."""
        return f"{self.address.lower()} {self.row.row_id}"


def planned(
    letter: Letter, ids: Sequence[int], with_values: bool = True
) -> Iterator[list[Planned]]:
    """All mails for the chosen rows, in bounded groups."""
    seen: set[tuple[int, str]] = set()
    for group in sources.addressed(letter.module.name, ids):
        candidates = [each for row in group for each in _candidates(letter, row)]
        judged = _judge(letter, candidates, seen)
        yield _with_values(letter, judged) if with_values else judged


def _candidates(letter: Letter, row: Addressee) -> Iterator[Planned]:
    """The mails made for a row: to itself, or as the sender edited the recipients (A6, A7)."""
    typed = letter.typed
    place, own = row.addresses[0] if row.addresses else ("email1", "")
    if not typed:
        yield Planned(row, own, place)
        return
    if letter.content["mode"] == "besides":
        typed = [each for each in typed if each.lower() != own.lower()]
        if not letter.content["group"]:
            yield Planned(row, own, place)
        elif own:
            typed = [own, *typed]
    if letter.content["group"]:
        sources_of = [_source(row, each) for each in typed]
        source = next((each for each in sources_of if each != TYPED), TYPED)
        yield Planned(row, typed[0], source, tuple(typed[1:]))
        return
    for address in typed:
        yield Planned(row, address, _source(row, address))


def _source(row: Addressee, address: str) -> str:
    """Where a typed address belongs: the client's own one is asked for its consent."""
    for place, own in row.addresses:
        if own.lower() == address.lower():
            return place
    return TYPED


def _judge(letter: Letter, candidates: list[Planned], seen: set[tuple[int, str]]) -> list[Planned]:
    barred = _barred([each.address.lower() for each in candidates])
    barred |= _barred([other.lower() for each in candidates for other in each.others])
    agreed: Collection[int] = ()
    if letter.purpose is not None:
        clients = {each.row.client_id for each in candidates if each.source != TYPED}
        agreed = consent.allowed(db.session, clients, letter.purpose.id)
    return [_judged(letter, each, barred, agreed, seen) for each in candidates]


def _judged(
    letter: Letter,
    each: Planned,
    barred: dict[str, str],
    agreed: Collection[int],
    seen: set[tuple[int, str]],
) -> Planned:
    key = each.address.lower()
    mark = (each.row.client_id, key)
    reason = ""
    if not each.address:
        reason = "no_address"
    elif each.source != TYPED and not _is_address(each.address):
        reason = "invalid"
    elif key in barred:
        reason = barred[key]
    elif each.source != TYPED and letter.purpose and each.row.client_id not in agreed:
        reason = "no_consent"
    elif each.source == "contact" and mark in seen:
        reason = "duplicate"
    elif each.source == "contact":
        seen.add(mark)
    if not reason and not each.others:
        return each
    others = tuple(other for other in each.others if other.lower() not in barred)
    return Planned(each.row, each.address, each.source, others, reason)


def _is_address(address: str) -> bool:
    if len(address) > LONGEST_ADDRESS:
        return False
    try:
        check_address(address)
    except AddressError:
        return False
    return True


def _barred(keys: Sequence[str]) -> dict[str, str]:
    dialect = sql.dialect_name(db.session)
    query = select(Suppression.address, Suppression.reason).where(
        bulk.among(dialect, Suppression.address, "keys", texts=True)
    )
    found = db.session.execute(query, {"keys": bulk.listed(dialect, set(keys))})
    return {row[0]: "removed" if row[1] == "removed" else "suppressed" for row in found}


def _with_values(letter: Letter, judged: list[Planned]) -> list[Planned]:
    """The same with merge values; who has an empty field is marked or left out."""
    going = {each.row.row_id: each.row for each in judged if not each.reason}
    ids = [number for row in going.values() for number in row.row_ids]
    found = rows.load(db.session, letter.module, ids, letter.all_keys, letter.language)
    more = extras.values(extras.used(letter.all_keys), list(going))
    leave = letter.content["empty"] == "leave"
    made: list[Planned] = []
    for each in judged:
        values: Any = found.get(each.row.row_id)
        if each.reason or values is None:
            made.append(each)
            continue
        values = values | more.get(each.row.row_id, {})
        empty = letter.empty(values)
        reason = "empty" if empty and leave else ""
        made.append(
            Planned(each.row, each.address, each.source, each.others, reason, values, empty)
        )
    return made
