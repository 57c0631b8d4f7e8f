"""Blocks: stretches of a text that are repeated for every row of a list."""

import html
import time
from datetime import date
from decimal import Decimal
from typing import Any

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.compose import MailContent, compile_mail, preview
from ctm.mailing.merge import Block, Catalogue, MergeError, catalogue_of, compile_template
from ctm.mailing.merge.template import with_markers
from tests.mailing.compose_helpers import BASE, WHEN, content

GROUPED = catalogue_of("titoli_anagrafica")
ROWS: list[dict[str, Any]] = [
    {"titoli.numero": "A&1", "titoli.scadenza": date(2026, 2, 1), "polizze.numero": "P1"},
    {"titoli.numero": "B2", "titoli.scadenza": date(2026, 5, 9), "polizze.numero": ""},
]
VALUES = {"clienti.nome": "Zoé", "titoli.totale": Decimal("1500"), "titoli": ROWS}


def rendered(source: str, values: dict[str, Any] | None = None, *, is_html: bool = True) -> str:
    template = compile_template(source, GROUPED, html=is_html)
    return template.render(VALUES if values is None else values)


def problem(source: str, *, is_html: bool, catalogue: Catalogue = GROUPED) -> MergeError | None:
    try:
        compile_template(source, catalogue, html=is_html).render(VALUES)
    except MergeError as error:
        return error
    return None


def refused(source: str, *, is_html: bool = True, catalogue: Catalogue = GROUPED) -> MergeError:
    with pytest.raises(MergeError) as caught:
        compile_template(source, catalogue, html=is_html)
    return caught.value


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "<table><tr><th>N</th></tr><tr><td>[titoli.numero;block=tr]</td></tr></table>",
            "<table><tr><th>N</th></tr><tr><td>A&amp;1</td></tr><tr><td>B2</td></tr></table>",
        ),
        (
            "<tr><td>[titoli.numero]<td>[titoli.scadenza;frm='d mmm';block=tr]<tr><td>x",
            "<tr><td>A&amp;1<td>1 feb<tr><td>B2<td>9 mag<tr><td>x",
        ),
        (
            "<tr class=a><td>[titoli.numero;block=tr]<td>[polizze.numero;block=tr]</tr>",
            "<tr class=a><td>A&amp;1<td>P1</tr><tr class=a><td>B2<td></tr>",
        ),
        ("<ul><li>[titoli.numero;block=li]</ul>", "<ul><li>A&amp;1<li>B2</ul>"),
        ("<p><b>[titoli.numero;block=b]</b>!</p>", "<p><b>A&amp;1</b><b>B2</b>!</p>"),
        ("<TR><td>[ Titoli . Numero ; BLOCK = 'TR' ]</TR>", "<TR><td>A&amp;1</TR><TR><td>B2</TR>"),
        (
            "<p>[titoli;block=p][clienti.nome] [titoli.numero]</p>",
            "<p>Zoé A&amp;1</p><p>Zoé B2</p>",
        ),
        ("<i title='[titoli.numero;block=i]'>x</i>", "<i title='A&amp;1'>x</i><i title='B2'>x</i>"),
        ("a [titoli;block=begin][titoli.numero], [titoli;block=end]z", "a A&amp;1, B2, z"),
        ("a [titoli.numero;block=begin]-[titoli.numero;block=end]z", "a A&amp;1-A&amp;1B2-B2z"),
        (
            "<p>[titoli;block=begin]</p>\n<p>[titoli.numero]</p>\n<p>[titoli;block=end]</p>",
            "\n<p>A&amp;1</p>\n\n<p>B2</p>\n",
        ),
        (
            "<p>[titoli;block=begin]<br>- [titoli.numero]<br>[titoli;block=end]<br>fine</p>",
            "<p>- A&amp;1<br>- B2<br>fine</p>",
        ),
        (
            "<div><b>[titoli;block=begin]</b>&nbsp;<br></div><i>[titoli.numero]</i>"
            "<p>[titoli;block=end]</p>",
            "<i>A&amp;1</i><i>B2</i>",
        ),
        (
            "<table><!-- [titoli;block=begin] --><tr><td>[titoli.numero]</td></tr>"
            "<!--[titoli;block=end]--></table>",
            "<table><tr><td>A&amp;1</td></tr><tr><td>B2</td></tr></table>",
        ),
        (
            "<table><tr><td><table><tr><td>[titoli.numero;block=tr]</table></td></tr></table>",
            "<table><tr><td><table><tr><td>A&amp;1<tr><td>B2</table></td></tr></table>",
        ),
        ("<p>[titoli.totale] [titoli;block=begin].[titoli;block=end]</p>", "<p>1.500,00 ..</p>"),
        ("[titoli.numero;block=tr", None),
    ],
)
def test_blocks_in_html(source: str, shown: str | None) -> None:
    if shown is None:
        assert "not closed" in refused(source).message
    else:
        assert rendered(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Elenco:\n- [titoli.numero;block=line]\nFine", "Elenco:\n- A&1\n- B2\nFine"),
        ("Elenco:\n- [titoli.numero;block=tr]", "Elenco:\n- A&1\n- B2"),
        (
            "x\n[titoli;block=begin]\n* [titoli.numero]\n  [titoli.scadenza]\n"
            "[titoli;block=end]\nz",
            "x\n* A&1\n  01/02/2026\n* B2\n  09/05/2026\nz",
        ),
        ("N: [titoli;block=begin][titoli.numero]; [titoli;block=end]ok", "N: A&1; B2; ok"),
        ("[titoli;block=begin]\n[titoli;block=end]\nx", "x"),
    ],
)
def test_blocks_in_plain_text(source: str, shown: str) -> None:
    assert rendered(source, is_html=False) == shown


