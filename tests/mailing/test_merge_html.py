"""Fields in HTML: as editors leave them, and never able to break out of their place."""

import html
import time
from urllib.parse import unquote

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.merge import CATALOGUE, compile_template

NASTY = "\"><script>alert('1')</script>&amp;"


def rendered(source: str, value: object = "Anna & Zoé") -> str:
    template = compile_template(source, CATALOGUE, html=True)
    return template.render({"clienti.nome": value, "clienti.data": "2020-01-20"})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>[clienti.nome]</p>", "<p>Anna &amp; Zoé</p>"),
        ("[clienti.data;frm=&#39;dd/mm/YYYY&#39;]", "20/01/2020"),
        ("[clienti.data;frm=&quot;mm-dd-YYYY&quot;]", "01-20-2020"),
        ("[clienti.data;frm=&rsquo;dd&rsquo;]", "20"),
        ("&#91;clienti.nome&#93;", "Anna &amp; Zoé"),
        ("[clienti.&nbsp;nome]", "Anna &amp; Zoé"),
        ("[clienti&shy;.nome]", "Anna &amp; Zoé"),
        ("<b>[clien</b><i>ti.nome]</i>", "<b>Anna &amp; Zoé</b><i></i>"),
        (
            "[clienti.<span style='x'>nome</span>] [clienti.nome]",
            "Anna &amp; Zoé<span style='x'></span> Anna &amp; Zoé",
        ),
        ('<i title="[clienti.nome]">', '<i title="Anna &amp; Zoé">'),
        ("<!-- [clienti.nome] -->", "<!-- Anna &amp; Zoé -->"),
        ("a < b [clienti.nome]", "a < b Anna &amp; Zoé"),
        ("<p>[clienti</p><p>.nome]</p>", "<p>[clienti</p><p>.nome]</p>"),
    ],
)
def test_fields_as_editors_write_them(source: str, shown: str) -> None:
    assert rendered(source) == shown


def test_lines_of_a_value_stay_lines() -> None:
    assert rendered("<p>[clienti.nome]</p>", "a\r\nb") == "<p>a<br>b</p>"
    assert rendered('<p title="[clienti.nome]">', "a\nb") == '<p title="a\nb">'


@pytest.mark.parametrize(
    ("source", "value", "shown"),
    [
        ('<a href="https://x.it/?n=[clienti.nome]&m=1">', "a&b=c", "https://x.it/?n=a%26b%3Dc&m=1"),
        ('<a href="https://x.it/%5Bclienti.nome%5D">', "è", "https://x.it/%C3%A8"),
        ("<a href='https://[clienti.nome].x.it/'>", "evil.it/", "https://evil.it%2F.x.it/"),
        ('<a href="https://x.it[clienti.nome]">', "@evil.it", "https://x.it%40evil.it"),
        ('<a href="mailto:[clienti.nome]">', "a@b.it", "mailto:a@b.it"),
        ('<a href="mailto:[clienti.nome]">', "a@b.it?bcc=c@d.it", "mailto:a@b.it%3Fbcc%3Dc@d.it"),
        ('<a href="[clienti.nome]">', "https://x.it/a?b=1&c", "https://x.it/a?b=1&amp;c"),
        ('<a href="[clienti.nome]">', "www.x.it", "http://www.x.it"),
        ('<a href="[clienti.nome]">', "javascript:alert(1)", "javascript%3Aalert%281%29"),
        ('<a href="[clienti.nome]">', "//evil.it", "%2F%2Fevil.it"),
        ('<a href=" [clienti.nome]">', 'https://x.it/"onclick="x', " https://x.it/%22onclick=%22x"),
    ],
)
def test_values_in_addresses(source: str, value: str, shown: str) -> None:
    quote = "'" if "'" in source else '"'
    assert rendered(source, value) == f"<a href={quote}{shown}{quote}>"


@pytest.mark.parametrize(
    "source",
    [
        '<p style="color:[clienti.nome]">x</p>',
        "<style>p{color:[clienti.nome]}</style>",
        "<td width=[clienti.nome]>x</td>",
        "<td [clienti.nome]>x</td>",
    ],
)
def test_styles_and_bare_attributes_take_harmless_characters_only(source: str) -> None:
    shown = rendered(source, "#1a2;}x{background:url(//e)} onload=alert(1)")
    assert "#1a2xbackgroundurleonloadalert1" in shown


PLACES = [
    "<p>{}</p>",
    '<p title="{}">x</p>',
    "<p title='{}'>x</p>",
    "<p title={}>x</p>",
    "<p {}>x</p>",
    '<p style="a:{}">x</p>',
    '<a href="{}">x</a>',
    '<a href="https://x.it/{}">x</a>',
    '<a href="mailto:{}">x</a>',
    "<style>a{ {} }</style>",
    "<!-- {} -->",
]


@given(st.sampled_from(PLACES), st.text() | st.just(NASTY))
def test_no_value_adds_an_element_or_an_address_scheme(place: str, value: str) -> None:
    field = "[clienti.nome]"
    shown = rendered(place.replace("{}", field), value)
    tree = html5lib.parse(shown, namespaceHTMLElements=False)
    found = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert found <= {"html", "head", "body", "p", "a", "br", "style"}
    for element in tree.iter():
        assert not any(name.startswith("on") and place != "<p {}>x</p>" for name in element.attrib)
        scheme = element.attrib.get("href", "https:").strip().partition(":")
        assert not scheme[1] or scheme[0].lower() in ("http", "https", "mailto")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_value_reads_the_same_in_text_and_in_an_address(value: str) -> None:
    text = rendered("<p>[clienti.nome]</p>", value).removeprefix("<p>").removesuffix("</p>")
    assert html.unescape(text) == value
    address = rendered('<a href="https://x.it/[clienti.nome]">', value)
    assert unquote(address.removeprefix('<a href="https://x.it/').removesuffix('">')) == value


@pytest.mark.parametrize(
    "part",
    [
        "<a",
        "[",
        "[a.b",
        "<!--",
        "<p title='",
        "<style>",
        "<style></style>",
        "[<b>",
        "<a b='[a.b]'>",
    ],
)
def test_broken_html_takes_no_long_time(part: str) -> None:
    start = time.process_time()
    assert rendered(part * 50_000) == part * 50_000
    assert time.process_time() - start < 5
