"""The pages of document templates, and documents made from a card and from a list."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from pypdf import PdfReader
from sqlalchemy import select

from ctm import tasks
from ctm.documents import library
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import AuditEntry, Client, DocumentTemplate, Instalment, Policy, SqlField, Task
from tests import factories
from tests.documents.making import png, word

LogIn = Callable[[str], FlaskClient]
PDF = {"name": "Avviso", "module": "clienti", "html": "<p>Gentile [clienti.nome]</p>"}
SHEET = {
    "name": "Elenco",
    "module": "titoli",
    "made_of": "columns",
    "sheet": "Titoli",
    "column_title": ["Numero", "Importo"],
    "column_content": ["[titoli.numero]", "[titoli.importo]"],
    "column_format": ["auto", "auto"],
    "column_width": ["12", "12"],
    "column_total": ["0", "1"],
}


def _template(**values: Any) -> DocumentTemplate:
    """A template put aside without trying it out."""
    template = DocumentTemplate(
        **{"kind": "pdf", "module": "clienti", "name": "Avviso", "html": "<p>[clienti.nome]</p>"}
        | values
    )
    db.session.add(template)
    db.session.commit()
    return template


def _bytes(browser: FlaskClient, path: str) -> bytes:
    with browser.get(path) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


def _total() -> str:
    """The word as it is in the office's language, in which documents are made."""
    with force_locale("it"):
        return _("Total")


def _instalments(client: Client, count: int = 2) -> list[Instalment]:
    policy = Policy(client=client, number="P-1")
    made = [
        Instalment(
            policy=policy,
            client=client,
            number=f"T-{number}",
            due_date=date(2026, 12, number),
            amount=Decimal(100 * number),
        )
        for number in range(1, count + 1)
    ]
    db.session.add_all(made)
    db.session.commit()
    return made


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/documents/", {"administrator", "manager", "operator"}),
        ("/documents/new/pdf", {"administrator", "manager"}),
        ("/documents/{template}", {"administrator", "manager"}),
        ("/documents/of-client/{client}", {"administrator", "manager", "operator"}),
    ],
)
def test_who_may_open_what(
    client: FlaskClient, login_as: LogIn, path: str, roles: set[str]
) -> None:
    path = path.format(template=_template().id, client=factories.customer().id)
    answer = client.get(path)
    assert answer.status_code == 302
    assert "/login" in answer.location
    for role in ("administrator", "manager", "operator", "supervisor"):
        assert login_as(role).get(path).status_code == (200 if role in roles else 403), role


def test_what_changes_something_takes_no_get_and_no_operator(login_as: LogIn) -> None:
    number = _template().id
    for action in ("duplicate", "deactivate", "activate", "pictures", "pictures/x/delete"):
        path = f"/documents/{number}/{action}"
        assert login_as("manager").get(path).status_code in (404, 405), action
        assert login_as("operator").post(path).status_code == 403, action


def test_a_template_that_is_not_there_is_404(login_as: LogIn) -> None:
    browser = login_as("manager")
    for path in ("/documents/999", "/documents/new/odt", "/documents/99999999999/preview"):
        assert browser.get(path).status_code == 404


def test_a_pdf_template_is_made_shown_and_changed(login_as: LogIn) -> None:
    browser = login_as("manager")
    answer = browser.post("/documents/new/pdf", data=PDF, follow_redirects=True)
    assert "“Avviso” is saved." in answer.text
    template = db.session.scalars(select(DocumentTemplate)).one()
    shown = browser.get(f"/documents/{template.id}/preview")
    assert shown.mimetype == "application/pdf"
    assert "inline" in shown.headers["Content-Disposition"]
    assert "Gentile Giulia" in PdfReader(io.BytesIO(shown.data)).pages[0].extract_text()
    changed = PDF | {"name": "Altro", "seen": "1"}
    browser.post(f"/documents/{template.id}", data=changed)
    db.session.refresh(template)
    assert (template.name, template.version) == ("Altro", 2)
    late = browser.post(f"/documents/{template.id}", data=changed)
    assert late.status_code == 422
    assert "Somebody else has changed this template" in late.text


