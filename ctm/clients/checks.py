"""What the values of a client and of a contact must be.

Values come as text from forms and files. Each check returns the value as it is kept, or
raises :class:`~ctm.errors.InvalidInput` with a sentence that says what is wrong.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from stdnum import exceptions as stdnum_errors
from stdnum.eu import vat as eu_vat
from stdnum.it import codicefiscale, iva

from ctm.clients.fields import STORED
from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.i18n import _, _l
from ctm.lists.fields import Field, FieldType, fold
from ctm.lists.values import InvalidFields, clean_all, clean_text, flag, read_date
from ctm.mailing.compose import check_address
from ctm.models import ClientKind

__all__ = [
    "CONTACT_FIELDS",
    "InvalidFields",
    "clean_client",
    "clean_contact",
    "clean_email",
    "clean_field",
    "clean_text",
    "flag",
    "read_date",
]

KINDS = {
    "person": ClientKind.PERSON,
    "persona": ClientKind.PERSON,
    "persona fisica": ClientKind.PERSON,
    "privato": ClientKind.PERSON,
    "company": ClientKind.COMPANY,
    "azienda": ClientKind.COMPANY,
    "societa": ClientKind.COMPANY,
    "ditta": ClientKind.COMPANY,
    "persona giuridica": ClientKind.COMPANY,
    "prospect": ClientKind.PROSPECT,
    "potenziale": ClientKind.PROSPECT,
    "supplier": ClientKind.SUPPLIER,
    "fornitore": ClientKind.SUPPLIER,
}
_FEMALE, _MALE = ("f", "femmina", "female", "donna"), ("m", "maschio", "male", "uomo")
SEXES = dict.fromkeys(_FEMALE, "F") | dict.fromkeys(_MALE, "M")
OLDEST = date(1850, 1, 1)
_PHONE = re.compile(r"[\d\s()+./\-]*(?:(?:int|ext|x)\.?\s*\d+)?", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:(?!\d)", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)


def clean_email(text: str, field: str | None = None) -> str:
    """An e-mail address in lower case, its domain readable (not xn--). Empty stays empty.

    :raises InvalidInput: it is not an address; the error names ``field``.
    """
    if not text.strip():
        return ""
    try:
        return check_address(text).lower()
    except InvalidInput as error:
        raise InvalidInput(error.message, field) from None


def tax_code(text: str) -> str:
    """An Italian fiscal code: 16 characters of a person or 11 digits of a company."""
    code = re.sub(r"[\s.\-]", "", text).upper()
    if not code:
        return ""
    if len(code) == 11 and code.isdigit():
        return vat_number(code)
    try:
        return str(codicefiscale.validate(code))
    except stdnum_errors.InvalidLength:
        problem = _l(
            "A tax code has 16 characters (11 digits for a company); this has %(length)s.",
            length=len(code),
        )
    except stdnum_errors.InvalidChecksum:
        problem = _l("The last character of the tax code does not match the others; check it.")
    except stdnum_errors.ValidationError:
        problem = _l("This is not a tax code, like RSSMRA80A01F205X.")
    raise InvalidInput(problem)


def vat_number(text: str) -> str:
    """An Italian VAT number (11 digits) or another EU country's, with its prefix."""
    code = re.sub(r"[\s.\-/]", "", text).upper()
    if not code:
        return ""
    if code.startswith("IT"):
        code = code[2:]
    try:
        return str(eu_vat.validate(code) if code[:2].isalpha() else iva.validate(code))
    except stdnum_errors.InvalidLength:
        problem = _l("An Italian VAT number has 11 digits; this has %(length)s.", length=len(code))
    except stdnum_errors.InvalidChecksum:
        problem = _l("The last digit of the VAT number does not match the others; check it.")
    except stdnum_errors.ValidationError:
        problem = _l(
            "This is not a VAT number: 11 digits, or the country's letters and its number."
        )
    raise InvalidInput(problem)


def birth_date(text: str) -> date | None:
    day = read_date(text)
    if day is not None and day > utcnow().date():
        raise InvalidInput(_l("This birth date is in the future."))
    if day is not None and day < OLDEST:
        raise InvalidInput(_l("This birth date is too long ago; write the year in full."))
    return day


def phone(text: str) -> str:
    number = clean_text(text, 40)
    if _SCIENTIFIC.fullmatch(number):
        raise InvalidInput(
            _l("The spreadsheet has rounded this number; give its column the format “text”.")
        )
    if not _PHONE.fullmatch(number):
        raise InvalidInput(_l("A phone number holds digits, spaces and + ( ) . / - only."))
    return number


def kind(text: str) -> str:
    found = KINDS.get(fold(text))
    if found is None:
        raise InvalidInput(
            _l(
                "“%(text)s” is not a kind of client: person, company, prospect or supplier.",
                text=text[:40],
            )
        )
    return str(found)


def sex(text: str) -> str:
    if not text.strip():
        return ""
    found = SEXES.get(fold(text))
    if found is None:
        raise InvalidInput(_l("“%(text)s” is not F or M.", text=text[:40]))
    return found


def website(text: str) -> str:
    address = clean_text(text, 200)
    if _SCHEME.match(address) and not address.lower().startswith(("http://", "https://")):
        raise InvalidInput(_l("A web address starts with https:// or http://."))
    return address


_SPECIAL: dict[str, Callable[[str], Any]] = {
    "tax_code": tax_code,
    "vat_number": vat_number,
    "birth_date": birth_date,
    "kind": kind,
    "sex": sex,
    "active": flag,
    "website": website,
    "code": lambda text: clean_text(text, 40) or None,
    "notes": lambda text: clean_text(text, 20_000, multiline=True),
} | dict.fromkeys(("phone", "phone2", "mobile", "fax"), phone)


def clean_field(field: Field, value: Any) -> Any:
    """The value of one field as it is kept.

    :raises InvalidInput: it cannot be accepted.
    """
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, date):
        text = value.strftime("%Y-%m-%d") if value.year > 999 else str(value)
    else:
        text = "" if value is None else str(value)
    if field.name in _SPECIAL:
        return _SPECIAL[field.name](text)
    if field.type is FieldType.EMAIL:
        return clean_email(text)
    return clean_text(text, field.max_length)


def clean_client(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every given value as it is kept; fields that are not given stay out.

    :raises InvalidFields: with what is wrong, field by field.
    """
    return clean_all(STORED, values, clean_field)


CONTACT_FIELDS: dict[str, object] = {
    "first_name": _l("First name"),
    "last_name": _l("Last name"),
    "position": _l("Position"),
    "email": _l("E-mail"),
    "phone": _l("Phone"),
    "mobile": _l("Mobile"),
    "notes": _l("Notes"),
}


def clean_contact(values: Mapping[str, Any]) -> dict[str, Any]:
    """A contact's values as they are kept; it needs a name or an address.

    :raises InvalidFields: with what is wrong, field by field.
    """
    cleaned: dict[str, Any] = {}
    errors: dict[str, object] = {}
    for name in CONTACT_FIELDS:
        text = str(values.get(name) or "")
        try:
            if name == "email":
                cleaned[name] = clean_email(text)
            elif name in {"phone", "mobile"}:
                cleaned[name] = phone(text)
            else:
                limit = 20_000 if name == "notes" else 120
                cleaned[name] = clean_text(text, limit, multiline=name == "notes")
        except InvalidInput as error:
            errors[name] = error.message
    if not errors and not any(cleaned[n] for n in ("first_name", "last_name", "email")):
        errors["last_name"] = _("Write a name or an e-mail address.")
    if errors:
        raise InvalidFields(errors)
    return cleaned
