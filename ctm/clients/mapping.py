"""Which column of a file is which field of a client."""

from ctm.clients.fields import STORED
from ctm.consent import columns
from ctm.i18n import _l
from ctm.lists.mapping import Mapping

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
MAPPING = Mapping(
    fields={field.name: (field.label, field.headers) for field in STORED} | CONTACT_COLUMNS,
    keys=KEYS,
    noun=_l("Clients"),
    choose_key=_l("Choose the field by which clients are recognised."),
    recognised_by=_l("Clients are recognised by"),
    more=columns.fields,
)
guess, guess_key, check = MAPPING.guess, MAPPING.guess_key, MAPPING.check