def test_what_is_wrong_stands_beside_the_field_and_nothing_is_kept(login_as: LogIn) -> None:
    browser = login_as("manager")
    for change, words in (
        ({"html": "<p>[clienti.nomme]</p>"}, "There is no field"),
        ({"html": '<img src="file:///etc/passwd">'}, "only pictures kept with it"),
        ({"name": ""}, "Give the template a name"),
        ({"module": "soldi"}, "Choose the list it is for"),
        ({"margin_left": "far"}, "Type a whole number from 0 to 80"),
        ({"filename": "[clienti.nomme]"}, "There is no field"),
    ):
        answer = browser.post("/documents/new/pdf", data=PDF | change)
        assert answer.status_code == 422
        assert words in answer.text
    assert not db.session.scalars(select(DocumentTemplate)).all()


def test_a_word_file_is_uploaded_or_refused(login_as: LogIn) -> None:
    browser = login_as("manager")

    def send(name: str, data: bytes) -> Any:
        given = {"name": "Lettera", "module": "clienti", "file": (io.BytesIO(data), name)}
        return browser.post("/documents/new/word", data=given)

    refused = send("lettera.docx", b"MZ\x90" + b"\0" * 200)
    assert refused.status_code == 422
    assert "it is no Word file, or damaged" in refused.text
    assert "“paragraph”" not in refused.text
    unknown = send("lettera.docx", word("Gentile [clienti.nomme]"))
    assert "In the paragraph “Gentile [clienti.nomme]”" in unknown.text
    assert send("lettera.docx", word("Gentile [clienti.nome]")).status_code == 302
    template = db.session.scalars(select(DocumentTemplate)).one()
    assert _bytes(browser, f"/documents/{template.id}/file")[:2] == b"PK"
    without = browser.post("/documents/new/word", data={"name": "x", "module": "clienti"})
    assert "Choose the .docx file." in without.text


def test_columns_are_kept_in_the_order_of_the_form(login_as: LogIn) -> None:
    browser = login_as("manager")
    assert browser.post("/documents/new/excel", data=SHEET).status_code == 302
    template = db.session.scalars(select(DocumentTemplate)).one()
    assert [each["title"] for each in template.options["columns"]] == ["Numero", "Importo"]
    assert [each["total"] for each in template.options["columns"]] == [False, True]
    page = browser.get(f"/documents/{template.id}").text
    assert page.index('value="[titoli.numero]"') < page.index('value="[titoli.importo]"')
    wrong = browser.post(
        "/documents/new/excel", data=SHEET | {"name": "x", "column_width": ["12", "x"]}
    )
    assert "Column 2:" in wrong.text


def test_pictures_are_kept_shown_and_refused(login_as: LogIn) -> None:
    browser, template = login_as("manager"), _template()
    path = f"/documents/{template.id}/pictures"

    def add(data: bytes) -> str:
        given = {"picture": (io.BytesIO(data), "logo.png")}
        return browser.post(path, data=given, follow_redirects=True).text

    assert "The picture is kept" in add(png())
    assert "This is no PNG, JPEG or GIF picture." in add(b"<svg onload='x()'/>")
    assert "A picture has 2 MB at most." in add(png() + b"\0" * (2 * 1024 * 1024))
    assert "too many pixels" in add(png(4000, 4000))
    assert _bytes(browser, f"{path}/image1") == png()
    assert browser.get(f"{path}/image2").status_code == 404
    template.html = '<img src="cid:image1">'
    db.session.commit()
    shown = browser.post(f"{path}/image1/delete", follow_redirects=True).text
    assert "The document shows this picture" in shown


def test_a_copy_and_an_inactive_template(login_as: LogIn) -> None:
    browser, template = login_as("manager"), _template()
    browser.post(f"/documents/{template.id}/duplicate")
    assert [each.name for each in library.every()] == ["Avviso", "Avviso (2)"]
    browser.post(f"/documents/{template.id}/deactivate")
    assert [each.name for each in library.every(only_active=True)] == ["Avviso (2)"]


