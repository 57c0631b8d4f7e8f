"""Rows to try a query on: found by a client's words, or by their number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import or_, select

from ctm.clients import search
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Client, Contact, Instalment, Policy
from ctm.sqlfields.published import CLIENTI, IND_TLM, POLIZZE, TITOLI, find

FEW = 5
_LARGEST = 2**53
T = TypeVar("T", Instalment, Policy, Contact)


@dataclass(frozen=True)
class Row:
    """A row as a type-ahead shows it; ``key`` is ``titoli:42``."""

    key: str
    label: str
    detail: str


def choices(text: str) -> list[Row]:
    """Clients found by these words or by this number, with what belongs to them."""
    text = text.strip()
    if not text:
        return []
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
    clients = list(search.search(text, FEW))
    return list(_clients(clients, number)) + list(_owned([c.id for c in clients], number))


def _clients(found: list[Client], number: int | None) -> Iterator[Row]:
    exact = db.session.get(Client, number) if number is not None else None
    for client in dict.fromkeys([exact, *found] if exact else found):
        yield Row(f"{CLIENTI.name}:{client.id}", client.display_name, f"clienti, {client.id}")


def _owned(client_ids: list[int], number: int | None) -> Iterator[Row]:
    for instalment in _few(Instalment, client_ids, number):
        label = f"{instalment.client} · {instalment.policy} · {instalment.due_date:%d/%m/%Y}"
        yield Row(f"{TITOLI.name}:{instalment.id}", label, f"titoli, {instalment.id}")
    for policy in _few(Policy, client_ids, number):
        label = f"{policy.client} · {policy}"
        yield Row(f"{POLIZZE.name}:{policy.id}", label, f"polizze, {policy.id}")
    for contact in _few(Contact, client_ids, number):
        label = f"{contact.client} · {contact}"
        yield Row(f"{IND_TLM.name}:{contact.id}", label, f"ind_tlm, {contact.id}")


def _few(model: type[T], client_ids: list[int], number: int | None) -> list[T]:
    mine = model.client_id.in_(client_ids)
    wanted = mine if number is None else or_(mine, model.id == number)
    return list(db.session.scalars(select(model).where(wanted).order_by(model.id).limit(FEW)))


def number_of(text: str) -> int:
    """The row's number in ``titoli:42`` or ``42``.

    :raises InvalidInput: there is none in it.
    """
    table, _colon, number = text.strip().rpartition(":")
    known = not table or find(table) is not None
    if not known or not (number.isascii() and number.isdecimal()) or int(number[:17]) > _LARGEST:
        raise InvalidInput(_l("Choose a row, or write its number."), "row")
    return int(number)
