"""Clients from a file: a dry run that changes nothing, and the import itself.

Clients are recognised by a key; a row whose client exists updates it, an empty cell leaves the
field as it is (see :mod:`ctm.lists.importing`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ctm.clients import checks, mapping, operations
from ctm.consent import columns
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists import importing
from ctm.lists.importing import (
    AfterChunk,
    OnRow,
    Report,
    RowResult,
    Verdict,
    count_rows,
    nothing,
    receive,
)
from ctm.models import Client, Contact
from ctm.tabular import Table, open_table

__all__ = [
    "Importer",
    "Report",
    "RowResult",
    "Verdict",
    "count_rows",
    "import_file",
    "plan",
    "receive",
    "run",
]

_CONTACT = "contact_"
_BESIDE = (_CONTACT, columns.PREFIX)


class Importer(importing.Importer):
    """Reads clients, with the contact a row may hold and what it says of consents."""

    audited = "client.import"
    mapping = mapping.MAPPING

    def _called(self, cells: list[str]) -> str:
        """What to call a row before it is a client: its names, or else its first cell."""
        given = {name: cells[column] for column, name in self._columns.items()}
        names = [given.get(name, "") for name in ("company_name", "last_name", "first_name")]
        return " ".join(filter(None, names)) or next(filter(None, cells), "")

    def _clean(self, given: dict[str, str]) -> dict[str, Any]:
        """The row's values, cleaned; contact columns as they are."""
        own = {name: text for name, text in given.items() if not name.startswith(_BESIDE)}
        if not own.get(self.key):
            raise checks.InvalidFields(
                {self.key: _("the cell is empty, and clients are recognised by it")}
            )
        cleaned = checks.clean_client(_restore_zeros(own))
        columns.read(given)
        return cleaned | {name: text for name, text in given.items() if name not in own}

    def _look_up(self, rows: list[dict[str, Any]]) -> None:
        self._known = self._find([values[self.key] for values in rows])
        self._consents = columns.Standing(each for same in self._known.values() for each in same)

    def _find(self, keys: Iterable[str]) -> dict[str, list[Client]]:
        column = getattr(Client, self.key)
        query = select(Client).where(column.in_(set(keys))).options(selectinload(Client.contacts))
        found: dict[str, list[Client]] = {}
        for client in db.session.scalars(query):
            found.setdefault(getattr(client, self.key), []).append(client)
        return found

    def _apply(self, result: RowResult, values: dict[str, Any], seen: set[int]) -> None:
        key = values[self.key]
        same = self._known.get(key, [])
        if len(same) > 1:
            result.reasons = [
                _(
                    "%(count)s clients have this %(field)s; which one?",
                    count=len(same),
                    field=_label(self.key),
                )
            ]
            return
        is_new = not same
        client = Client(**operations.DEFAULTS) if is_new else same[0]
        try:
            changed = self._fill(client, values)
        except checks.InvalidFields as error:
            result.reasons = self.reasons(error)
            self._undo(client, is_new)
            return
        if self._consents.take(client, columns.read(values)):
            changed = True
        result.label = client.display_name
        if is_new:
            db.session.add(client)
            self._known[key] = [client]
            result.verdict = Verdict.UPDATE if hash(key) in seen else Verdict.CREATE
            seen.add(hash(key))
        else:
            result.verdict = Verdict.UPDATE if changed else Verdict.SAME

    def complete(self) -> None:
        self._consents.write()

    def _fill(self, client: Client, values: dict[str, Any]) -> bool:
        own = {n: v for n, v in values.items() if not n.startswith(_BESIDE)}
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


def _label(name: str) -> str:
    return mapping.MAPPING.label(name)


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
    on_row: OnRow = nothing,
    after_chunk: AfterChunk = nothing,
) -> Report:
    """Say what an import would do, row by row, and change nothing.

    :raises InvalidInput: the mapping, the key or the file as a whole cannot be used.
    """
    importer = Importer(columns, key, len(table.headers))
    return importing.plan(importer, table, on_row, after_chunk)


def run(
    table: Table,
    columns: Mapping[Any, str],
    key: str,
    on_row: OnRow = nothing,
    after_chunk: AfterChunk = nothing,
) -> Report:
    """Import the file, a chunk of rows to a transaction. ``after_chunk`` may raise to stop.

    :raises InvalidInput: the mapping, the key or the file as a whole cannot be used.
    """
    importer = Importer(columns, key, len(table.headers))
    return importing.run(importer, table, on_row, after_chunk)


def import_file(
    path: Path,
    key: str = "",
    columns: Mapping[Any, str] | None = None,
    dry_run: bool = False,
    on_row: OnRow = nothing,
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
