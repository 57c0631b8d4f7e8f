"""Who is in a campaign, and where each client stands (G5)."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Select, delete, func, literal, or_, select, update

from ctm import audit, counters, sql
from ctm.campaigns import operations
from ctm.clients import filters
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Campaign, CampaignMember, Client, ListStatus, Message
from ctm.tabular import open_table

CHUNK = 500
MOST_AT_ONCE = 5000


@dataclass(frozen=True)
class Added:
    """What adding did: how many are new, how many were in the campaign already."""

    added: int
    already: int


def add_clients(campaign: Campaign, ids: Select[Any]) -> Added:
    """Put the clients of a query into a campaign; adding twice adds once.

    :raises Conflict: the campaign is being deleted.
    """
    operations.require_kept(campaign)
    found = ids.subquery()
    wanted = db.session.scalar(select(func.count()).select_from(found)) or 0
    now = utcnow()
    source = select(
        literal(campaign.id),
        found.c[0],
        literal(campaign.initial_status_id),
        literal(""),
        literal(False),
        literal(now),
        literal(now),
    ).where(literal(True))
    columns = [
        "campaign_id",
        "client_id",
        "list_status_id",
        "outcome",
        "by_hand",
        "added_at",
        "changed_at",
    ]
    before = _count(campaign)
    table = CampaignMember.__table__
    statement = sql.insert(db.session, table).from_select(columns, source)  # type: ignore[arg-type]
    db.session.execute(
        statement.on_conflict_do_nothing(index_elements=["campaign_id", "client_id"])
    )
    added = _count(campaign) - before
    status = f"status:{campaign.initial_status_id or 0}"
    counters.add(campaign.id, {"members": added, status: added})
    audit.record("campaign.add_clients", campaign, added=added, asked=wanted)
    db.session.commit()
    return Added(added, wanted - added)


def _count(campaign: Campaign) -> int:
    query = select(func.count()).where(CampaignMember.campaign_id == campaign.id)
    return db.session.scalar(query) or 0


def add_all(campaign: Campaign, query: str = "") -> Added:
    """All active clients, or all that match a search written as in the list's address."""
    if query:
        return add_clients(campaign, filters.parse_query_string(query).select_ids())
    return add_clients(campaign, select(Client.id).where(Client.active))


@dataclass
class FileReport:
    """What adding by file did; ``unknown`` are the values no client has, with their line."""

    result: Added
    column: str
    unknown: list[tuple[int, str]] = field(default_factory=list)


_KEYS = {
    "email": ("email", "e-mail", "mail", "email1", "indirizzo email"),
    "tax_code": ("tax_code", "codice fiscale", "cf", "tax code", "codice_fiscale"),
    "vat_number": ("vat_number", "partita iva", "p.iva", "piva", "vat", "vat number"),
    "code": ("code", "codice", "codice cliente"),
    "id": ("id", "idt"),
}


def add_from_file(campaign: Campaign, path: Path, name: str) -> FileReport:
    """Add the clients a CSV or XLSX file names by e-mail, tax code, VAT number, code or id.

    :raises InvalidInput: the file cannot be read, or no column can be recognised.
    """
    table = open_table(path, name)
    place, kind = _key_column(table.headers)
    known: set[int] = set()
    unknown: list[tuple[int, str]] = []
    for chunk in _chunks((line, cells[place].strip()) for line, cells in table.rows()):
        matches = _lookup(kind, {value.lower() for _line, value in chunk if value})
        for line, value in chunk:
            ids = matches.get(value.lower())
            if ids:
                known.update(ids)
            else:
                unknown.append((line, value))
    added = already = 0
    numbers = sorted(known)
    for start in range(0, len(numbers), CHUNK):
        some = numbers[start : start + CHUNK]
        result = add_clients(campaign, select(Client.id).where(Client.id.in_(some)))
        added, already = added + result.added, already + result.already
    return FileReport(Added(added, already), table.headers[place], unknown)


def _key_column(headers: list[str]) -> tuple[int, str]:
    names = [header.strip().lower() for header in headers]
    for kind, spellings in _KEYS.items():
        for spelling in spellings:
            if spelling in names:
                return names.index(spelling), kind
    raise InvalidInput(
        _l("No column is called E-mail, Codice fiscale, Partita IVA, Codice or Id."), "file"
    )


def _chunks(rows: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    chunk: list[tuple[int, str]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _lookup(kind: str, values: set[str]) -> dict[str, list[int]]:
    """Clients by the (lower-case) values of one column of the file."""
    found: dict[str, list[int]] = {}
    if kind == "id":
        numbers = [int(value) for value in values if value.isdecimal() and len(value) < 10]
        for (identity,) in db.session.execute(select(Client.id).where(Client.id.in_(numbers))):
            found[str(identity)] = [identity]
        return found
    names = ("email1", "email2", "email3") if kind == "email" else (kind,)
    columns = [func.lower(getattr(Client, name)) for name in names]
    query = select(Client.id, *columns).where(or_(*(column.in_(values) for column in columns)))
    for identity, *present in db.session.execute(query):
        for value in {value for value in present if value in values}:
            found.setdefault(value, []).append(identity)
    return found


def set_status(campaign: Campaign, member_ids: Collection[int], status: ListStatus | None) -> int:
    """Set the list status by hand; from then on only a removal moves it. Returns how many.

    The first statement takes the rows, so that no outcome moves them between count and change.
    """
    operations.require_kept(campaign)
    if len(member_ids) > MOST_AT_ONCE:
        raise InvalidInput(_l("Choose fewer clients at a time."))
    condition = (CampaignMember.campaign_id == campaign.id) & CampaignMember.id.in_(member_ids)
    unsynchronized = {"synchronize_session": False}
    touch = (
        update(CampaignMember)
        .where(condition)
        .values(by_hand=True, changed_at=utcnow())
        .returning(CampaignMember.list_status_id)
    )
    before = Counter(db.session.execute(touch, execution_options=unsynchronized).scalars())
    change = update(CampaignMember).where(condition)
    change = change.values(list_status_id=status.id if status else None)
    db.session.execute(change, execution_options=unsynchronized)
    deltas = Counter({f"status:{status_id or 0}": -count for status_id, count in before.items()})
    deltas[f"status:{status.id if status else 0}"] += before.total()
    counters.add(campaign.id, deltas)
    audit.record("campaign.set_status", campaign, status=str(status or ""), clients=before.total())
    db.session.commit()
    return before.total()


def remove(campaign: Campaign, member_ids: Collection[int]) -> int:
    """Take clients out that have got no mail yet; returns how many.

    :raises Conflict: some have mails in this campaign, or it is being deleted.
    """
    operations.require_kept(campaign)
    if len(member_ids) > MOST_AT_ONCE:
        raise InvalidInput(_l("Choose fewer clients at a time."))
    condition = (CampaignMember.campaign_id == campaign.id) & CampaignMember.id.in_(member_ids)
    mailed = select(Message.id).where(
        Message.campaign_id == campaign.id, Message.member_id.in_(member_ids)
    )
    if db.session.scalar(mailed.limit(1)):
        raise Conflict(
            _l("Some of them already have mails in this campaign: they stay, for the statistics.")
        )
    statuses = Counter(
        db.session.scalars(select(CampaignMember.list_status_id).where(condition)).all()
    )
    db.session.execute(delete(CampaignMember).where(condition))
    removed = statuses.total()
    deltas = {f"status:{status or 0}": -count for status, count in statuses.items()}
    counters.add(campaign.id, deltas | {"members": -removed})
    audit.record("campaign.remove_clients", campaign, clients=removed)
    db.session.commit()
    return removed
