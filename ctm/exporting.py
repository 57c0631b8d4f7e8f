"""Tables to CSV and XLSX, row by row, with nothing in them that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO

from flask_babel import to_user_timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils.exceptions import IllegalCharacterError

from ctm.i18n import _

FORMATS = ("csv", "xlsx")
CONTENT_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = str | int | float | Decimal | bool | date | datetime | None


def neutralise(text: str) -> str:
    """Text that a spreadsheet takes for text: what could start a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def write(
    kind: str, out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]], locale: str
) -> int:
    """Write a table as ``csv`` or ``xlsx``; returns the number of rows."""
    return (write_xlsx if kind == "xlsx" else write_csv)(out, columns, rows, locale)


def write_csv(
    out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]], locale: str = "it"
) -> int:
    """CSV in UTF-8 with BOM; in Italian with ``;``, dd/mm/yyyy and decimal commas."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";" if locale.startswith("it") else ",")
    writer.writerow([neutralise(str(column)) for column in columns])
    written = 0
    for row in rows:
        writer.writerow([_csv_cell(value, locale) for value in row])
        written += 1
    text.flush()
    text.detach()
    return written


def _csv_cell(value: Cell, locale: str) -> str:
    italian = locale.startswith("it")
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, datetime):
        shown: datetime = to_user_timezone(value)
        return shown.strftime("%d/%m/%Y %H:%M:%S" if italian else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y" if italian else "%Y-%m-%d")
    if isinstance(value, float | Decimal):
        return str(value).replace(".", ",") if italian else str(value)
    if isinstance(value, int):
        return str(value)
    return neutralise(str(value))


def write_xlsx(
    out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]], locale: str = "it"
) -> int:
    """A workbook with bold headers that stay in view; further sheets beyond a sheet's rows."""
    book = Workbook(write_only=True)
    written = 0
    sheet = None
    for row in rows:
        if sheet is None or written % (SHEET_ROWS - 1) == 0:
            sheet = _new_sheet(book, columns)
        sheet.append([_xlsx_cell(sheet, value) for value in row])
        written += 1
    if sheet is None:
        _new_sheet(book, columns)
    book.save(out)
    return written


def _new_sheet(book: Workbook, columns: Sequence[str]) -> "Workbook":
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    headers = [_xlsx_cell(sheet, str(column)) for column in columns]
    for cell in headers:
        cell.font = Font(bold=True)
    sheet.append(headers)
    return sheet


def _xlsx_cell(sheet: "Workbook", value: Cell) -> "WriteOnlyCell":
    if isinstance(value, bool):
        value = _("yes") if value else _("no")
    if isinstance(value, datetime):
        value = to_user_timezone(value).replace(tzinfo=None)
    if not isinstance(value, str):
        return WriteOnlyCell(sheet, value)
    text = neutralise(value)[:CELL_CHARACTERS]
    try:
        cell = WriteOnlyCell(sheet, text)
    except IllegalCharacterError:
        cell = WriteOnlyCell(sheet, "".join(c for c in text if c.isprintable() or c == "\n"))
    cell.data_type = "s"
    return cell
