"""Excel sheets made from columns: a header, a row per row, totals."""

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ctm.documents import cells
from ctm.documents.errors import DocumentError
from ctm.documents.fields import Language, Values, rows_of, used
from ctm.documents.options import ExcelOptions
from ctm.i18n import _
from ctm.mailing.merge import MergeError

MOST_ROWS = 100_000


class Compiled:
    """An Excel template of columns, ready to be filled in."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self.options = ExcelOptions.of(snapshot["options"])
        self.columns = []
        language = Language(snapshot)
        for number, column in enumerate(self.options.columns, start=1):
            try:
                template = language.compile_for_rows(column.content)
            except MergeError as problem:
                raise DocumentError(
                    _(
                        "Column %(number)s: %(message)s",
                        number=number,
                        message=problem.message,
                    ),
                    "columns",
                ) from None
            self.columns.append(
                (column, template, cells.number_format(language, template, column.format))
            )
        self.fields = used(template for _column, template, _format in self.columns)
        lists = [language.list_of(template) for _column, template, _format in self.columns]
        self._list = next(filter(None, lists), "")

    def make(self, values: Values, rows: Sequence[Values] = ()) -> bytes:
        """The workbook with a line per row; without rows, one line of the recipient's values."""
        merged = rows_of(values, self._list, rows) or [values]
        if len(merged) > MOST_ROWS:
            raise DocumentError(
                _("%(count)s rows are too many for one Excel file.", count=len(merged))
            )
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        sheet.title = self.options.sheet
        self._head(sheet)
        totals: list[Decimal | None] = [None] * len(self.columns)
        for number, row in enumerate(merged, start=2):
            for index, (column, template, shown_as) in enumerate(self.columns):
                found = cells.content(template, row)
                if column.format == "text" and not isinstance(found, str):
                    found = template.render(row)
                cells.put(sheet.cell(number, index + 1), found, shown_as)
                if column.total and isinstance(found, int | float | Decimal):
                    totals[index] = (totals[index] or Decimal(0)) + Decimal(str(found))
        last = len(merged) + 1
        if any(column.total for column, _template, _format in self.columns):
            self._foot(sheet, last + 1, totals)
        self._look(sheet, last)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def _head(self, sheet: Worksheet) -> None:
        options = self.options
        font = Font(bold=options.bold, color="FF" + options.header_text[1:])
        fill = PatternFill("solid", fgColor="FF" + options.header_colour[1:])
        for index, (column, _template, _format) in enumerate(self.columns, start=1):
            cell = sheet.cell(1, index)
            cells.put_text(cell, column.title or column.content.strip("[]"))
            cell.font, cell.fill = font, fill
            cell.alignment = Alignment(vertical="center", wrap_text=True)
            sheet.column_dimensions[get_column_letter(index)].width = column.width

    def _foot(self, sheet: Worksheet, row: int, totals: Sequence[Decimal | None]) -> None:
        """The totals, as numbers: every program shows them, also one that computes nothing."""
        font, border = Font(bold=True), Border(top=Side(style="thin"))
        for index, (column, _template, shown_as) in enumerate(self.columns, start=1):
            cell = sheet.cell(row, index)
            if column.total:
                cells.put(cell, totals[index - 1] or Decimal(0), shown_as)
            elif index == 1:
                cells.put_text(cell, _("Total"))
            cell.font, cell.border = font, border

    def _look(self, sheet: Worksheet, last: int) -> None:
        if self.options.freeze:
            sheet.freeze_panes = "A2"
        if self.options.autofilter:
            sheet.auto_filter.ref = f"A1:{get_column_letter(len(self.columns))}{last}"
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_title_rows = "1:1"
