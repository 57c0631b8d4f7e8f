"""Which column of a file is which field: guessed from the headers, then chosen by a person."""

from collections.abc import Iterable, Mapping
from typing import Any

from ctm.clients.fields import STORED, header_key
from ctm.errors import InvalidInput
from ctm.i18n import _, _l

KEYS = ("code", "tax_code", "vat_number", "email1")
CONTACT_COLUMNS: dict[str, tuple[object, tuple[str, ...]]] = {
    "contact_last_name": (
        _l("Contact's last name"),
        ("cognome contatto", "cognome referente", "contact last name"),
    ),
    "contact_first_name": (
        _l("Contact's first name"),
        ("nome contatto", "nome referente", "contatto", "referente", "contact first name"),
    ),
    "contact_position": (
        _l("Contact's position"),
        ("ruolo contatto", "ruolo", "mansione", "contact position"),
    ),
    "contact_email": (
        _l("Contact's e-mail"),
        ("email contatto", "e mail contatto", "email referente", "contact email"),
    ),
    "contact_phone": (
        _l("Contact's phone"),
        ("telefono contatto", "telefono referente", "contact phone"),
    ),
}
LABELS: dict[str, object] = {field.name: field.label for field in STORED} | {
    name: label for name, (label, _headers) in CONTACT_COLUMNS.items()
}

Columns = dict[int, str]


def _known() -> dict[str, str]:
    """Every header that is understood, and its field; labels in the reader's language too."""
    words: dict[str, str] = {}
    for field in STORED:
        for header in (field.name, str(field.label), *field.headers):
            words.setdefault(header_key(header), field.name)
    for name, (label, headers) in CONTACT_COLUMNS.items():
        for header in (name, str(label), *headers):
            words.setdefault(header_key(header), name)
    return words


def guess(headers: Iterable[str]) -> Columns:
    """Columns (from 0) that are understood; each field is given to its first column."""
    known = _known()
    found: Columns = {}
    for column, header in enumerate(headers):
        name = known.get(header_key(header))
        if name and name not in found.values():
            found[column] = name
    return found


def guess_key(mapping: Columns) -> str:
    """The best key among the mapped columns, or the empty text."""
    return next((key for key in KEYS if key in mapping.values()), "")


def check(mapping: Mapping[Any, str], key: str, columns: int) -> Columns:
    """A mapping that can be used with a file of so many columns.

    :raises InvalidInput: a column or field is unknown or used twice, or the key has no column.
    """
    found: Columns = {}
    for column, name in mapping.items():
        if not str(column).isdecimal() or int(column) >= columns:
            raise InvalidInput(_("The file has no column %(column)s.", column=column), "mapping")
        if name not in LABELS:
            raise InvalidInput(_("Clients have no field “%(field)s”.", field=name), "mapping")
        if name in found.values():
            raise InvalidInput(
                _("“%(field)s” is given to two columns; choose one.", field=LABELS[name]),
                "mapping",
            )
        found[int(column)] = name
    if key not in KEYS:
        raise InvalidInput(_("Choose the field by which clients are recognised."), "key")
    if key not in found.values():
        raise InvalidInput(
            _(
                "Say which column holds “%(field)s”: clients are recognised by it.",
                field=LABELS[key],
            ),
            "key",
        )
    return found
