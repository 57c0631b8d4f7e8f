"""PDF documents: what is on the page, and what no template can reach."""

import io
import logging
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader

from ctm.documents import DocumentError, make, pdf
from ctm.documents.making import compile_snapshot, keys
from ctm.mailing.merge import MergeError
from tests.documents.making import VALUES, png, snapshot


def _pages(template: dict[str, Any], values: dict[str, object] | None = None) -> list[str]:
    made = make(template, values or VALUES)
    return [page.extract_text() for page in PdfReader(io.BytesIO(made[2])).pages]


def test_header_footer_page_numbers_and_values_are_on_every_page(app: Flask) -> None:
    template = snapshot(
        html="<p>Gentile [clienti.nome], oggi [clienti.data;frm='d mmmm yyyy']</p>[pagina.nuova]"
        "<p>Seconda</p>",
        options={
            "header": "<b>Agenzia per [clienti.nominativo]</b>",
            "footer": "Pagina [pagina.numero] di [pagina.totale]",
        },
    )
    first, second = _pages(template)
    assert "Gentile Giulia & figli <b>, oggi 2 gennaio 2026" in first
    for number, text in enumerate((first, second), start=1):
        assert "Agenzia per Giulia D'Amico" in text
        assert f"Pagina {number} di 2" in text


def test_size_orientation_and_margins_make_the_page(app: Flask) -> None:
    wide = snapshot(html="<p>x</p>", options={"page_size": "a5", "orientation": "landscape"})
    box = PdfReader(io.BytesIO(make(wide, VALUES)[2])).pages[0].mediabox
    assert (round(box.width / 72 * 25.4), round(box.height / 72 * 25.4)) == (210, 148)


def test_the_logo_kept_with_the_template_is_shown(app: Flask) -> None:
    with_logo = snapshot(html='<img src="cid:logo" width="90">', pictures={"logo": png()})
    (page,) = PdfReader(io.BytesIO(make(with_logo, VALUES)[2])).pages
    assert len(page.images) == 1


def test_a_row_is_repeated_for_each_instalment(app: Flask) -> None:
    table = (
        "<table><tr><th>Numero</th><th>Importo</th></tr><tr>"
        "<td>[titoli.numero;block=tr]</td><td>[titoli.importo;frm='0.000,00 €']</td></tr></table>"
        "<p>Totale [titoli.totale;frm='0.000,00 €']</p>"
    )
    (text,) = _pages(snapshot(html=table))
    for shown in ("=1+1", "10,50 €", "T-2", "1.234,50 €", "Totale 1.245,00 €"):
        assert shown in text


def test_letters_the_fonts_lack_are_written_with_those_they_have(app: Flask) -> None:
    (text,) = _pages(
        snapshot(html="<p>[clienti.nome]</p>"), VALUES | {"clienti.nome": "Đorđe Łukasz Ștefan €"}
    )
    assert "Dorde Lukasz Stefan €" in text


def test_the_file_name_is_merged_and_cleaned(app: Flask) -> None:
    named = snapshot(html="<p>x</p>", filename="Avviso [clienti.nome].pdf")
    values = VALUES | {"clienti.nome": "../../etc/pass\nwd\0<>:|"}
    name, kind, _data = make(named, values)
    assert name == "Avviso ..-..-etc-pass wd____.pdf"
    assert kind == "application/pdf"


def test_the_keys_are_those_of_text_header_and_file_name(app: Flask) -> None:
    template = snapshot(
        html="[clienti.nome]", options={"header": "[clienti.citta]"}, filename="[clienti.cap]"
    )
    assert set(keys(template)) == {"clienti.nome", "clienti.citta", "clienti.cap"}


HOSTILE = {
    "a file of the server": '<img src="file:///etc/passwd">',
    "a path of the server": '<img src="/etc/passwd">',
    "another server": '<img src="http://169.254.169.254/latest/meta-data/">',
    "a picture by value": '<img src="[clienti.sito]">',
    "a style that fetches": '<div style="background-image: url(file:///etc/passwd)">x</div>',
    "a sheet that fetches": "<style>p {background: url('http://evil.example/x.png')}</style>x",
    "a font": "<style>@font-face {font-family: x; src: url(/etc/passwd)}</style>x",
    "a page of its own": "<style>@page {size: 10m}</style>x",
    "a background": '<table background="http://evil.example/x.png"><tr><td>x</td></tr></table>',
    "a cell over a hundred million columns": "<table><tr><td colspan='99999999'>x</table>",
    "a picture it does not keep": '<img src="cid:nobody">',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_html_that_reaches_out_is_refused(app: Flask, case: str) -> None:
    with pytest.raises(DocumentError) as raised:
        compile_snapshot(snapshot(html=HOSTILE[case]))
    assert raised.value.field == "html"


def test_xhtml2pdf_itself_may_read_no_file(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("xhtml2pdf").setLevel(logging.WARNING)
    made = pdf._lay_out('<html><body><img src="/etc/hostname">text</body></html>')
    assert not list(PdfReader(io.BytesIO(made)).pages[0].images)


def test_scripts_are_taken_out_and_named(app: Flask) -> None:
    template = snapshot(html="<p onclick='x()'>a</p><script>alert(1)</script>")
    assert set(pdf.removed_from(template)) == {"onclick", "<script>"}
    assert [text.strip() for text in _pages(template)] == ["a"]


def test_an_unknown_field_is_refused_with_its_place(app: Flask) -> None:
    with pytest.raises(MergeError, match=r"\[clienti\.nomme\]"):
        compile_snapshot(snapshot(html="<p>ok</p>\n<p>[clienti.nomme]</p>"))


def test_options_out_of_bounds_are_refused(app: Flask) -> None:
    for options in (
        {"margin_top": "81"},
        {"margin_top": "wide"},
        {"page_size": "a0"},
        {"font": "Comic Sans"},
        {"header": "x", "header_height": 120, "footer": "x", "footer_height": 120},
    ):
        with pytest.raises(DocumentError):
            compile_snapshot(snapshot(html="x", options=options))


@pytest.mark.parametrize(
    "html",
    [
        "<p style='font-size: 99999999pt'>x</p>",
        "<table width='-100%'><tr><td style='width: -10cm'>x</td></tr></table>",
    ],
)
def test_what_cannot_be_laid_out_is_said(app: Flask, html: str) -> None:
    with pytest.raises(DocumentError, match="cannot be laid out"):
        make(snapshot(html=html), VALUES)


def test_values_that_make_a_document_endless_are_given_up(app: Flask) -> None:
    long = VALUES | {"clienti.nome": "x" * (5 * 1024 * 1024)}
    with pytest.raises(DocumentError, match=r"troppo lungo|too long"):
        make(snapshot(html="<p>[clienti.nome]</p>"), long)


def test_tables_in_tables_without_end_are_refused(app: Flask) -> None:
    deep = "<table><tr><td>" * 400 + "x"
    with pytest.raises(DocumentError):
        make(snapshot(html=deep), VALUES)
