"""Snapshots and files for tests of documents."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import docx
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

VALUES: dict[str, object] = {
    "clienti.nome": "Giulia & figli <b>",
    "clienti.nominativo": "Giulia D'Amico",
    "clienti.data": date(2026, 1, 2),
    "titoli.totale": Decimal("1245.00"),
    "titoli": [
        {
            "titoli.numero": "=1+1",
            "titoli.importo": Decimal("10.50"),
            "titoli.scadenza": date(2026, 2, 15),
        },
        {
            "titoli.numero": "T-2",
            "titoli.importo": Decimal("1234.50"),
            "titoli.scadenza": date(2026, 8, 15),
        },
    ],
}


def snapshot(
    kind: str = "pdf",
    *,
    html: str = "",
    options: dict[str, Any] | None = None,
    file: bytes | None = None,
    pictures: dict[str, bytes] | None = None,
    module: str = "titoli_anagrafica",
    filename: str = "",
    language: str = "it",
) -> dict[str, Any]:
    """A loaded snapshot of a template that is in no database."""
    data = {_sha256(each): each for each in [*(pictures or {}).values(), *([file] if file else [])]}
    return {
        "id": 1,
        "version": 1,
        "kind": kind,
        "module": module,
        "name": "Avviso",
        "filename": filename,
        "html": html,
        "options": options or {},
        "images": [
            {"cid": cid, "sha256": _sha256(each), "content_type": "image/png"}
            for cid, each in (pictures or {}).items()
        ],
        "file": {"sha256": _sha256(file), "name": "template"} if file else None,
        "language": language,
        "sql": {},
        "data": data,
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def png(width: int = 120, height: int = 40) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (20, 90, 160)).save(out, "PNG")
    return out.getvalue()


def word(*paragraphs: str, table: list[list[str]] | None = None, header: str = "") -> bytes:
    """A .docx; a paragraph with ``|`` is split into runs there."""
    document = docx.Document()
    for text in paragraphs:
        paragraph = document.add_paragraph()
        for number, run in enumerate(text.split("|")):
            paragraph.add_run(run).bold = bool(number % 2)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for row, texts in zip(made.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    if header:
        document.sections[0].header.paragraphs[0].text = header
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def workbook(fill: Callable[[Worksheet], None]) -> bytes:
    """An .xlsx with one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    fill(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_sheet(data: bytes) -> Worksheet:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert isinstance(sheet, Worksheet)
    return sheet


def altered(data: bytes, changes: dict[str, bytes | Callable[[bytes], bytes]]) -> bytes:
    """An archive with parts replaced, changed or added."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            change = changes.get(name)
            content = old.read(name)
            if callable(change):
                content = change(content)
            elif change is not None:
                content = change
            new.writestr(name, content)
        for name, change in changes.items():
            if name not in old.namelist() and isinstance(change, bytes):
                new.writestr(name, change)
    return out.getvalue()
