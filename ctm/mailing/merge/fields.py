"""The fields of each table, as users write them in a mail."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask import has_app_context
from flask_babel import get_timezone
from sqlalchemy import func, select

from ctm.clock import utcnow
from ctm.i18n import _l, _lp
from ctm.mailing.merge.catalogue import MergeField, Module
from ctm.models import (
    Client,
    Contact,
    Instalment,
    InstalmentState,
    PolicyState,
)

_KINDS = {
    "prospect": _l("Prospect"),
    "company": _l("Company"),
    "person": _l("Person"),
    "supplier": _l("Supplier"),
}


_POLICY_STATES: dict[str, object] = {
    PolicyState.ACTIVE: _l("In force"),
    PolicyState.SUSPENDED: _l("Suspended"),
    PolicyState.CANCELLED: _lp("policy", "Cancelled"),
    PolicyState.EXPIRED: _l("Expired"),
}
_INSTALMENT_STATES: dict[str, object] = {
    InstalmentState.OPEN: _l("To be paid"),
    InstalmentState.PAID: _l("Paid"),
    InstalmentState.CANCELLED: _lp("instalment", "Cancelled"),
}


def _office_time(when: datetime) -> datetime:
    """A stored time (naive UTC) as the office's clocks show it; UTC where there is no office."""
    zone = get_timezone() if has_app_context() else None
    return when.replace(tzinfo=UTC).astimezone(zone or UTC).replace(tzinfo=None)


def _today(_nothing: object) -> date:
    return _office_time(utcnow()).date()


def _entered_on(when: object) -> datetime | None:
    return _office_time(when) if isinstance(when, datetime) else None


def _open_amount() -> Any:
    """What a client still has to pay; nothing if there is no open instalment."""
    return (
        select(func.sum(Instalment.amount))
        .where(Instalment.client_id == Client.id, Instalment.state == InstalmentState.OPEN)
        .correlate(Client)
        .scalar_subquery()
    )


def _full_name() -> Any:
    return func.trim(Contact.first_name + " " + Contact.last_name)


def _days_left(due: object) -> int | None:
    """Days from today to a date; negative once it is past."""
    return (due - _today(None)).days if isinstance(due, date) else None


CLIENTS = Module.of(
    "clienti",
    _l("Clients"),
    [
        MergeField("codice", _l("Code"), sample="C-0042", attribute="code"),
        MergeField("tipo", _l("Kind"), sample=_l("Person"), attribute="kind", words=_KINDS),
        MergeField("titolo", _l("Title"), sample="Dott.ssa", attribute="title"),
        MergeField("nome", _l("First name"), sample="Giulia", attribute="first_name"),
        MergeField("cognome", _l("Last name"), sample="D'Amico", attribute="last_name"),
        MergeField(
            "ragione_sociale",
            _l("Company name"),
            sample="Perù & Figli S.r.l.",
            attribute="company_name",
        ),
        MergeField(
            "nominativo", _l("Full name"), sample="Giulia D'Amico", attribute="display_name"
        ),
        MergeField(
            "codice_fiscale", _l("Tax code"), sample="DMCGLI80A41H501T", attribute="tax_code"
        ),
        MergeField("partita_iva", _l("VAT number"), sample="00743110157", attribute="vat_number"),
        MergeField(
            "data_nascita", _l("Birth date"), "date", date(1980, 1, 1), attribute="birth_date"
        ),
        MergeField("luogo_nascita", _l("Birth place"), sample="Roma", attribute="birth_place"),
        MergeField("sesso", _l("Sex"), sample="F", attribute="sex"),
        MergeField("professione", _l("Profession"), sample="Architetta", attribute="profession"),
        MergeField("email1", _l("E-mail 1"), sample="giulia@example.it", attribute="email1"),
        MergeField("email2", _l("E-mail 2"), sample="studio@example.it", attribute="email2"),
        MergeField("email3", _l("E-mail 3"), sample="", attribute="email3"),
        MergeField("pec", _l("Certified e-mail"), sample="damico@pec.example.it", attribute="pec"),
        MergeField("sito", _l("Web site"), sample="https://www.example.it", attribute="website"),
        MergeField("telefono", _l("Phone"), sample="06 1234567", attribute="phone"),
        MergeField("cellulare", _l("Mobile"), sample="333 1234567", attribute="mobile"),
        MergeField("indirizzo", _l("Street"), sample="Via Appia Nuova, 12", attribute="street"),
        MergeField("cap", _l("Postcode"), sample="00183", attribute="postcode"),
        MergeField("citta", _l("City"), sample="Roma", attribute="city"),
        MergeField("provincia", _l("Province"), sample="RM", attribute="province"),
        MergeField("nazione", _l("Country"), sample="Italia", attribute="country"),
        MergeField("note", _l("Notes"), sample="Preferisce la mattina", attribute="notes"),
        MergeField(
            "data_inserimento",
            _l("Entered on"),
            "date",
            datetime(2026, 1, 20, 9, 30),
            attribute="created_at",
            read=_entered_on,
        ),
        MergeField("data", _l("Today's date"), "date", date(2026, 1, 20), read=_today),
        MergeField(
            "importo",
            _l("Open instalments, in all"),
            "amount",
            Decimal(1500),
            attribute="open_amount",
            column=_open_amount,
        ),
    ],
)

