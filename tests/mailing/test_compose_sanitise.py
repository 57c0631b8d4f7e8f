"""What a mail must not carry goes; everything else stays as written."""

import re

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctm.mailing.compose import ComposeError, sanitise, sanitise_mail_html
from ctm.mailing.compose.sanitise import css_is_harmless

KEPT = [
    "<p style='color:red' class=x>Ciao<br>[clienti.nome]",
    '<table width="600" bgcolor="#fff"><tr><td background="https://x.it/a.png">x</td></tr></table>',
    "<!DOCTYPE html><html><head><title>x</title><style>@media (max-width:600px){p{color:red}}"
    "</style></head><body>x</body></html>",
    "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
    "<!--[if !mso]><!--><p>x</p><!--<![endif]-->",
    '<a href="mailto:a@b.it">a</a><a href="tel:1">b</a><a href="[clienti.sito]">c</a>',
    '<a href="[rimuovi]">via</a>',
    '<img src="cid:logo" alt="x"><img src="data:image/png;base64,AAAA">',
    '<meta name="viewport" content="width=device-width"><meta charset="utf-8">',
    "<p style=\"scroll-behavior:smooth;background:url('https://x.it/a.png')\">x</p>",
    "testo & altro < 3 &egrave; 😀",
    "<!-- nota -->",
]


@pytest.mark.parametrize("html", KEPT)
def test_harmless_html_stays_exactly_as_written(html: str) -> None:
    assert sanitise(html).removed == ()
    assert sanitise_mail_html(html) == html


HARMFUL = [
    ("<script>alert(1)</script>ok", "ok"),
    ("<p onclick=x onmouseover='y'>ok</p>", "<p>ok</p>"),
    ("<a href='javascript:alert(1)'>ok</a>", "<a>ok</a>"),
    ("<a href='java&#9;script:alert(1)'>ok</a>", "<a>ok</a>"),
    ("<a href='&#1;javascript:x'>ok</a>", "<a>ok</a>"),
    ("<a href=' JaVaScRiPt&colon;x'>ok</a>", "<a>ok</a>"),
    ("<a href='java[clienti.nome]script:x'>ok</a>", "<a>ok</a>"),
    ("<a href='java{{x}}script:x'>ok</a>", "<a>ok</a>"),
    ("<a href='data:text/html,x'>ok</a>", "<a>ok</a>"),
    ("<a href='data:image/png;base64,AA'>ok</a>", "<a>ok</a>"),
    ("<img src='data:image/svg+xml,x'>", "<img>"),
    ("<img src='file:///etc/passwd'>", "<img>"),
    ("<iframe src=x></iframe>ok", "ok"),
    ("<form action=x><input name=a><button formaction=y>ok</button></form>", "ok"),
    ("<base href='https://evil.it/'>ok", "ok"),
    ("<meta http-equiv=refresh content='0;url=x'>ok", "ok"),
    ("<meta http-equiv='Set-Cookie' content=x>ok", "ok"),
    ("<link rel=stylesheet href='https://x.it/a.css'>ok", "ok"),
    ("<svg><a><animate attributeName=href values='javascript:x'></a></svg>ok", "ok"),
    ("<math><mi xlink:href='javascript:x'>a</mi></math>ok", "ok"),
    ("<object data=x><embed src=y></object>ok", "ok"),
    ("<p style='background:expression(alert(1))'>ok</p>", "<p>ok</p>"),
    ("<p style='x:exp/**/ression(1)'>ok</p>", "<p>ok</p>"),
    ("<p style='x:\\65xpression(1)'>ok</p>", "<p>ok</p>"),
    ("<p style='behavior:url(x)'>ok</p>", "<p>ok</p>"),
    ("<style>@import 'https://x.it/a.css'; p{a:b}</style>", "<style> p{a:b}</style>"),
    ("<style>@\\69mport 'x';p{a:b}</style>ok", "ok"),
    ("<!-- --!><script>x</script> -->ok", "<!-- --> --&gt;ok"),
    ("<!--[if IE]><script>alert(1)</script><![endif]-->ok", "ok"),
    ("<noscript><p title='</noscript><img src=x onerror=y>'></noscript>", ""),
    ("<textarea></textarea><xmp><b>x</b></xmp>ok", "ok"),
    ("<template><script>x</script></template>ok", "ok"),
    ("<custom-tag x=1><b>ok</b></custom-tag>", "<b>ok</b>"),
    ("<a href=x ping='https://x.it'>ok</a>", '<a href="x">ok</a>'),
    ("<img srcset='https://x.it/a 1x, javascript:x 2x'>", "<img>"),
    ("<td><script>x</script>", ""),
    ("<link><pre>\n\n x</pre>", "<pre>\n\n x</pre>"),
    ("<link><b title='\"onload=\"&amp;lt;'>x</b>", '<b title="&quot;onload=&quot;&amp;lt;">x</b>'),
    ("<link>a &lt;b&gt; &amp;amp; c", "a &lt;b&gt; &amp;amp; c"),
]


