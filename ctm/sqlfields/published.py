"""The tables and columns an SQL field may read, by the names the office's users know (A20).

This is the whole of what a query can reach: a name that is not here does not exist for it. Users,
accounts, their passwords, settings and mails are not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import LazyString

from ctm.i18n import _l


class Kind(StrEnum):
    """What a value is. ``MONEY`` is a number of euros with two decimals."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    NULL = "null"


KINDS = {
    Kind.TEXT: _l("text"),
    Kind.INTEGER: _l("number"),
    Kind.MONEY: _l("amount"),
    Kind.DATE: _l("date"),
    Kind.DATETIME: _l("date and time"),
    Kind.BOOLEAN: _l("1 (yes) or 0 (no)"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as queries name it; ``stored`` is the model's. ``words`` turns codes into words."""

    name: str
    stored: str
    label: LazyString
    kind: Kind = Kind.TEXT
    example: str = ""
    aliases: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """A table as queries name it, over one of the models' tables."""

    name: str
    stored: str
    label: LazyString
    columns: tuple[Column, ...]
    aliases: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        wanted = name.lower()
        return next((c for c in self.columns if wanted == c.name or wanted in c.aliases), None)


def _id() -> Column:
    return Column("id", "id", _l("Number of the row"), Kind.INTEGER, "42")


def _owner(name: str, stored: str, label: LazyString) -> Column:
    return Column(name, stored, label, Kind.INTEGER, "42", (f"id_{name.removesuffix('_id')}",))


CLIENTI = PublishedTable(
    "clienti",
    "clients",
    _l("Clients"),
    (
        _id(),
        Column("codice", "code", _l("Code"), example="C-0042"),
        Column(
            "tipo",
            "kind",
            _l("Kind"),
            example="persona",
            words=(
                ("prospect", "potenziale"),
                ("company", "azienda"),
                ("person", "persona"),
                ("supplier", "fornitore"),
            ),
        ),
        Column("attivo", "active", _l("Active"), Kind.BOOLEAN, "1"),
        Column("titolo", "title", _l("Title"), example="Dott.ssa"),
        Column("nome", "first_name", _l("First name"), example="Giulia"),
        Column("cognome", "last_name", _l("Last name"), example="D'Amico"),
        Column(
            "ragione_sociale", "company_name", _l("Company name"), example="Perù & Figli S.r.l."
        ),
        Column("nominativo", "display_name", _l("Full name"), example="D'Amico Giulia"),
        Column("codice_fiscale", "tax_code", _l("Tax code"), example="DMCGLI80A41H501T"),
        Column("partita_iva", "vat_number", _l("VAT number"), example="00743110157"),
        Column("data_nascita", "birth_date", _l("Birth date"), Kind.DATE, "1980-01-01"),
        Column("luogo_nascita", "birth_place", _l("Birth place"), example="Roma"),
        Column("sesso", "sex", _l("Sex"), example="F"),
        Column("professione", "profession", _l("Profession"), example="Architetta"),
        Column("email1", "email1", _l("E-mail 1"), example="giulia@example.it", aliases=("email",)),
        Column("email2", "email2", _l("E-mail 2"), example="studio@example.it"),
        Column("email3", "email3", _l("E-mail 3")),
        Column("pec", "pec", _l("Certified e-mail"), example="damico@pec.example.it"),
        Column("sito", "website", _l("Web site"), example="https://www.example.it"),
        Column("telefono", "phone", _l("Phone"), example="06 1234567"),
        Column("telefono2", "phone2", _l("Phone 2")),
        Column("cellulare", "mobile", _l("Mobile"), example="333 1234567"),
        Column("fax", "fax", _l("Fax")),
        Column("indirizzo", "street", _l("Street"), example="Via Appia Nuova, 12"),
        Column("cap", "postcode", _l("Postcode"), example="00183"),
        Column("citta", "city", _l("City"), example="Roma", aliases=("città",)),
        Column("provincia", "province", _l("Province"), example="RM"),
        Column("nazione", "country", _l("Country"), example="Italia"),
        Column("note", "notes", _l("Notes"), example="Preferisce la mattina"),
        Column(
            "data_inserimento",
            "created_at",
            _l("Entered on"),
            Kind.DATETIME,
            "2026-01-20 09:30:00",
        ),
    ),
    ("anagrafica", "anagrafiche"),
)

IND_TLM = PublishedTable(
    "ind_tlm",
    "contacts",
    _l("Contact addresses"),
    (
        _id(),
        _owner("cliente_id", "client_id", _l("Client's id")),
        Column("nome", "first_name", _l("First name"), example="Luca"),
        Column("cognome", "last_name", _l("Last name"), example="Perù"),
        Column("ruolo", "position", _l("Position"), example="Contabilità"),
        Column("email", "email", _l("E-mail"), example="luca@example.it"),
        Column("telefono", "phone", _l("Phone"), example="06 1234567"),
        Column("cellulare", "mobile", _l("Mobile"), example="333 1234567"),
        Column("note", "notes", _l("Notes")),
        Column("attivo", "active", _l("Active"), Kind.BOOLEAN, "1"),
    ),
    ("contatti",),
)

POLIZZE = PublishedTable(
    "polizze",
    "policies",
    _l("Policies"),
    (
        _id(),
        _owner("cliente_id", "client_id", _l("Client's id")),
        Column("numero", "number", _l("Policy number"), example="RCA-1001", aliases=("polizza",)),
        Column("compagnia", "company", _l("Insurer"), example="Assicura S.p.A."),
        Column("ramo", "branch", _l("Branch"), example="RCA"),
        Column("prodotto", "product", _l("Product"), example="Auto Sicura"),
        Column(
            "stato",
            "state",
            _l("State"),
            example="attiva",
            words=(
                ("active", "attiva"),
                ("suspended", "sospesa"),
                ("cancelled", "annullata"),
                ("expired", "scaduta"),
            ),
        ),
        Column(
            "data_decorrenza",
            "start_date",
            _l("Start date"),
            Kind.DATE,
            "2026-01-01",
            ("decorrenza",),
        ),
        Column("data_scadenza", "end_date", _l("End date"), Kind.DATE, "2026-12-31", ("scadenza",)),
        Column("premio", "premium", _l("Premium"), Kind.MONEY, "1500.00"),
        Column("frazionamento", "frequency", _l("Frequency"), example="semestrale"),
        Column("assicurato", "insured", _l("Insured"), example="Fiat Panda AB123CD"),
        Column("note", "notes", _l("Notes")),
    ),
)

TITOLI = PublishedTable(
    "titoli",
    "instalments",
    _l("Instalments"),
    (
        _id(),
        _owner("polizza_id", "policy_id", _l("Policy's id")),
        _owner("cliente_id", "client_id", _l("Client's id")),
        Column("numero", "number", _l("Instalment number"), example="1"),
        Column(
            "data_titolo",
            "due_date",
            _l("Due date"),
            Kind.DATE,
            "2026-11-30",
            ("scadenza", "data_scadenza"),
        ),
        Column("importo", "amount", _l("Amount"), Kind.MONEY, "1500.00"),
        Column(
            "stato",
            "state",
            _l("State"),
            example="aperto",
            words=(("open", "aperto"), ("paid", "pagato"), ("cancelled", "annullato")),
        ),
        Column("data_pagamento", "paid_date", _l("Paid on"), Kind.DATE, "2026-11-28"),
        Column("note", "notes", _l("Notes")),
    ),
)

TABLES = (CLIENTI, IND_TLM, POLIZZE, TITOLI)


def find(name: str) -> PublishedTable | None:
    """The published table of this name, whatever the case of its letters."""
    wanted = name.lower()
    return next((t for t in TABLES if wanted == t.name or wanted in t.aliases), None)


def stored_columns() -> Mapping[str, frozenset[str]]:
    """What may be read of the database itself: the columns of each table, by their real names."""
    return {table.stored: frozenset(c.stored for c in table.columns) for table in TABLES}
