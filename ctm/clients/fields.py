"""The fields of a client, as one table that forms, filters, imports and exports read."""

from collections.abc import Callable

from sqlalchemy import select

from ctm.extensions import db
from ctm.i18n import _l
from ctm.lists.fields import Field, FieldType, Words
from ctm.models import Client, ClientKind, Purpose

KIND_WORDS: dict[str, object] = {
    ClientKind.PERSON: _l("Person"),
    ClientKind.COMPANY: _l("Company"),
    ClientKind.PROSPECT: _l("Prospect"),
    ClientKind.SUPPLIER: _l("Supplier"),
}
SEX_WORDS: dict[str, object] = {"F": _l("Female"), "M": _l("Male")}


ANY_EMAIL = "email"
EMAILS = ("email1", "email2", "email3")
SEARCHED = {"last_name", "first_name", "company_name", "code", "tax_code", "vat_number", "pec"}
SEARCHED |= {"city", "profession", *EMAILS, ANY_EMAIL}
"""Fields whose words are all in ``search_text``: see :mod:`ctm.clients.derived`."""


def _purposes() -> dict[str, object]:
    query = select(Purpose).order_by(Purpose.position, Purpose.id)
    return {str(purpose.id): purpose.name for purpose in db.session.scalars(query)}


def ClientField(
    name: str,
    label: object,
    type: FieldType = FieldType.TEXT,
    headers: tuple[str, ...] = (),
    choices: Words | Callable[[], Words] | None = None,
    filter_only: bool = False,
) -> Field:
    """A field of the clients; its column has its name, unless it stands for several."""
    names = EMAILS if name == ANY_EMAIL else (name,)
    columns = tuple(getattr(Client, each) for each in names if hasattr(Client, each))
    return Field(
        name, label, type, headers, choices, filter_only, columns, searched=name in SEARCHED
    )


T = FieldType

FIELDS: tuple[Field, ...] = (
    ClientField("code", _l("Code"), T.CODE, ("codice", "codice cliente", "id cliente", "cod")),
    ClientField(
        "kind",
        _l("Kind"),
        T.CHOICE,
        ("tipo", "tipologia", "tipo cliente", "tipo anagrafica", "type"),
        KIND_WORDS,
    ),
    ClientField("active", _l("Active"), T.FLAG, ("attivo", "stato")),
    ClientField("title", _l("Title"), T.TEXT, ("titolo", "appellativo")),
    ClientField("last_name", _l("Last name"), T.TEXT, ("cognome", "surname", "family name")),
    ClientField("first_name", _l("First name"), T.TEXT, ("nome", "name", "given name")),
    ClientField(
        "company_name",
        _l("Company name"),
        T.TEXT,
        ("ragione sociale", "azienda", "società", "denominazione", "company", "ditta"),
    ),
    ClientField(
        "tax_code",
        _l("Tax code"),
        T.CODE,
        ("codice fiscale", "cf", "cod fiscale", "cod fisc", "fiscal code"),
    ),
    ClientField(
        "vat_number",
        _l("VAT number"),
        T.CODE,
        ("partita iva", "p iva", "piva", "part iva", "iva", "vat"),
    ),
    ClientField(
        "birth_date",
        _l("Birth date"),
        T.DATE,
        ("data di nascita", "data nascita", "nato il", "nascita", "date of birth"),
    ),
    ClientField(
        "birth_place",
        _l("Birth place"),
        T.TEXT,
        ("luogo di nascita", "luogo nascita", "comune di nascita", "nato a"),
    ),
    ClientField("sex", _l("Sex"), T.CHOICE, ("sesso", "genere", "gender"), SEX_WORDS),
    ClientField("profession", _l("Profession"), T.TEXT, ("professione", "attività", "mestiere")),
    ClientField(
        "email1",
        _l("E-mail 1"),
        T.EMAIL,
        ("email", "e mail", "mail", "posta elettronica", "indirizzo email", "email address"),
    ),
    ClientField("email2", _l("E-mail 2"), T.EMAIL, ("email 2", "mail 2", "e mail 2")),
    ClientField("email3", _l("E-mail 3"), T.EMAIL, ("email 3", "mail 3", "e mail 3")),
    ClientField("pec", _l("PEC"), T.EMAIL, ("posta certificata", "email pec", "indirizzo pec")),
    ClientField("phone", _l("Phone"), T.TEXT, ("telefono", "tel", "telefono 1", "tel casa")),
    ClientField(
        "phone2", _l("Second phone"), T.TEXT, ("telefono 2", "tel 2", "tel ufficio", "phone 2")
    ),
    ClientField("mobile", _l("Mobile"), T.TEXT, ("cellulare", "cell", "tel cellulare")),
    ClientField("fax", _l("Fax"), T.TEXT, ("telefax",)),
    ClientField("website", _l("Web site"), T.TEXT, ("sito", "sito web", "web", "url")),
    ClientField(
        "street", _l("Street"), T.TEXT, ("indirizzo", "via", "residenza", "sede", "address")
    ),
    ClientField("postcode", _l("Post code"), T.CODE, ("cap", "zip", "zip code", "codice postale")),
    ClientField("city", _l("City"), T.TEXT, ("città", "comune", "località", "citta", "town")),
    ClientField("province", _l("Province"), T.TEXT, ("provincia", "prov", "pr", "state")),
    ClientField("country", _l("Country"), T.TEXT, ("nazione", "paese", "stato estero")),
    ClientField(
        "mail_street",
        _l("Correspondence street"),
        T.TEXT,
        ("indirizzo corrispondenza", "via corrispondenza", "indirizzo postale"),
    ),
    ClientField(
        "mail_postcode",
        _l("Correspondence post code"),
        T.CODE,
        ("cap corrispondenza",),
    ),
    ClientField(
        "mail_city",
        _l("Correspondence city"),
        T.TEXT,
        ("città corrispondenza", "comune corrispondenza", "località corrispondenza"),
    ),
    ClientField(
        "mail_province",
        _l("Correspondence province"),
        T.TEXT,
        ("provincia corrispondenza", "prov corrispondenza"),
    ),
    ClientField("mail_country", _l("Correspondence country"), T.TEXT, ("nazione corrispondenza",)),
    ClientField("notes", _l("Notes"), T.TEXT, ("note", "annotazioni", "commenti")),
    ClientField(ANY_EMAIL, _l("E-mail"), T.EMAIL, filter_only=True),
    ClientField("consent", _l("Consent"), T.CONSENT, choices=_purposes, filter_only=True),
    ClientField("created_at", _l("Entered on"), T.MOMENT, filter_only=True),
    ClientField("updated_at", _l("Changed on"), T.MOMENT, filter_only=True),
)

BY_NAME = {field.name: field for field in FIELDS}
STORED = tuple(field for field in FIELDS if not field.filter_only)
