"""What is worked out from a client's other fields: the name shown, the text searched."""

from collections.abc import Iterable
from typing import Any

from ctm.clients.fields import EMAILS
from ctm.lists.fields import fold
from ctm.models import ClientKind

FIRMS = frozenset({ClientKind.COMPANY, ClientKind.SUPPLIER})


def display_name(kind: str, last_name: str, first_name: str, company_name: str) -> str:
    """The name a client is listed under: a firm's own, else the person's, last name first."""
    person = f"{last_name} {first_name}".strip()
    names = (company_name, person) if kind in FIRMS else (person, company_name)
    return next((name for name in names if name), "")[:255]


def search_text(client: Any, contacts: Iterable[Any] = ()) -> str:
    """The folded words a client is found by, each once, single spaces between.

    ``client`` and ``contacts`` are records or anything else with their attributes.
    """
    parts = [client.last_name, client.first_name, client.company_name, client.code]
    parts += [client.tax_code, client.vat_number, client.pec, client.city, client.profession]
    parts += [getattr(client, name) for name in EMAILS]
    parts += [digits(n) for n in (client.phone, client.phone2, client.mobile)]
    for contact in contacts:
        parts += [contact.last_name, contact.first_name, contact.email, digits(contact.mobile)]
    return " ".join(dict.fromkeys(fold(" ".join(part for part in parts if part)).split()))


def digits(number: str | None) -> str:
    return "".join(letter for letter in number or "" if letter.isdigit())
