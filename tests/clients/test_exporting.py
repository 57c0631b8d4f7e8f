"""Exports: formulas neutralised, the locale's forms, and back again by import."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from flask_babel import force_locale
from openpyxl import load_workbook
from sqlalchemy import func, select

from ctm import exporting, files, lists, tasks
from ctm.clients import exporting as client_exports
from ctm.clients import importing, operations
from ctm.clients.filters import ClientFilter, parse_query_string
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.models import Client, StoredFile, TaskState
from tests import factories

pytestmark = pytest.mark.usefixtures("app")

DANGEROUS = [
    "=1+1",
    "+39 02 1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    '=HYPERLINK("http://x")',
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_could_start_a_formula_gets_an_apostrophe(text: str) -> None:
    assert exporting.neutralise(text) == "'" + text
    out = io.BytesIO()
    exporting.write_csv(out, ["a"], [[text]], "it")
    rows = list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))
    assert rows[1][0] == "'" + text


def test_a_workbook_holds_no_formula() -> None:
    out = io.BytesIO()
    exporting.write_xlsx(out, ["=A"], [[text] for text in DANGEROUS] + [["a\x0bb"]])
    sheet = load_workbook(out).active
    assert all(cell.data_type in {"s", "inlineStr"} for row in sheet.rows for cell in row)
    assert sheet["A2"].value == "'=1+1"


def test_values_are_written_as_the_locale_writes_them() -> None:
    row = [1.5, Decimal("-2.25"), date(2026, 11, 2), datetime(2026, 7, 1, 10), True, None, 7]
    shown = {}
    for locale in ("it", "en"):
        out = io.BytesIO()
        with force_locale(locale):
            exporting.write_csv(out, list("abcdefg"), [row], locale)
        assert out.getvalue().startswith(b"\xef\xbb\xbf")
        shown[locale] = out.getvalue().decode("utf-8-sig").splitlines()[1]
    assert shown["it"].startswith("1,5;-2,25;02/11/2026;01/07/2026 12:00:00;")
    assert shown["en"] == "1.5,-2.25,2026-11-02,2026-07-01 12:00:00,yes,,7"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_comes_back_by_import_unchanged(tmp_path: Path, kind: str) -> None:
    operations.create(
        {
            "code": "A1",
            "last_name": "=Rossi",
            "phone": "+39 02 123456",
            "birth_date": "31/12/1980",
            "kind": "supplier",
            "sex": "F",
            "notes": "one\ntwo",
        }
    )
    path = tmp_path / f"out.{kind}"
    with path.open("wb") as out:
        assert client_exports.write(kind, out, ClientFilter("all")) == 1
    report = importing.import_file(path, key="code")
    assert report.to_dict() == {"create": 0, "update": 0, "same": 1, "bad": 0}


def test_only_what_matches_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists.exporting, "CHUNK", 2)
    for n in range(5):
        operations.create({"last_name": f"Rossi{n}", "city": "Roma" if n else "Bari"})
    found = parse_query_string("f=city:equals:Roma")
    assert len(list(client_exports.rows(found))) == 4
    ids = list(db.session.scalars(select(Client.id)))
    assert len(list(client_exports.rows(found, ids[:2]))) == 1


def test_a_large_export_is_a_task_with_a_file() -> None:
    for n in range(3):
        factories.customer(last_name=f"R{n}")
    owner = factories.user()
    task = client_exports.start("csv", ClientFilter("all"), owner)
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.DONE, task.error
    assert (task.done, task.total) == (3, 3)
    content = files.read(db.session.get_one(StoredFile, task.file_id)).decode("utf-8-sig")
    assert len(content.splitlines()) == 4
    assert db.session.scalar(select(func.count()).select_from(StoredFile)) == 1


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="CSV or XLSX"):
        client_exports.start("pdf", ClientFilter(), factories.user())
