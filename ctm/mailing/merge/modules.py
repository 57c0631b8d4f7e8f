"""The modules whose fields can be used in a mail."""

from datetime import UTC, date, datetime

from flask import has_app_context
from flask_babel import get_timezone

from ctm.clock import utcnow
from ctm.i18n import _l
from ctm.mailing.merge.catalogue import Catalogue, MergeField, Module

_KINDS = {
    "prospect": _l("Prospect"),
    "company": _l("Company"),
    "person": _l("Person"),
    "supplier": _l("Supplier"),
}


def _office_time(when: datetime) -> datetime:
    """A stored time (naive UTC) as the office's clocks show it; UTC where there is no office."""
    zone = get_timezone() if has_app_context() else None
    return when.replace(tzinfo=UTC).astimezone(zone or UTC).replace(tzinfo=None)


def _today(_row: object) -> date:
    return _office_time(utcnow()).date()


def _entered_on(row: object) -> datetime | None:
    when = getattr(row, "created_at", None)
    return _office_time(when) if isinstance(when, datetime) else None


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
    ],
)

CATALOGUE = Catalogue.of(CLIENTS)