def test_the_preview_shows_a_chosen_client(login_as: LogIn) -> None:
    who, browser = factories.customer(first_name="Anna"), login_as("operator")
    shown = browser.get(f"/documents/{_template().id}/preview?client={who.id}")
    assert PdfReader(io.BytesIO(shown.data)).pages[0].extract_text().strip() == "Anna"
    of_policies = _template(name="Polizza", module="polizze", html="[polizze.numero]")
    answer = browser.get(f"/documents/{of_policies.id}/preview?client={who.id}")
    assert answer.status_code == 302
    assert "nothing that this document is made of" in browser.get("/documents/").text
    assert browser.get(f"/documents/{of_policies.id}/preview?client=999").status_code == 404


def test_one_document_of_a_client_is_downloaded(login_as: LogIn) -> None:
    who = factories.customer(first_name="Anna")
    template = _template(filename="Avviso [clienti.nome]")
    answer = login_as("operator").post(f"/documents/of-client/{who.id}/{template.id}")
    assert answer.mimetype == "application/pdf"
    assert "Avviso Anna.pdf" in answer.headers["Content-Disposition"]
    assert PdfReader(io.BytesIO(answer.data)).pages[0].extract_text().strip() == "Anna"
    done = select(AuditEntry).where(AuditEntry.action == "document.generate")
    assert db.session.scalars(done).one().detail["count"] == 1


def test_sql_fields_are_filled_in(login_as: LogIn) -> None:
    who = factories.customer(first_name="Anna")
    query = "select upper(nome) from clienti where id = {{idt}}"
    db.session.add(SqlField(name="saluto", query=query))
    db.session.commit()
    template = _template(html="<p>Ciao {{saluto}}</p>", filename="{{saluto}}")
    answer = login_as("operator").post(f"/documents/of-client/{who.id}/{template.id}")
    assert "ANNA.pdf" in answer.headers["Content-Disposition"]
    assert PdfReader(io.BytesIO(answer.data)).pages[0].extract_text().strip() == "Ciao ANNA"


def test_the_instalments_of_a_client_come_in_one_sheet(login_as: LogIn) -> None:
    who = factories.customer()
    _instalments(who)
    columns = [{"content": "[titoli.numero]"}, {"content": "[titoli.importo]", "total": True}]
    template = _template(
        kind="excel",
        module="titoli_anagrafica",
        html="",
        options={"made_of": "columns", "columns": columns},
    )
    answer = login_as("operator").post(f"/documents/of-client/{who.id}/{template.id}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet["A"]][1:] == ["T-1", "T-2", _total()]
    assert sheet["B4"].value == 300


def test_documents_of_a_list_come_as_a_zip_with_what_failed(app: Flask, login_as: LogIn) -> None:
    clients = [factories.customer(first_name=name) for name in ("Anna", "Anna", "Bruno")]
    clients.append(factories.customer(first_name="x" * 100, notes="x" * 5_000_000))
    template = _template(html="<p>[clienti.note]</p>", filename="[clienti.nome]")
    browser = login_as("operator")
    ids = [str(each.id) for each in clients]
    page = browser.post("/documents/of-list/clients", data={"ids": ids})
    assert "Avviso" in page.text
    given = {"ids": ids, "template_id": str(template.id)}
    answer = browser.post("/documents/of-list/clients", data=given)
    task = db.session.scalars(select(Task)).one()
    assert answer.location == f"/tasks/{task.id}"
    tasks.run_waiting()
    shown = browser.get(f"/tasks/{task.id}").text
    assert "3 documents made. 1 could not be made:" in shown
    archive = zipfile.ZipFile(io.BytesIO(_bytes(browser, f"/tasks/{task.id}/file")))
    assert archive.namelist() == ["Anna.pdf", "Anna (2).pdf", "Bruno.pdf", "not made.txt"]


def test_lists_that_cannot_be_read_are_refused(login_as: LogIn) -> None:
    browser = login_as("operator")
    assert browser.post("/documents/of-list/money", data={"ids": ["1"]}).status_code == 404
    for given in ({}, {"ids": ["x"]}, {"all_matching": "1", "query": "f=nothing"}):
        answer = browser.post("/documents/of-list/clients", data=given)
        assert answer.status_code >= 400 or answer.status_code == 302


def test_an_inactive_template_makes_nothing(login_as: LogIn) -> None:
    who, template = factories.customer(), _template(active=False)
    answer = login_as("operator").post(
        f"/documents/of-client/{who.id}/{template.id}", follow_redirects=True
    )
    assert "not active any more" in answer.text