def test_a_block_without_rows_shows_nothing() -> None:
    source = "<table><tr><td>[titoli.numero;block=tr]</td></tr></table>[titoli.totale]"
    for values in ({}, {"titoli": []}, {"titoli": None}, {"titoli": "no list"}):
        assert rendered(source, values) == "<table></table>"


def test_the_compiled_form_names_the_list_and_its_fields() -> None:
    template = compile_template("a [titoli.numero;block=line] [clienti.nome]", GROUPED, html=False)
    assert template.fields == ("titoli", "titoli.numero", "clienti.nome")
    (block,) = template.pieces
    assert isinstance(block, Block)
    assert block.text == "a [titoli.numero;block=line] [clienti.nome]"


TR = "<table><tr><td>{}</td></tr></table>"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("[titoli.numero]", "differs from row to row"),
        ("<p>[titoli.numero]</p><p>[titoli;block=p]</p>", "differs from row to row"),
        ("[titoli;block=begin]x", "[titoli;block=end] is missing"),
        ("x[titoli;block=end]", "[titoli;block=begin] is missing"),
        ("[titoli;block=end]x[titoli;block=begin]", "[titoli;block=begin] is missing"),
        ("[titoli;block=begin][titoli;block=begin]x[titoli;block=end]", "inside another"),
        ("[titoli;block=begin]<p>[titoli;block=p]</p>[titoli;block=end]", "inside another"),
        (TR.format("<p>[titoli.numero;block=p]</p>[titoli.scadenza;block=tr]"), "inside another"),
        ("<p>[titoli.numero;block=tr]</p>", "inside a <tr>"),
        ("[titoli.numero;block=tr+tr]", "inside a <tr+tr>"),
        ("<br>[titoli.numero;block=br]", "inside a <br>"),
        ("<b>[titoli.nu</b>mero;block=b]", "inside a <b>"),
        ("[titoli.numero;block]", "needs a value"),
        ("[titoli.numero;block='']", "needs a value"),
        ("[titoli;block=begin;block=end]", "given twice"),
        ("[scadenze;block=begin]x[scadenze;block=end]", "no rows to repeat"),
        ("[titolo;block=begin]x[titolo;block=end]", "titoli"),
        ("[clienti.nome;block=tr]", "no rows to repeat"),
        (TR.format("[titoli.totale;block=tr]"), "no rows to repeat"),
        (TR.format("[titoli.numero;block=tr;frm='0']"), "takes no format"),
        ("<p>a [titoli;block=begin]x</p><p>y[titoli;block=end]</p>", "same paragraph or cell"),
        ("<table>[titoli;block=begin]<tr><td>x</table>", "is missing"),
        (
            "<table>[titoli;block=begin]<tr><td>x</td></tr>[titoli;block=end]</table>",
            "cells of a table",
        ),
        ("<a href='[titoli;block=begin]'>x</a>[titoli;block=end]", "inside a tag"),
        ("[ind_tlm.nome]", "not a field of this module"),
        ("[titoli;blocco=tr]x[titoli.numero]", "differs from row to row"),
        ("[titoli.numero;blok=tr]", "frm, ifempty or block"),
        ("<p>[titoli;block=p]</p>" * 200, "100 blocks"),
    ],
)
def test_a_block_that_cannot_be_repeated_is_refused_where_it_stands(
    source: str, words: str
) -> None:
    error = refused(f"riga\n {source}")
    assert words in error.message
    assert error.line == 2
    assert error.text.startswith("[")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("[titoli.numero]", "differs from row to row"),
        ("[titoli.numero;block=boh]", "block=line"),
        ("[titoli;block=begin]\nx", "is missing"),
        (
            "a [titoli.numero;block=line] [titoli;block=begin] x [titoli;block=end]",
            "inside another",
        ),
    ],
)
def test_a_block_that_cannot_be_repeated_is_refused_in_plain_text_too(
    source: str, words: str
) -> None:
    assert words in refused(source, is_html=False).message


