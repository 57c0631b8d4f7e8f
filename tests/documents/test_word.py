"""Word documents: fields wherever Word has put them, and nothing but fields."""

import io
import re

import docx
import pytest
from flask import Flask

from ctm.documents import DocumentError, make
from ctm.documents.making import compile_snapshot, keys
from tests.documents.making import VALUES, altered, snapshot, word


def _filled(file: bytes, values: dict[str, object] | None = None) -> docx.document.Document:
    made = make(snapshot("word", file=file), values or VALUES)
    assert made[0] == "Avviso.docx"
    return docx.Document(io.BytesIO(made[2]))


def test_fields_are_filled_in_also_where_they_are_split_over_runs(app: Flask) -> None:
    document = _filled(word("Gentile [cli|enti.no|me], oggi [clienti.data;frm='dd/mm|/yyyy']."))
    assert document.paragraphs[0].text == "Gentile Giulia & figli <b>, oggi 02/01/2026."


def test_headers_are_filled_in_too(app: Flask) -> None:
    document = _filled(word("x", header="Spett. [clienti.nominativo]"))
    assert document.sections[0].header.paragraphs[0].text == "Spett. Giulia D'Amico"


def test_a_table_row_is_repeated_for_each_instalment(app: Flask) -> None:
    table = [["Numero", "Importo"], ["[titoli.numero;block=tr]", "[titoli.importo]"]]
    rows = _filled(word("x", table=table)).tables[0].rows
    assert [[cell.text for cell in row.cells] for row in rows] == [
        ["Numero", "Importo"],
        ["=1+1", "10,50"],
        ["T-2", "1.234,50"],
    ]


def test_without_instalments_only_the_head_stays(app: Flask) -> None:
    table = [["Numero"], ["[titoli.numero]"]]
    rows = _filled(word("x", table=table), VALUES | {"titoli": []}).tables[0].rows
    assert [row.cells[0].text for row in rows] == ["Numero"]


def test_a_value_with_lines_keeps_them(app: Flask) -> None:
    document = _filled(word("[clienti.note]"), {"clienti.note": "uno\ndue"})
    assert document.paragraphs[0].text == "uno\ndue"


def test_braces_are_text_in_the_file_and_in_values(app: Flask) -> None:
    text = "{{ 7*7 }} {% for x in y %} {# no #} {ciao} {{ ''.__class__ }}"
    document = _filled(word(text, "[clienti.nome]"), {"clienti.nome": "{{ 7*7 }} {% x %}"})
    assert [each.text for each in document.paragraphs] == [text, "{{ 7*7 }} {% x %}"]


def test_the_keys_of_rows_are_known(app: Flask) -> None:
    file = word("[clienti.nome]", table=[["[titoli.numero]"]])
    assert set(keys(snapshot("word", file=file))) == {"clienti.nome", "titoli.numero"}


def test_an_unknown_field_is_refused_with_its_paragraph(app: Flask) -> None:
    with pytest.raises(DocumentError, match=r"Gentile .*clienti\.nomme") as raised:
        compile_snapshot(snapshot("word", file=word("uno", "Gentile [clienti.nomme]")))
    assert raised.value.field == "file"


def test_tags_hidden_in_attributes_are_refused(app: Flask) -> None:
    def hide(content: bytes) -> bytes:
        return re.sub(rb"<w:p>", b'<w:p w:rsidR="{{ 7*7 }}">', content, count=1)

    with pytest.raises(DocumentError, match="double braces"):
        compile_snapshot(snapshot("word", file=altered(word("x"), {"word/document.xml": hide})))


def test_tags_in_the_properties_are_refused(app: Flask) -> None:
    def hide(content: bytes) -> bytes:
        return content.replace(b"</cp:coreProperties>", b"<x>{{ 7*7 }}</x></cp:coreProperties>")

    with pytest.raises(DocumentError):
        compile_snapshot(snapshot("word", file=altered(word("x"), {"docProps/core.xml": hide})))


@pytest.mark.parametrize("code", ["DDEAUTO c:\\\\cmd.exe", "INCLUDETEXT http://evil/x"])
def test_word_fields_that_fetch_or_run_are_refused(app: Flask, code: str) -> None:
    def put(content: bytes) -> bytes:
        field = f'<w:fldSimple w:instr=" {code} "><w:r><w:t>x</w:t></w:r></w:fldSimple>'
        return content.replace(b"<w:t>x</w:t></w:r>", b"<w:t>x</w:t></w:r>" + field.encode())

    with pytest.raises(DocumentError, match=code.split()[0]):
        compile_snapshot(snapshot("word", file=altered(word("x"), {"word/document.xml": put})))
