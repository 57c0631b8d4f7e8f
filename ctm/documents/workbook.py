"""Excel documents: an uploaded .xlsx with merge fields in its cells, filled in.

A cell that is nothing but a field gets the value itself, so that a date stays a date; a row with
fields of the rows is repeated for each of them. Formulas stay as they are, and follow.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from ctm.documents import cells, package
from ctm.documents.errors import DocumentError
from ctm.documents.fields import Language, Values, has_fields, rows_of, used
from ctm.documents.repeating import repeat
from ctm.i18n import _
from ctm.mailing.merge import MergeError, Template

MOST_CELLS = 200_000
MOST_ROWS = 20_000
_LOST = re.compile(
    r"xl/(?:charts|chartsheets|pivottables|pivotcache|slicers|timelines|diagrams)/", re.I
)
_FETCHES = re.compile(
    r"\b(?:WEBSERVICE|RTD|CALL|REGISTER\.ID|EXEC|DDE)\s*\(|\|\s*'?[^'|]*'?!", re.I
)


class Compiled:
    """An uploaded workbook, ready to be filled in."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._data = snapshot["data"][snapshot["file"]["sha256"]]
        parts = package.check(self._data, "xlsx").parts
        lost = next((name for name in parts if _LOST.match(name)), None)
        if lost:
            raise DocumentError(
                _(
                    "The workbook holds charts or pivot tables (%(part)s), which would be lost: "
                    "take them out.",
                    part=lost[:80],
                ),
                "file",
            )
        self._language = Language(snapshot)
        self._once: dict[str, list[tuple[str, Template]]] = {}
        self._rows: dict[str, dict[int, tuple[str, list[tuple[int, Template]]]]] = {}
        for sheet in self._open().worksheets:
            self._read(sheet)
        self.fields = used(
            [
                *(template for some in self._once.values() for _place, template in some),
                *(
                    template
                    for some in self._rows.values()
                    for _list, found in some.values()
                    for _column, template in found
                ),
            ]
        )

    def _open(self) -> Workbook:
        try:
            return load_workbook(io.BytesIO(self._data), keep_links=False)
        except Exception as problem:  # openpyxl raises of every kind on odd files
            raise DocumentError(
                _(
                    "The Excel file cannot be read (%(reason)s): open it in Excel and save it "
                    "again.",
                    reason=str(problem).split("\n")[0][:100] or type(problem).__name__,
                ),
                "file",
            ) from None

    def _read(self, sheet: Worksheet) -> None:
        """Note where fields stand."""
        if sheet.max_row * sheet.max_column > MOST_CELLS:
            raise DocumentError(
                _("The sheet “%(name)s” is too large for a template.", name=sheet.title), "file"
            )
        once = self._once.setdefault(sheet.title, [])
        repeated = self._rows.setdefault(sheet.title, {})
        for row in sheet.iter_rows():
            found = [(cell, self._compile(sheet, cell)) for cell in row if self._holds(sheet, cell)]
            in_row = [(cell, template) for cell, template in found if has_fields(template)]
            lists = [self._language.list_of(template) for _cell, template in in_row]
            list_name = next(filter(None, lists), "")
            if list_name:
                columns = [(int(cell.column), template) for cell, template in in_row]
                repeated[int(in_row[0][0].row)] = (list_name, columns)
            else:
                once.extend((cell.coordinate, template) for cell, template in in_row)

    def _holds(self, sheet: Worksheet, cell: Any) -> bool:
        """Whether a cell's text may hold fields."""
        if not isinstance(cell, Cell) or not isinstance(cell.value, str):
            return False
        if cell.data_type == "f":
            if _FETCHES.search(cell.value):
                raise self._refused(sheet, cell, _("a formula that fetches or runs something"))
            return False
        return "[" in cell.value or "{{" in cell.value

    def _compile(self, sheet: Worksheet, cell: Cell) -> Template:
        try:
            return self._language.compile_for_rows(str(cell.value))
        except MergeError as problem:
            raise self._refused(sheet, cell, problem.message) from None

    def _refused(self, sheet: Worksheet, cell: Cell, message: str) -> DocumentError:
        return DocumentError(
            _(
                "Sheet “%(sheet)s”, cell %(cell)s: %(message)s",
                sheet=sheet.title,
                cell=cell.coordinate,
                message=message,
            ),
            "file",
        )

    def make(self, values: Values, rows: Sequence[Values] = ()) -> bytes:
        """The workbook for one recipient; raises ``DocumentError``."""
        book = self._open()
        for sheet in book.worksheets:
            for place, template in self._once.get(sheet.title, ()):
                self._fill(sheet[place], template, values)
            repeated = self._rows.get(sheet.title, {})
            for at in sorted(repeated, reverse=True):
                list_name, columns = repeated[at]
                self._fill_rows(sheet, at, columns, rows_of(values, list_name, rows))
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def _fill_rows(
        self,
        sheet: Worksheet,
        at: int,
        columns: Sequence[tuple[int, Template]],
        rows: Sequence[Values],
    ) -> None:
        """Fill in a repeated row; without rows it stays, empty."""
        if len(rows) > MOST_ROWS:
            raise DocumentError(
                _("%(count)s rows are too many for one Excel file.", count=len(rows))
            )
        repeat(sheet, at, len(rows))
        for number, row in enumerate(rows):
            for column, template in columns:
                self._fill(sheet.cell(at + number, column), template, row)
        if not rows:
            for column, _template in columns:
                sheet.cell(at, column).value = None

    def _fill(self, cell: Any, template: Template, values: Values) -> None:
        shown_as = cell.number_format
        if shown_as in ("General", "@"):
            shown_as = cells.number_format(self._language, template)
        cells.put(cell, cells.content(template, values), shown_as)