@pytest.mark.parametrize("name", ["clienti", "ind_tlm", "polizze", "titoli"])
def test_a_module_with_one_row_for_each_mail_has_nothing_to_repeat(name: str) -> None:
    catalogue = catalogue_of(name)
    source = "<table><tr><td>[clienti.nome;block=tr]</td></tr></table>"
    assert "no rows to repeat here" in refused(source, catalogue=catalogue).message
    source = "[titoli;block=begin]x[titoli;block=end]"
    assert "no rows to repeat here" in refused(source, catalogue=catalogue).message


def test_a_subject_has_no_blocks() -> None:
    mail = content(subject="[titoli;block=begin][titoli.numero][titoli;block=end]")
    with pytest.raises(MergeError, match="no rows to repeat here"):
        compile_mail(mail, GROUPED)


@pytest.mark.parametrize(
    "value", ["</td></tr><script>x</script>", "[titoli.note]", "\"'=\r\n.", "{{x}}"]
)
def test_hostile_values_in_a_block_stay_values(value: str) -> None:
    shown = rendered(TR.format("[titoli.numero;block=tr]"), {"titoli": [{"titoli.numero": value}]})
    cells = html5lib.parse(shown, namespaceHTMLElements=False).findall(".//td")
    (cell,) = cells
    assert {each.tag for each in cell} <= {"br"}
    assert html.unescape(shown.replace("<br>", "\n")).count(value.replace("\r\n", "\n")) == 1


