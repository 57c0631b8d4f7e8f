"""Repeating a row of a sheet: what stands below moves down, and what refers to it follows.

openpyxl's own ``insert_rows`` moves cells alone. Here formulas of all sheets, merged cells, row
heights, conditional formats, validations, tables, filters and print areas follow too.
"""

import re
from copy import copy

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token
from openpyxl.formula.translate import Translator
from openpyxl.workbook import Workbook
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.worksheet import Worksheet

_RANGE = re.compile(
    r"(?P<sheet>(?:'[^']+'|[\w.]+)!)?"
    r"(?P<a>\$?[A-Z]{1,3}\$?)(?P<top>[0-9]+)(?::(?P<b>\$?[A-Z]{1,3}\$?)(?P<bottom>[0-9]+))?"
)


def repeat(sheet: Worksheet, row: int, count: int) -> None:
    """Make ``count`` rows like ``row``, one below the other. ``count`` is at least 1."""
    added = count - 1
    if added < 1:
        return
    merged = [copy(each) for each in sheet.merged_cells.ranges]
    for each in merged:
        sheet.unmerge_cells(str(each))
    heights = {at: each.height for at, each in sheet.row_dimensions.items() if each.height}
    sheet.insert_rows(row + 1, added)
    for at in heights:
        sheet.row_dimensions[at].height = None
    for at, height in heights.items():
        sheet.row_dimensions[at + added if at > row else at].height = height
    _move_formulas(sheet, row, added)
    for each in merged:
        sheet.merge_cells(moved(str(each), row, added, grows=False))
    _copy_row(sheet, row, added, heights.get(row), merged)
    _move_ranges(sheet, row, added)


def moved(reference: str, row: int, added: int, *, grows: bool) -> str:
    """A reference (``B2`` or ``Sheet!B2:C9``) after the rows came in. With ``grows`` a range that
    ends with the repeated row takes the new ones in, as sums do."""
    match = _RANGE.fullmatch(reference)
    if match is None:
        return reference
    top = int(match["top"])
    first = top + added if top > row else top
    written = f"{match['sheet'] or ''}{match['a']}{first}"
    if match["bottom"] is None:
        return written
    bottom = int(match["bottom"])
    last = bottom + added if bottom > row or (grows and bottom == row) else bottom
    return f"{written}:{match['b']}{last}"


def moved_formula(formula: str, own: str, sheet: str, row: int, added: int) -> str:
    """A formula of the sheet ``own`` after rows came into ``sheet``."""
    tokens = Tokenizer(formula)
    for token in tokens.items:
        if token.type == Token.OPERAND and token.subtype == Token.RANGE:
            name, mark, _rest = token.value.rpartition("!")
            of = name.strip("'").replace("''", "'") if mark else own
            if of == sheet:
                token.value = moved(token.value, row, added, grows=True)
    return str(tokens.render())


def _move_formulas(sheet: Worksheet, row: int, added: int) -> None:
    book = sheet.parent
    assert isinstance(book, Workbook)
    for each in book.worksheets:
        for cells in each.iter_rows():
            for cell in cells:
                if cell.data_type == "f" and isinstance(cell.value, str):
                    cell.value = moved_formula(cell.value, each.title, sheet.title, row, added)


def _copy_row(
    sheet: Worksheet, row: int, added: int, height: float | None, merged: list[CellRange]
) -> None:
    """The row's cells, look and merged cells in the new rows."""
    across = [each for each in merged if each.min_row == each.max_row == row]
    for at in range(row + 1, row + added + 1):
        for cell in sheet[row]:
            new = sheet.cell(at, cell.column)
            if cell.has_style:
                new._style = copy(cell._style)
            if cell.data_type == "f" and isinstance(cell.value, str):
                here = f"{new.column_letter}{at}"
                new.value = Translator(cell.value, cell.coordinate).translate_formula(here)
            elif type(new).__name__ != "MergedCell":
                new.value = cell.value
                new.data_type = cell.data_type
        if height:
            sheet.row_dimensions[at].height = height
        for each in across:
            sheet.merge_cells(
                start_row=at, end_row=at, start_column=each.min_col, end_column=each.max_col
            )


def _move_ranges(sheet: Worksheet, row: int, added: int) -> None:
    """Filters, tables, validations and conditional formats."""
    if sheet.auto_filter.ref:
        sheet.auto_filter.ref = moved(sheet.auto_filter.ref, row, added, grows=True)
    for table in sheet.tables.values():
        table.ref = moved(table.ref, row, added, grows=True)
        if table.autoFilter is not None and table.autoFilter.ref:
            table.autoFilter.ref = moved(table.autoFilter.ref, row, added, grows=True)
    for rule in sheet.data_validations.dataValidation:
        rule.sqref = type(rule.sqref)(_each(str(rule.sqref), row, added))
    formats = sheet.conditional_formatting
    kept = [(str(each.sqref), each.rules) for each in formats]
    sheet.conditional_formatting = type(formats)()
    for reference, rules in kept:
        for each in rules:
            sheet.conditional_formatting.add(_each(reference, row, added), each)


def _each(references: str, row: int, added: int) -> str:
    """Several ranges with spaces between; a cell of the repeated row becomes a range."""
    written = []
    for reference in references.split():
        one = reference if ":" in reference else f"{reference}:{reference}"
        written.append(moved(one, row, added, grows=True))
    return " ".join(written)
