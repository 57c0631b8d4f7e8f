"""The forms of a policy and of an instalment."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, StringField, TextAreaField

from ctm.i18n import _l
from ctm.lists.fields import Field, FieldType
from ctm.lists.values import InvalidFields, write_amount
from ctm.portfolio.fields import INSTALMENT_STORED, POLICY_STORED


class RecordForm(FlaskForm):  # type: ignore[misc]
    """A form made of a list's fields; the page protects it against forged posts."""

    class Meta:
        csrf = False


def _control(field: Field) -> Any:
    if field.type is FieldType.CHOICE:
        choices = [SelectChoice(value, word) for value, word in (field.words or {}).items()]
        return SelectField(field.label, choices=choices, default=choices[0].value)
    if field.name == "notes":
        return TextAreaField(field.label)
    return StringField(field.label)


def _controls(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: _control(field) for field in fields}


PolicyForm = type(
    "PolicyForm",
    (RecordForm,),
    {"client_id": StringField(_l("Client"))} | _controls(POLICY_STORED),
)
InstalmentForm = type(
    "InstalmentForm",
    (RecordForm,),
    {"policy_id": StringField(_l("Policy"))} | _controls(INSTALMENT_STORED),
)


def fill(form: Any, record: Any, fields: tuple[Field, ...]) -> None:
    """Show a record's values as the form's controls take them."""
    for field in fields:
        form[field.name].data = _typed(getattr(record, field.name))


def _typed(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return write_amount(value) if isinstance(value, Decimal) else str(value or "")


def values(form: Any, fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: form[field.name].data for field in fields}


def mark(form: Any, error: InvalidFields) -> None:
    """Put what is refused beside its fields."""
    for name, message in error.errors.items():
        form[name].errors = [str(message)]


def as_id(text: str | None) -> int | None:
    """The id that a type-ahead field holds, if any."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
