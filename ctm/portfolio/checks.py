"""What the values of a policy and of an instalment must be."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.lists.fields import Field, FieldType, fold
from ctm.lists.values import InvalidFields, clean_all, clean_text, read_amount, read_date, today
from ctm.models import InstalmentState, PolicyState
from ctm.portfolio.fields import INSTALMENT_STORED, POLICY_STORED

OLDEST, NEWEST = date(1900, 1, 1), date(2199, 12, 31)
LONGEST_NOTES = 20_000
_STATES = {
    "active": PolicyState.ACTIVE,
    "in force": PolicyState.ACTIVE,
    "attiva": PolicyState.ACTIVE,
    "attivo": PolicyState.ACTIVE,
    "in vigore": PolicyState.ACTIVE,
    "vigente": PolicyState.ACTIVE,
    "viva": PolicyState.ACTIVE,
    "suspended": PolicyState.SUSPENDED,
    "sospesa": PolicyState.SUSPENDED,
    "sospeso": PolicyState.SUSPENDED,
    "cancelled": PolicyState.CANCELLED,
    "annullata": PolicyState.CANCELLED,
    "disdetta": PolicyState.CANCELLED,
    "stornata": PolicyState.CANCELLED,
    "expired": PolicyState.EXPIRED,
    "scaduta": PolicyState.EXPIRED,
    "cessata": PolicyState.EXPIRED,
}
_INSTALMENT_STATES = {
    "open": InstalmentState.OPEN,
    "to be paid": InstalmentState.OPEN,
    "aperto": InstalmentState.OPEN,
    "da pagare": InstalmentState.OPEN,
    "da incassare": InstalmentState.OPEN,
    "arretrato": InstalmentState.OPEN,
    "paid": InstalmentState.PAID,
    "pagato": InstalmentState.PAID,
    "incassato": InstalmentState.PAID,
    "saldato": InstalmentState.PAID,
    "cancelled": InstalmentState.CANCELLED,
    "annullato": InstalmentState.CANCELLED,
    "stornato": InstalmentState.CANCELLED,
}


def clean_field(field: Field, value: Any) -> Any:
    """The value of one field as it is kept.

    :raises InvalidInput: it cannot be accepted.
    """
    if field.type is FieldType.DATE:
        return value if isinstance(value, date) else _day(str(value or ""))
    if field.type is FieldType.AMOUNT:
        return value if isinstance(value, Decimal) else read_amount(str(value or ""))
    text = "" if value is None else str(value)
    if field.type is FieldType.CHOICE:
        return _state(field, text)
    if field.name == "notes":
        return clean_text(text, LONGEST_NOTES, multiline=True)
    return clean_text(text, field.max_length)


def _day(text: str) -> date | None:
    day = read_date(text)
    if day is not None and not OLDEST <= day <= NEWEST:
        raise InvalidInput(_l("This date is out of reach; write the year in full."))
    return day


def _state(field: Field, text: str) -> str:
    known = _STATES if PolicyState.SUSPENDED in (field.words or {}) else _INSTALMENT_STATES
    found = known.get(fold(text))
    if found is None:
        words = ", ".join(str(word) for word in (field.words or {}).values())
        raise InvalidInput(
            _l("“%(text)s” is no state; it is one of: %(words)s.", text=text[:40], words=words)
        )
    return found.value


def clean_policy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every given value of a policy as it is kept; fields that are not given stay out.

    :raises InvalidFields: with what is wrong, field by field.
    """
    return clean_all(POLICY_STORED, values, clean_field)


def clean_instalment(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every given value of an instalment as it is kept; fields that are not given stay out.

    :raises InvalidFields: with what is wrong, field by field.
    """
    return clean_all(INSTALMENT_STORED, values, clean_field)


def check_policy(policy: Any) -> None:
    """
    :raises InvalidFields: the policy as a whole cannot be.
    """
    errors: dict[str, object] = {}
    if not policy.number:
        errors["number"] = _l("Write the policy's number.")
    if policy.start_date and policy.end_date and policy.end_date < policy.start_date:
        errors["end_date"] = _l("The policy ends before it starts.")
    if policy.premium is not None and policy.premium < 0:
        errors["premium"] = _l("A premium is not negative.")
    if errors:
        raise InvalidFields(errors)


def check_instalment(instalment: Any) -> None:
    """
    :raises InvalidFields: the instalment as a whole cannot be.
    """
    errors: dict[str, object] = {}
    if instalment.due_date is None:
        errors["due_date"] = _l("Write the day it falls due.")
    if instalment.amount is None:
        errors["amount"] = _l("Write the amount, like %(example)s.", example="150,00")
    if instalment.paid_date is not None and instalment.state != InstalmentState.PAID:
        errors["paid_date"] = _l("Only a paid instalment has a day of payment.")
    elif instalment.paid_date is not None and instalment.paid_date > today():
        errors["paid_date"] = _l("This day of payment is in the future.")
    if errors:
        raise InvalidFields(errors)
