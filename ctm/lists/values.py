"""How the values people write are read: texts, dates, amounts, yes and no.

Each function returns the value as it is kept, or raises :class:`~ctm.errors.InvalidInput` with a
sentence that says what is wrong.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import format_decimal, get_locale, to_user_timezone

from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.lists.fields import Field, fold

YES = {"1", "true", "yes", "y", "si", "s", "x", "on", "vero", "attivo", "active"}
NO = {"0", "false", "no", "n", "off", "falso", "non attivo", "inattivo", "inactive", "not active"}
DATE_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y")
_SHEET_ERRORS = {"#N/A", "#N/D", "#REF!", "#RIF!", "#VALUE!", "#VALORE!", "#DIV/0!", "#NAME?"}


class InvalidFields(InvalidInput):
    """Several values are wrong; ``errors`` maps the field's name to what is wrong with it."""

    def __init__(self, errors: Mapping[str, object]) -> None:
        field, message = next(iter(errors.items()))
        super().__init__(message, field)
        self.errors = dict(errors)


def clean_all(
    fields: Iterable[Field], values: Mapping[str, Any], clean: Callable[[Field, Any], Any]
) -> dict[str, Any]:
    """Every given value as it is kept; fields that are not given stay out.

    :raises InvalidFields: with what is wrong, field by field.
    """
    cleaned: dict[str, Any] = {}
    errors: dict[str, object] = {}
    for field in fields:
        if field.name not in values:
            continue
        try:
            cleaned[field.name] = clean(field, values[field.name])
        except InvalidInput as error:
            errors[field.name] = error.message
    if errors:
        raise InvalidFields(errors)
    return cleaned


def clean_text(text: str, max_length: int | None, multiline: bool = False) -> str:
    """Text without control characters and outer spaces, in Unicode's composed form."""
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in kept):
        raise InvalidInput(_l("This text holds characters that cannot be written; type it again."))
    kept = kept.strip() if multiline else " ".join(kept.split())
    if kept.upper() in _SHEET_ERRORS:
        raise InvalidInput(
            _l("The spreadsheet shows the error %(error)s here; mend the formula.", error=kept)
        )
    if max_length is not None and len(kept) > max_length:
        raise InvalidInput(
            _l(
                "This is %(length)s characters long; at most %(max)s fit.",
                length=len(kept),
                max=max_length,
            )
        )
    return kept


def read_date(text: str) -> date | None:
    """A date written as 31/12/1980, 31-12-1980, 31.12.1980 or 1980-12-31. Empty is none."""
    text = text.strip()
    if not text:
        return None
    day_part = re.sub(r"[ T]00:00(:00)?$", "", text)
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(day_part, form).date()
        except ValueError:
            continue
    raise InvalidInput(
        _l("“%(text)s” is not a date; write it like 31/12/1980.", text=text[:40]),
    )


def flag(text: str) -> bool:
    word = fold(text)
    if word in YES or word in NO:
        return word in YES
    raise InvalidInput(_l("“%(text)s” is neither yes nor no.", text=text[:40]))


LARGEST = Decimal("999999999.99")
_PLAIN = re.compile(r"(-?)(\d+)(?:[.,](\d{1,2}))?")
_GROUPED = re.compile(r"(-?)(\d{1,3}(?:([.,' \u00a0\u202f])\d{3})(?:\3\d{3})*)(?:[.,](\d{1,2}))?")


def read_amount(text: str) -> Decimal | None:
    """Money as the locale writes it, ``1.500,00`` or ``1,500.00``. Empty is none.

    Only a single point or comma before three digits needs the locale: elsewhere it is plain
    which one separates the cents.

    :raises InvalidInput: it is no amount, or has more than two decimals.
    """
    written = re.sub(r"€|eur(o)?$|^eur(o)?", "", text.strip(), flags=re.IGNORECASE).strip()
    if not written:
        return None
    found = _PLAIN.fullmatch(written)
    if found:
        sign, whole, cents = found.groups()
    else:
        found = _GROUPED.fullmatch(written)
        if not found or not _separators_agree(found):
            raise InvalidInput(_not_an_amount(text))
        sign, whole, cents = found.group(1), re.sub(r"\D", "", found.group(2)), found.group(4)
    amount = Decimal(f"{sign}{whole}.{(cents or '0'):0<2}")
    if abs(amount) > LARGEST:
        raise InvalidInput(_l("This amount is too large; look for a digit too many."))
    return amount


def _separators_agree(found: re.Match[str]) -> bool:
    """Whether the mark between thousands is not also that of the cents, nor the locale's one."""
    mark, cents = found.group(3), found.group(4)
    if cents is not None:
        return found.group(0)[-len(cents) - 1] != mark
    single = found.group(2).count(mark) == 1
    return not (single and mark in ".," and mark == _decimal_mark())


def _not_an_amount(text: str) -> object:
    return _l(
        "“%(text)s” is not an amount; write it like %(example)s.",
        text=text[:40],
        example=format_decimal(Decimal("1500.00"), "#,##0.00"),
    )


def _decimal_mark() -> str:
    locale = get_locale()
    return "," if locale is None or locale.language == "it" else "."


def write_amount(amount: Decimal | None) -> str:
    """An amount as the reader's locale writes it."""
    return "" if amount is None else format_decimal(amount, "#,##0.00")


def today() -> date:
    """The day it is in the office."""
    day: date = to_user_timezone(utcnow()).date()
    return day
