"""Values in cells: a number is a number, a date a date, and any text is text.

What a recipient's data hold can never become a formula: text is written as a string, whatever
it starts with, and marked so that a spreadsheet keeps it one when the cell is edited.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from openpyxl.cell.cell import Cell
from openpyxl.utils.exceptions import IllegalCharacterError

from ctm.documents.fields import Language, Values, only_field
from ctm.i18n import _
from ctm.mailing.merge import Template

LONGEST_TEXT = 32_767
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_EARLIEST = 1900
NUMBER_FORMATS = {
    "date": "dd/mm/yyyy",
    "number": "#,##0",
    "amount": "#,##0.00",
    "euro": '#,##0.00 "€"',
    "text": "@",
}
_TYPE_FORMATS = {"date": "date", "amount": "amount", "number": "number"}

Content = str | int | float | Decimal | date | datetime | None


def content(template: Template, values: Values) -> Content:
    """What a cell shows: the value itself of a lone field, else the text filled in."""
    piece = only_field(template)
    if piece is None:
        return template.render(values)
    value = values.get(piece.key)
    if value is None or value == "":
        return template.render(values)
    if isinstance(value, bool):
        return template.render(values)
    if isinstance(value, datetime | date):
        return value if value.year > _EARLIEST else template.render(values)
    if isinstance(value, int | float | Decimal):
        return value
    return template.render(values)


def number_format(language: Language, template: Template, wanted: str = "auto") -> str:
    """A column's number format: as chosen, or as its field's type asks."""
    if wanted == "auto":
        piece = only_field(template)
        declared = language.field(piece.key) if piece else None
        wanted = _TYPE_FORMATS.get(declared.type if declared else "", "")
    return NUMBER_FORMATS.get(wanted, "General")


def put(cell: Cell, value: Content, shown_as: str | None = None) -> None:
    """Write a value into a cell, as what it is."""
    if isinstance(value, str):
        put_text(cell, value)
    else:
        cell.value = value
        if isinstance(value, datetime | date) and shown_as in (None, "General", "@"):
            shown_as = NUMBER_FORMATS["date"]
    if shown_as is not None:
        cell.number_format = shown_as


def put_text(cell: Cell, text: str) -> None:
    """Write text as text."""
    text = _ILLEGAL.sub("", text)[:LONGEST_TEXT]
    try:
        cell.value = text or None
    except IllegalCharacterError:
        cell.value = _("(not readable)")
        return
    if text:
        cell.data_type = "s"
    if text.startswith(_STARTS_FORMULA):
        cell.quotePrefix = True
