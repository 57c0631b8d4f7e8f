"""Clients from a file: a dry run that changes nothing, and the import itself.

Clients are recognised by a key; a row whose client exists updates it, an empty cell leaves the
field as it is. A row that cannot be taken is reported with its reason; the others go in.
Importing the same file again changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from ctm import audit, files
from ctm.clients import checks, mapping, operations
from ctm.clients.fields import BY_NAME, STORED
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Client, Contact, StoredFile, User
from ctm.tabular import Row, Table, open_table

CHUNK = 200
_CONTACT = "contact_"


class Verdict(StrEnum):
    """What a row does, or did."""

    CREATE = "create"
    UPDATE = "update"
    SAME = "same"
    BAD = "bad"


@dataclass
class RowResult:
    """One row of the report. ``reasons`` say what is wrong, ``notes`` what is worth a look."""

    line: int
    cells: list[str]
    verdict: Verdict = Verdict.BAD
    label: str = ""
    reasons: list[str] = field(default_factory=list)


@dataclass
class Report:
    """How many rows do what."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, int]:
        return {str(verdict): self.counts[verdict] for verdict in Verdict}


OnRow = Callable[[RowResult], None]
AfterChunk = Callable[[int], None]


def _nothing(_given: object) -> None:
    return None


class Importer:
    """Reads rows with a mapping (column from 0 → field) and a key, and says what each does."""

    def __init__(self, columns: Mapping[Any, str], key: str, width: int) -> None:
        self._columns = mapping.check(columns, key, width)
        self._key = key
        self._width = width

    def take(self, rows: list[Row], seen: set[int]) -> list[RowResult]:
        """Bring a chunk of rows into the session, without committing."""
        results, read = [], []
        for line, cells in rows:
            result = RowResult(line, cells, label=self._called(cells))
            results.append(result)
            try:
                read.append((result, self._read(cells)))
            except checks.InvalidFields as error:
                result.reasons = [
                    f"{mapping.LABELS.get(name, name)}: {reason}"
                    for name, reason in error.errors.items()
                ]
            except InvalidInput as error:
                result.reasons = [error.message]
        known = self._known([values[self._key] for _result, values in read])
        for result, values in read:
            self._apply(result, values, known, seen)
        return results

    def _called(self, cells: list[str]) -> str:
        """What to call a row before it is a client: its names, or else its first cell."""
        given = {name: cells[column] for column, name in self._columns.items()}
        names = [given.get(name, "") for name in ("company_name", "last_name", "first_name")]
        return " ".join(filter(None, names)) or next(filter(None, cells), "")

    def _read(self, cells: list[str]) -> dict[str, Any]:
        """The row's values, cleaned; empty cells stay out, contact columns as they are."""
        if len(cells) > self._width:
            raise InvalidInput(
                _("The row has more cells than the file has columns; look for a stray separator.")
            )
        given = {name: cells[column] for column, name in self._columns.items() if cells[column]}
        own = {name: text for name, text in given.items() if not name.startswith(_CONTACT)}
        if not own.get(self._key):
            raise checks.InvalidFields(
                {self._key: _("the cell is empty, and clients are recognised by it")}
            )
        cleaned = checks.clean_client(_restore_zeros(own))
        return cleaned | {name: text for name, text in given.items() if name not in own}

    def _known(self, keys: Iterable[str]) -> dict[str, list[Client]]:
        column = getattr(Client, self._key)
        query = select(Client).where(column.in_(set(keys))).options(selectinload(Client.contacts))
        found: dict[str, list[Client]] = {}
        for client in db.session.scalars(query):
            found.setdefault(getattr(client, self._key), []).append(client)
        return found

    def _apply(
        self,
        result: RowResult,
        values: dict[str, Any],
        known: dict[str, list[Client]],
        seen: set[int],
    ) -> None:
        key = values[self._key]
        same = known.get(key, [])
        if len(same) > 1:
            result.reasons = [
                _(
                    "%(count)s clients have this %(field)s; which one?",
                    count=len(same),
                    field=_label(self._key),
                )
            ]
            return
        is_new = not same
        client = Client(**operations.DEFAULTS) if is_new else same[0]
        try:
            changed = self._fill(client, values)
        except checks.InvalidFields as error:
            result.reasons = [f"{_label(n)}: {why}" for n, why in error.errors.items()]
            self._undo(client, is_new)
            return
        result.label = client.display_name
        if is_new:
            db.session.add(client)
            known[key] = [client]
            result.verdict = Verdict.UPDATE if hash(key) in seen else Verdict.CREATE
            seen.add(hash(key))
        else:
            result.verdict = Verdict.UPDATE if changed else Verdict.SAME

    def _fill(self, client: Client, values: dict[str, Any]) -> bool:
        own = {n: v for n, v in values.items() if not n.startswith(_CONTACT)}
        contact = {n.removeprefix(_CONTACT): v for n, v in values.items() if n.startswith(_CONTACT)}
        try:
            cleaned = checks.clean_contact(contact) if contact else {}
        except checks.InvalidFields as error:
            raise checks.InvalidFields(
                {f"{_CONTACT}{name}": why for name, why in error.errors.items()}
            ) from None
        changed = operations.assign(client, own)
        if cleaned and _merge_contact(client, cleaned):
            operations.refresh(client)
            changed = True
        return changed

    @staticmethod
    def _undo(client: Client, is_new: bool) -> None:
        if is_new:
            with db.session.no_autoflush:
                if client in db.session:
                    db.session.expunge(client)
        else:
            db.session.refresh(client)