CONTACTS = Module.of(
    "ind_tlm",
    _l("Contact addresses"),
    [
        MergeField("nome", _l("First name"), sample="Marta", attribute="first_name"),
        MergeField("cognome", _l("Last name"), sample="Bianchi", attribute="last_name"),
        MergeField(
            "nominativo",
            _l("Full name"),
            sample="Marta Bianchi",
            attribute="full_name",
            column=_full_name,
        ),
        MergeField("ruolo", _l("Position"), sample=_l("Accounting"), attribute="position"),
        MergeField("email", _l("E-mail"), sample="marta@example.it", attribute="email"),
        MergeField("telefono", _l("Phone"), sample="06 7654321", attribute="phone"),
        MergeField("cellulare", _l("Mobile"), sample="333 7654321", attribute="mobile"),
        MergeField("note", _l("Notes"), sample="", attribute="notes"),
    ],
)

POLICIES = Module.of(
    "polizze",
    _l("Policies"),
    [
        MergeField("numero", _l("Number"), sample="IT-2026-00042", attribute="number"),
        MergeField("compagnia", _l("Insurer"), sample="Assicurazioni Riunite", attribute="company"),
        MergeField("ramo", _l("Branch"), sample="RC Auto", attribute="branch"),
        MergeField("prodotto", _l("Product"), sample="Guida Serena", attribute="product"),
        MergeField(
            "stato", _l("State"), sample=_l("In force"), attribute="state", words=_POLICY_STATES
        ),
        MergeField(
            "decorrenza", _l("Start date"), "date", date(2026, 2, 15), attribute="start_date"
        ),
        MergeField("scadenza", _l("End date"), "date", date(2027, 2, 15), attribute="end_date"),
        MergeField("premio", _l("Premium"), "amount", Decimal(1500), attribute="premium"),
        MergeField(
            "frazionamento", _l("Frequency"), sample=_l("Half-yearly"), attribute="frequency"
        ),
        MergeField("assicurato", _l("Insured"), sample="AB123CD", attribute="insured"),
        MergeField("note", _l("Notes"), sample="", attribute="notes"),
    ],
)

INSTALMENTS = Module.of(
    "titoli",
    _l("Instalments"),
    [
        MergeField("numero", _l("Number"), sample="2026/117", attribute="number"),
        MergeField("scadenza", _l("Due date"), "date", date(2026, 2, 15), attribute="due_date"),
        MergeField("importo", _l("Amount"), "amount", Decimal(750), attribute="amount"),
        MergeField(
            "stato",
            _l("State"),
            sample=_l("To be paid"),
            attribute="state",
            words=_INSTALMENT_STATES,
        ),
        MergeField("data_pagamento", _l("Paid on"), "date", None, attribute="paid_date"),
        MergeField(
            "giorni",
            _l("Days until it is due"),
            "number",
            26,
            attribute="due_date",
            read=_days_left,
        ),
        MergeField("note", _l("Notes"), sample="", attribute="notes"),
    ],
)