def test_many_rows_are_filled_in_quickly_and_the_mail_stays_well_formed() -> None:
    mail = content(html=TR.format("[titoli.numero;block=tr] [titoli.scadenza]"), text=None)
    compiled = compile_mail(mail, GROUPED)
    rows = [
        {"titoli.numero": f"è{n}" * 20, "titoli.scadenza": date(2026, 1, 1)} for n in range(5000)
    ]
    start = time.process_time()
    data = compiled.render(
        to_address="a@b.it",
        to_name="",
        values={"titoli": rows},
        token="t",
        message_id="<1@b.it>",
        date=WHEN,
    )
    assert time.process_time() - start < 3
    assert data.count(b"<tr>") == 5000
    assert max(map(len, data.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    "part", ["[titoli;block", "[titoli;", "<li>[", "<tr><td>", "<b></i>", "{{"]
)
def test_broken_blocks_take_no_long_time(part: str) -> None:
    start = time.process_time()
    source = "<p>[titoli;block=p]</p>" + part * 20_000
    for is_html in (True, False):
        found = problem(source, is_html=is_html, catalogue=GROUPED.with_sql({}))
        assert found is None or found.line == 1
    assert time.process_time() - start < 5


@given(st.text(st.sampled_from("<>/[]{};=tr blockbeginendtitoli.\n'\"")))
def test_any_text_is_either_compiled_or_refused_where_it_is_wrong(source: str) -> None:
    for is_html in (True, False):
        found = problem(source, is_html=is_html)
        assert found is None or found.line <= source.count("\n") + 1
        assert found is None or found.text


def test_the_text_part_repeats_what_the_html_part_does() -> None:
    mail = MailContent(
        "x",
        "<p>Gentile [clienti.nome],</p><table><tr><th>N</th><th>Scade</th></tr>"
        "<tr><td>[titoli.numero;ifempty='&lt;&#39;senza;&#39;&gt;';block=tr]</td>"
        "<td>[titoli.scadenza]</td></tr></table>"
        "<p>[titoli;block=begin]</p><p>Titolo [titoli.numero]</p><p>[titoli;block=end]</p>"
        "<p>In breve: [titoli;block=begin]<i>[titoli.numero]</i>, [titoli;block=end]ecco.</p>",
        None,
        "a@b.it",
    )
    assert preview(mail, VALUES, GROUPED).text == (
        "Gentile Zoé,\n\nN Scade\nA&1 01/02/2026\nB2 09/05/2026\n\n"
        "Titolo A&1\n\nTitolo B2\n\nIn breve: A&1, B2, ecco.\n"
    )
    other = VALUES | {"titoli": [{"titoli.numero": None}]}
    assert "\n<'senza;'> \n" in preview(mail, other, GROUPED).text


def test_links_in_a_block_are_tracked() -> None:
    source = TR.format('[titoli.numero;block=tr] <a href="https://x.it/paga">paga</a>')
    mail = content(html=source, public_url=BASE)
    compiled = compile_mail(mail, GROUPED)
    assert compiled.links == ("https://x.it/paga",)


def test_markers_are_comments_where_the_text_is_derived() -> None:
    source = TR.format("[titoli.numero;ifempty=&#39;-&#39;;block=tr]")
    assert with_markers(source, GROUPED) == (
        "<table><!--[titoli;block=begin]--><tr><td>[titoli.numero;ifempty=&#x27;-&#x27;]</td></tr>"
        "<!--[titoli;block=end]--></table>"
    )
    assert with_markers("<p>x</p>", GROUPED) == "<p>x</p>"


def test_what_is_empty_for_a_recipient_is_known_before_sending() -> None:
    source = "[clienti.nome] [clienti.cognome;ifempty='-'] [titoli.totale] [clienti.citta]"
    source += TR.format("[titoli.numero;block=tr] [polizze.numero] [clienti.cap]")
    template = compile_template(source, GROUPED, html=True)
    lacking = {
        "clienti.citta": "[clienti.citta]",
        "polizze.numero": "[polizze.numero]",
        "clienti.cap": "[clienti.cap]",
    }
    assert template.empty(VALUES) == lacking
    assert template.empty({"clienti.nome": "x"}) == {
        "titoli.totale": "[titoli.totale]",
        "clienti.citta": "[clienti.citta]",
        "titoli": "[titoli]",
    }
    mail = compile_mail(content(subject="[clienti.nome]", html=source, text=None), GROUPED)
    assert mail.empty(VALUES) == lacking
    assert mail.empty({"titoli": []}).keys() >= {"clienti.nome", "titoli.totale", "titoli"}


SQL = catalogue_of("titoli", {"data_scadenza": False, "tabella": True})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>{{data_scadenza}}</p>", "<p>&lt;b&gt;20/01&lt;/b&gt;</p>"),
        ("<p>{{ Data_Scadenza }} {{{data_scadenza}}}</p>", None),
        ("<p>{{data<b>_</b>scadenza}}</p>", "<p>&lt;b&gt;20/01&lt;/b&gt;<b></b></p>"),
        ("<p>{{tabella}}</p>", "<p><i>A</i></p>"),
        ('<p title="{{tabella}}">x</p>', '<p title="&lt;i&gt;A&lt;/i&gt;">x</p>'),
        ('<a href="https://x.it/%7B%7Btabella%7D%7D">x</a>', None),
        ("<p>{ {tabella}} {{}} {tabella}</p>", "<p>{ {tabella}} {{}} {tabella}</p>"),
    ],
)
def test_sql_fields_in_html(source: str, shown: str | None) -> None:
    template = compile_template(source, SQL, html=True)
    values = {"sql.data_scadenza": "<b>20/01</b>", "sql.tabella": "<i>A</i>"}
    found = template.render(values)
    if shown is not None:
        assert found == shown
    assert "<b>20" not in found
    assert ("href" not in source) or "%3Ci%3EA%3C%2Fi%3E" in found
    assert set(template.fields) <= set(values)


def test_a_sql_field_that_holds_html_is_text_in_plain_text() -> None:
    template = compile_template("{{tabella}}|", SQL, html=False)
    value = "<table><tr><td>A &amp; B</td></tr><tr><td>C</td></tr></table>"
    assert template.render({"sql.tabella": value}) == "A & B\nC|"
    assert template.render({"sql.tabella": "a < b"}) == "a < b|"


def test_html_of_a_sql_field_carries_nothing_that_a_mail_must_not() -> None:
    mail = content(html="<p>{{tabella}}</p>", text="x")
    value = "<b>A</b><script>alert(1)</script><img src=x onerror=alert(1)>"
    shown = preview(mail, {"sql.tabella": value}, SQL).html
    assert shown is not None
    assert "<b>A</b>" in shown
    assert "script" not in shown
    assert "onerror" not in shown


@pytest.mark.parametrize("name", ["data_scadenz", "sconosciuto", "clienti.nome"])
def test_a_sql_field_that_is_not_declared_is_refused(name: str) -> None:
    error = refused("a\n {{" + name + "}}", catalogue=SQL)
    assert (error.line, error.column, error.text) == (2, 2, "{{" + name + "}}")
    assert error.suggestions == (("{{data_scadenza}}",) if name.startswith("data") else ())


def test_without_declared_sql_fields_double_braces_are_ordinary_text() -> None:
    shown = compile_template("{{x}}", catalogue_of("titoli"), html=True).render({})
    assert shown == "{{x}}"