def _label(name: str) -> str:
    return str(mapping.LABELS.get(name, name))


def _restore_zeros(values: dict[str, str]) -> dict[str, str]:
    """Give numbers back the zeros that a spreadsheet took from their front."""
    restored = dict(values)
    for name in ("vat_number", "tax_code"):
        number = restored.get(name, "")
        if number.isdigit() and 8 <= len(number) < 11:
            restored[name] = number.zfill(11)
    for name in ("postcode", "mail_postcode"):
        code = restored.get(name, "")
        abroad = restored.get(name.replace("postcode", "country"), "").lower()
        if code.isdigit() and 3 <= len(code) < 5 and abroad in {"", "italia", "italy", "it"}:
            restored[name] = code.zfill(5)
    return restored


def _merge_contact(client: Client, cleaned: dict[str, Any]) -> bool:
    """Add the contact, or complete the one with the same address or name; whether it changed."""
    names = ("first_name", "last_name")
    for contact in client.contacts:
        by_email = cleaned["email"] and contact.email == cleaned["email"]
        by_name = not cleaned["email"] and all(
            getattr(contact, n).lower() == cleaned[n].lower() for n in names
        )
        if by_email or by_name:
            break
    else:
        contact = Contact(**cleaned)
        client.contacts.append(contact)
        return True
    news = {n: v for n, v in cleaned.items() if v and getattr(contact, n) != v}
    for name, value in news.items():
        setattr(contact, name, value)
    return bool(news)


def plan(
    table: Table,
    columns: Mapping[Any, str],
    key: str,
    on_row: OnRow = _nothing,
    after_chunk: AfterChunk = _nothing,
) -> Report:
    """Say what an import would do, row by row, and change nothing.

    :raises InvalidInput: the mapping, the key or the file as a whole cannot be used.
    """
    importer = Importer(columns, key, len(table.headers))
    report, seen = Report(), set[int]()
    for rows in _chunks(table.rows()):
        with db.session.no_autoflush:
            results = importer.take(rows, seen)
        db.session.rollback()
        _tell(results, report, on_row)
        after_chunk(len(rows))
    return report


def run(
    table: Table,
    columns: Mapping[Any, str],
    key: str,
    on_row: OnRow = _nothing,
    after_chunk: AfterChunk = _nothing,
) -> Report:
    """Import the file, a chunk of rows to a transaction. ``after_chunk`` may raise to stop.

    :raises InvalidInput: the mapping, the key or the file as a whole cannot be used.
    """
    importer = Importer(columns, key, len(table.headers))
    report = Report()
    for rows in _chunks(table.rows()):
        results = _take_chunk(importer, rows)
        _tell(results, report, on_row)
        after_chunk(len(rows))
    audit.record("client.import", key=key, **report.to_dict())
    db.session.commit()
    return report


def _take_chunk(importer: Importer, rows: list[Row]) -> list[RowResult]:
    """Commit a chunk; if the database refuses it, row by row, so that one row stops no other."""
    try:
        results = importer.take(rows, set())
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return [_take_row(importer, row) for row in rows]
    return results


def _take_row(importer: Importer, row: Row) -> RowResult:
    try:
        result = importer.take([row], set())[0]
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return RowResult(*row, reasons=[_("Another client already has one of these codes.")])
    return result


def _tell(results: list[RowResult], report: Report, on_row: OnRow) -> None:
    for result in results:
        report.counts[result.verdict] += 1
        on_row(result)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def count_rows(table: Table) -> int:
    """How many rows the file holds; reads it through, so a broken file is refused here.

    :raises InvalidInput: the file breaks off or is damaged.
    """
    return sum(1 for _row in table.rows())


def receive(stream: BinaryIO, name: str, owner: User | None) -> StoredFile:
    """Keep a file that somebody brought, if it is a table that can be read; commits.

    :raises InvalidInput: it is too large or no table.
    :raises Unavailable: the disk refuses it.
    """
    file = files.store(stream, name, "application/octet-stream", owner)
    try:
        open_table(files.path_of(file), file.name)
    except InvalidInput:
        db.session.rollback()
        raise
    db.session.commit()
    return file


def import_file(
    path: Path,
    key: str = "",
    columns: Mapping[Any, str] | None = None,
    dry_run: bool = False,
    on_row: OnRow = _nothing,
) -> Report:
    """Import a file from the disk; without mapping or key, as its headers suggest.

    :raises InvalidInput: the file, the mapping or the key cannot be used.
    """
    table = open_table(path, path.name)
    chosen = mapping.guess(table.headers) if columns is None else columns
    chosen_key = key or mapping.guess_key(dict(chosen))
    count_rows(table)
    work = plan if dry_run else run
    return work(table, chosen, chosen_key, on_row)


def field_choices() -> list[tuple[str, str]]:
    """What a column may be, for the mapping page."""
    names = [f.name for f in STORED] + list(mapping.CONTACT_COLUMNS)
    return [(name, _label(name)) for name in names]


def key_choices() -> list[tuple[str, str]]:
    return [(name, str(BY_NAME[name].label)) for name in mapping.KEYS]