@pytest.mark.parametrize(("html", "left"), HARMFUL)
def test_harmful_html_goes(html: str, left: str) -> None:
    found = sanitise(html)
    assert found.html == left or found.html.replace("> ", ">") == left
    assert found.removed


@pytest.mark.parametrize("html", [*KEPT, *(html for html, _left in HARMFUL)])
def test_cleaning_twice_changes_nothing_more(html: str) -> None:
    once = sanitise_mail_html(html)
    assert sanitise(once).removed == ()


PIECES = st.sampled_from(
    re.findall(
        r"\S+",
        """<p> </p> <b> <table> <tr> <td> </table> <svg> </svg> <math> <mtext> <style> </style>
        <title> </title> <script> </script> <!-- --> --!> <noscript> </noscript> <textarea> <xmp>
        <template> <select> <option> <a~href="javascript:x"> <img~src=x~onerror=y> <![CDATA[ ]]>
        " ' ` = > < / & &lt; &quot; x <form> </form> <iframe> <foreignObject> <desc> <mglyph>
        <annotation-xml> <html> <body> <head> <frameset> <plaintext>""",
    )
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=12))
def test_nothing_harmful_is_left_however_it_was_nested(pieces: list[str]) -> None:
    html = "".join(pieces).replace("~", " ")
    tree = html5lib.parse(sanitise_mail_html(html), namespaceHTMLElements=False)
    for element in tree.iter():
        if isinstance(element.tag, str):
            assert element.tag not in ("script", "iframe", "form", "svg", "math", "noscript")
            assert not [name for name in element.attrib if str(name).startswith("on")]
            assert "javascript" not in element.attrib.get("href", "")


def test_too_much_html_is_refused() -> None:
    with pytest.raises(ComposeError, match="too long"):
        sanitise("x" * 500_001)
    with pytest.raises(ComposeError, match="nested"):
        sanitise("<div>" * 3000)
    with pytest.raises(ComposeError, match="nested"):
        sanitise("<b></p>" * 3000)


@pytest.mark.parametrize(
    "part", ["<p>x", "<li>x", "x<br>", "<img src=x>", "<tr><td>x", "<table><tr><td>x</table>"]
)
def test_much_html_is_no_deep_nesting(part: str) -> None:
    assert sanitise(part * 3000).removed == ()


def test_html_that_the_parser_cannot_read_is_refused() -> None:
    with pytest.raises(ComposeError, match="broken"):
        sanitise("<table><math><html>")


def test_names_of_what_went_are_told_once() -> None:
    found = sanitise("<script>1</script><script>2</script><p onclick=x>")
    assert found.removed == ("<script>", "onclick")


@pytest.mark.parametrize("css", ["color:red", "a{b:c}", "content:'\\201C'", "/* behavior */ x:y"])
def test_harmless_css(css: str) -> None:
    assert css_is_harmless(css)
