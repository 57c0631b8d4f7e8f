"""Imports of clients: files as Excel writes them, rows that are refused, and repeating."""

import csv
import errno
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from ctm import files, lists, tasks
from ctm.clients import import_tasks, importing, mapping, operations
from ctm.clients.importing import RowResult
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.models import Client, Contact, StoredFile, Task, TaskState
from ctm.tabular import open_table
from tests import factories

pytestmark = pytest.mark.usefixtures("app")

HEAD = "Codice;Cognome;Nome;E-mail;Data di nascita;Note\r\n"


def keep(tmp_path: Path, content: str | bytes, name: str = "clienti.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def import_text(tmp_path: Path, content: str | bytes, **options: Any) -> list[RowResult]:
    results: list[RowResult] = []
    importing.import_file(keep(tmp_path, content), on_row=results.append, **options)
    return results


def client(code: str) -> Client:
    return db.session.scalars(select(Client).where(Client.code == code)).one()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_file_is_read_whatever_excel_made_of_it(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = (HEAD + 'A1;Forlì;Niccolò;N@Example.com;5/3/1971;"due\nrighe; sì"\r\n').replace(
        ";", delimiter
    )
    import_text(tmp_path, text.encode(encoding))
    found = client("A1")
    assert (found.last_name, found.first_name) == ("Forlì", "Niccolò")
    assert found.email1 == "n@example.com"
    assert found.birth_date == date(1971, 3, 5)
    assert found.notes == f"due\nrighe{delimiter} sì"


def test_a_sep_line_on_top_is_no_header(tmp_path: Path) -> None:
    import_text(tmp_path, "sep=;\r\n" + HEAD + "A1;Rossi;Maria;;;\r\n")
    assert client("A1").last_name == "Rossi"


def test_a_workbook_is_read_with_its_types(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("Dati", 0)
    book.worksheets[1].append(["only a note"])
    sheet = book.worksheets[0]
    sheet.append(["Codice", "Ragione sociale", "Partita IVA", "CAP", "Data di nascita", "Tipo"])
    sheet.append([7.0, "Beta Srl", 743110157, 118, date(1970, 1, 2), "Azienda"])
    book.save(tmp_path / "c.xlsx")
    importing.import_file(tmp_path / "c.xlsx")
    found = client("7")
    assert (found.vat_number, found.postcode) == ("00743110157", "00118")
    assert (found.birth_date, found.kind) == (date(1970, 1, 2), "company")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A1;Rossi;Maria;maria@;;", "E-mail 1: "),
        ("A1;Rossi;Maria;;31/02/1980;", "is not a date"),
        ("A1;Rossi;Maria;;02/31/80;", "is not a date"),
        (";Rossi;Maria;;;", "the cell is empty"),
        ("A1;;;who@example.com;;", "Write a last name"),
        ("A1;Rossi;Maria;;;;;stray", "more cells"),
        ("A1;Rossi;#RIF!;;;", "mend the formula"),
        (f"A1;{'x' * 121};Maria;;;", "at most 120"),
        (f"{'9' * 41};Rossi;Maria;;;", "at most 40"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_good_ones_go_in(
    tmp_path: Path, row: str, words: str
) -> None:
    results = import_text(tmp_path, HEAD + row + "\r\nB1;Verdi;Luca;;;\r\n", key="code")
    assert [r.verdict for r in results] == ["bad", "create"]
    assert results[0].line == 2
    assert words in " ".join(results[0].reasons)
    assert db.session.scalars(select(Client.code)).all() == ["B1"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"  \r\n \r\n", "is empty"),
        ("a.csv", b";;;\r\n", "is empty"),
        ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "old or protected"),
        ("a.xlsx", b"PK\x03\x04 not a zip", "not a workbook"),
        ("a.csv", bytes(range(256)) * 20, "neither CSV nor XLSX"),
        ("a.csv", b"Codice;Cognome\r\nA;x\x81\xff\r\n", "cannot be read"),
        ("a.csv", b'Codice;Cognome\r\nA;"Rossi\r\nB;Verdi\r\n', "quotation mark"),
        ("a.csv", ";".join(f"c{n}" for n in range(300)).encode(), "more than 200 columns"),
        ("a.csv", b"Colore;Numero\r\nrosso;3\r\n", "recognised"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        importing.import_file(keep(tmp_path, content, name))
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0


@pytest.mark.parametrize(
    ("columns", "key", "words"),
    [
        ({0: "code", 1: "code"}, "code", "two columns"),
        ({9: "code"}, "code", "no column 9"),
        ({"-1": "code"}, "code", "no column -1"),
        ({0: "password"}, "code", "no field"),
        ({0: "code"}, "email1", "Say which column"),
        ({0: "code"}, "last_name", "recognised"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(
    columns: dict[Any, str], key: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        mapping.check(columns, key, 2)


def test_headers_are_recognised_in_both_languages() -> None:
    headers = ["COD. FISC.", "P.IVA", "E-Mail", "Cell.", "Città", "Tax code", "last name", "?"]
    assert mapping.guess(headers) == {
        0: "tax_code",
        1: "vat_number",
        2: "email1",
        3: "mobile",
        4: "city",
        6: "last_name",
    }


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    text = HEAD + "A1;Rossi;Maria;;;\r\nA2;;;;;\r\nA1;Rossi;Mara;;;\r\n"
    planned = [r.verdict for r in import_text(tmp_path, text, dry_run=True)]
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0
    assert planned == [r.verdict for r in import_text(tmp_path, text)]
    assert planned == ["create", "bad", "update"]
    assert [r.verdict for r in import_text(tmp_path, text)] == ["update", "bad", "update"]


def test_importing_again_updates_and_an_empty_cell_erases_nothing(tmp_path: Path) -> None:
    operations.create({"code": "A1", "last_name": "Rossi", "city": "Roma", "email1": "a@b.example"})
    head = "codice;cognome;città;professione\r\n"
    again = head + "A1;;Milano;\r\n"
    assert [r.verdict for r in import_text(tmp_path, again, key="code")] == ["update"]
    assert [r.verdict for r in import_text(tmp_path, again, key="code")] == ["same"]
    found = client("A1")
    assert (found.city, found.last_name, found.email1) == ("Milano", "Rossi", "a@b.example")
    assert "milano" in found.search_text


def test_a_key_that_two_clients_share_is_refused(tmp_path: Path) -> None:
    for name in ("Rossi", "Verdi"):
        operations.create({"last_name": name, "email1": "same@example.com"})
    text = "email;cognome\r\nSAME@example.com;Neri\r\n"
    (result,) = import_text(tmp_path, text, key="email1")
    assert result.verdict == "bad"
    assert "2 clients have this" in result.reasons[0]


def test_a_code_of_another_client_stops_its_row_only(tmp_path: Path) -> None:
    text = (
        "email;codice;cognome\r\na@x.example;C1;Rossi\r\nb@x.example;C1;Verdi\r\n"
        "c@x.example;C2;Neri\r\n"
    )
    results = import_text(tmp_path, text, key="email1")
    assert [r.verdict for r in results] == ["create", "bad", "create"]
    assert "already has" in results[1].reasons[0]


def test_several_lines_bring_several_contacts(tmp_path: Path) -> None:
    head = "codice;ragione sociale;nome contatto;email contatto\r\n"
    text = head + "A1;Beta;Luca;luca@b.example\r\nA1;Beta;Anna;anna@b.example\r\n"
    import_text(tmp_path, text)
    import_text(tmp_path, text)
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 2
    assert "anna@b.example" in client("A1").search_text


def submit_plan(content: str, owner: Any) -> Task:
    file = files.store(content.encode(), "clienti.csv", "text/csv", owner)
    db.session.commit()
    table = lists.import_tasks.table_of(file)
    columns = mapping.guess(table.headers)
    return import_tasks.submit_plan(file, columns, "code", owner)


def test_dry_run_and_import_are_tasks_with_files_to_download() -> None:
    owner = factories.user()
    plan = submit_plan(HEAD + "A1;Rossi;Maria;;;\r\nA2;=cmd();;bad;;\r\n", owner)
    tasks.run_waiting()
    db.session.refresh(plan)
    assert plan.state == TaskState.DONE, plan.error
    assert plan.result["counts"] == {"create": 1, "update": 0, "same": 0, "bad": 1}
    assert [row["line"] for row in plan.result["rows"]] == [2, 3]
    assert db.session.scalar(select(func.count()).select_from(Client)) == 0

    run = import_tasks.submit_run(plan, owner)
    tasks.run_waiting()
    db.session.refresh(run)
    assert run.state == TaskState.DONE, run.error
    assert client("A1").last_name == "Rossi"
    bad = files.read(db.session.get_one(StoredFile, run.file_id)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(bad), delimiter=";"))
    assert rows[0][-1] == "Reason"
    assert rows[1][:2] == ["A2", "'=cmd()"]
    assert "e-mail" in rows[1][-1].lower()
    with pytest.raises(Conflict, match="already been imported"):
        import_tasks.submit_run(plan, owner)


def test_an_import_without_a_good_row_does_not_start() -> None:
    owner = factories.user()
    plan = submit_plan(HEAD + "A1;;;;;\r\n", owner)
    tasks.run_waiting()
    db.session.refresh(plan)
    with pytest.raises(Conflict, match="no good row"):
        import_tasks.submit_run(plan, owner)


def test_a_stopped_import_keeps_its_rows_and_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists.importing, "CHUNK", 2)
    owner = factories.user()
    text = HEAD + "".join(f"A{n};Rossi;Maria;;;\r\n" for n in range(6))
    plan = submit_plan(text, owner)
    tasks.run_waiting()
    db.session.refresh(plan)
    run = import_tasks.submit_run(plan, owner)
    original = tasks.Progress.advance

    def stop_after_first(self: tasks.Progress, count: int = 1) -> None:
        db.session.get_one(Task, run.id).cancel_requested = True
        original(self, count)

    monkeypatch.setattr(tasks.Progress, "advance", stop_after_first)
    tasks.run_waiting()
    db.session.refresh(run)
    assert run.state == TaskState.CANCELLED
    assert run.result["counts"]["create"] == 2
    assert db.session.scalar(select(func.count()).select_from(Client)) == 2


def test_a_table_that_breaks_off_is_refused_before_any_row(tmp_path: Path) -> None:
    path = keep(tmp_path, HEAD + "A1;Rossi;Maria;;;\r\n" * 300 + 'A2;"Verdi\r\n')
    table = open_table(path, path.name)
    with pytest.raises(InvalidInput, match="Line "):
        importing.count_rows(table)


def test_a_full_disk_ends_the_import_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = submit_plan(HEAD + "A1;Rossi;Maria;;;\r\n", factories.user())

    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lists.import_tasks.tempfile, "TemporaryFile", full)
    tasks.run_waiting()
    db.session.refresh(plan)
    assert plan.state == TaskState.FAILED
    assert "disk is full" in plan.error
