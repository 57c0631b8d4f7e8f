"""Excel documents: values stay what they are, and no value becomes a formula."""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from ctm.documents import DocumentError, make
from ctm.documents.making import compile_snapshot, keys
from tests.documents.making import VALUES, altered, read_sheet, snapshot, workbook

COLUMNS = [
    {"title": "Numero", "content": "[titoli.numero]"},
    {"title": "Importo", "content": "[titoli.importo]", "total": True, "width": "14"},
    {"title": "Scadenza", "content": "[titoli.scadenza]"},
    {"title": "=Saluto", "content": "Sig.ra [clienti.nome]", "format": "text"},
]


def _columns(*columns: dict[str, Any], **options: Any) -> dict[str, Any]:
    chosen = {"columns": list(columns or COLUMNS), "made_of": "columns"} | options
    return snapshot("excel", options=chosen)


def _made(template: dict[str, Any], values: dict[str, object] | None = None) -> Worksheet:
    return read_sheet(make(template, values or VALUES)[2])


def test_columns_become_a_sheet_with_typed_cells_and_totals(app: Flask) -> None:
    sheet = _made(_columns(sheet="Avvisi/2026"))
    assert sheet.title == "Avvisi 2026"
    assert [cell.value for cell in sheet[1]] == ["Numero", "Importo", "Scadenza", "=Saluto"]
    assert [cell.value for cell in sheet[3]] == [
        "T-2",
        1234.5,
        datetime(2026, 8, 15),
        "Sig.ra Giulia & figli <b>",
    ]
    assert sheet["B4"].value == 1245
    assert sheet["B3"].number_format == "#,##0.00"
    assert sheet["C3"].number_format == "dd/mm/yyyy"
    assert sheet["A1"].font.bold
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:D3"
    assert sheet.column_dimensions["B"].width == 14


def test_text_that_looks_like_a_formula_stays_text(app: Flask) -> None:
    dangerous = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://evil")']
    rows: list[dict[str, object]] = [{"titoli.numero": text} for text in dangerous]
    sheet = _made(_columns({"title": "=1+1", "content": "[titoli.numero]"}), {"titoli": rows})
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type == "s"
            assert cell.quotePrefix


def test_rows_given_beside_the_values_are_listed(app: Flask) -> None:
    template = snapshot(
        "excel", module="clienti", options={"columns": [{"content": "[clienti.nome]"}]}
    )
    rows: list[dict[str, object]] = [{"clienti.nome": name} for name in ("Anna", "Bruno")]
    sheet = read_sheet(make(template, rows[0], rows)[2])
    assert [cell.value for cell in sheet["A"]] == ["clienti.nome", "Anna", "Bruno"]


def test_characters_excel_cannot_hold_are_left_out(app: Flask) -> None:
    sheet = _made(
        _columns({"content": "[clienti.nome]"}),
        {"clienti.nome": "a\x00b\x0bc\ud800d" + "x" * 40000},
    )
    assert str(sheet["A2"].value).startswith("abcd")
    assert len(str(sheet["A2"].value)) == 32_767


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"title": "x", "content": ""}, "1"),
        ({"content": "[clienti.nomme]"}, r"clienti\.nomme"),
        ({"content": "[clienti.nome]", "width": "wide"}, "1"),
        ({"content": "[clienti.nome]", "format": "roman"}, "1"),
    ],
)
def test_a_wrong_column_is_refused_with_its_number(
    app: Flask, column: dict[str, Any], words: str
) -> None:
    with pytest.raises(DocumentError, match=words) as raised:
        compile_snapshot(_columns(column))
    assert raised.value.field == "columns"


def test_no_column_and_too_many_are_refused(app: Flask) -> None:
    for columns in ([], [{"content": "x"}] * 61):
        with pytest.raises(DocumentError):
            compile_snapshot(snapshot("excel", options={"columns": columns}))


def _invoice(sheet: Worksheet) -> None:
    sheet["A1"] = "Gentile [clienti.nome]"
    sheet.merge_cells("A1:C1")
    sheet["D1"] = "[clienti.data]"
    sheet["A3"], sheet["B3"], sheet["C3"] = "[titoli.numero]", "[titoli.importo]", "=B3*1.1"
    sheet["B3"].number_format = "0.0"
    sheet["A5"], sheet["B5"], sheet["C5"] = "Totale", "=SUM(B3:B3)", "=SUM($C$3:$C$3)/B5"
    sheet.merge_cells("A7:B7")
    sheet.row_dimensions[5].height = 33
    sheet.auto_filter.ref = "A2:C3"
    red = PatternFill("solid", bgColor="FF0000")
    sheet.conditional_formatting.add("B3:B3", CellIsRule("lessThan", ["0"], fill=red))


def test_a_workbook_is_filled_in_and_its_formulas_follow(app: Flask) -> None:
    template = snapshot("excel", file=workbook(_invoice), options={"made_of": "file"})
    assert set(keys(template)) == {
        "clienti.nome",
        "clienti.data",
        "titoli.numero",
        "titoli.importo",
    }
    sheet = _made(template)
    assert sheet["A1"].value == "Gentile Giulia & figli <b>"
    assert sheet["D1"].value == datetime(2026, 1, 2)
    assert [cell.value for cell in sheet[3]][:3] == ["=1+1", 10.5, "=B3*1.1"]
    assert sheet["A3"].data_type == "s"
    assert [cell.value for cell in sheet[4]][:3] == ["T-2", 1234.5, "=B4*1.1"]
    assert sheet["B4"].number_format == "0.0"
    assert sheet["B6"].value == "=SUM(B3:B4)"
    assert sheet["C6"].value == "=SUM($C$3:$C$4)/B6"
    assert {str(each) for each in sheet.merged_cells.ranges} == {"A1:C1", "A8:B8"}
    assert sheet.row_dimensions[6].height == 33
    assert sheet.auto_filter.ref == "A2:C4"
    assert [str(each.sqref) for each in sheet.conditional_formatting] == ["B3:B4"]


def test_a_workbook_without_rows_leaves_the_line_empty(app: Flask) -> None:
    template = snapshot("excel", file=workbook(_invoice), options={"made_of": "file"})
    sheet = _made(template, VALUES | {"titoli": []})
    assert [cell.value for cell in sheet[3]][:2] == [None, None]
    assert sheet["B5"].value == "=SUM(B3:B3)"


def test_an_unknown_field_is_refused_with_its_cell(app: Flask) -> None:
    file = workbook(lambda sheet: sheet.append(["ok", "[clienti.nomme]"]))
    with pytest.raises(DocumentError, match="B1") as raised:
        compile_snapshot(snapshot("excel", file=file))
    assert raised.value.field == "file"


@pytest.mark.parametrize("formula", ['=WEBSERVICE("http://x")', "=cmd|'/c calc'!A1"])
def test_formulas_that_fetch_or_run_are_refused(app: Flask, formula: str) -> None:
    file = workbook(lambda sheet: sheet.append([formula]))
    with pytest.raises(DocumentError, match="A1"):
        compile_snapshot(snapshot("excel", file=file))


def test_charts_which_would_be_lost_are_refused(app: Flask) -> None:
    file = altered(workbook(_invoice), {"xl/charts/chart1.xml": b"<chartSpace/>"})
    with pytest.raises(DocumentError, match="chart1"):
        compile_snapshot(snapshot("excel", file=file))


def test_a_sheet_as_wide_as_it_goes_is_refused(app: Flask) -> None:
    def far(sheet: Worksheet) -> None:
        sheet["XFD1000"] = "x"

    with pytest.raises(DocumentError):
        compile_snapshot(snapshot("excel", file=workbook(far)))
