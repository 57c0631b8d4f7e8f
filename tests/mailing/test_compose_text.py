"""The text part derived from HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.compose import derive_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Uno</p><p>Due</p>", "Uno\n\nDue\n"),
        ("<p>Uno<br>Due<br><br>Tre</p>", "Uno\nDue\n\nTre\n"),
        ("<div>Uno</div><div>Due</div>", "Uno\nDue\n"),
        ("  molti \n  <b>spazi</b>&nbsp;e <i> altri </i>.", "molti spazi e altri .\n"),
        ("<h1>Titolo</h1>testo", "Titolo\n\ntesto\n"),
        ('Vedi <a href="https://x.it/a">qui</a>.', "Vedi qui <https://x.it/a>.\n"),
        ('<a href="https://x.it">https://x.it</a>', "https://x.it\n"),
        ('<a href="mailto:a@b.it">a@b.it</a>', "a@b.it\n"),
        ('<a href="mailto:a@b.it">scrivi</a>', "scrivi <a@b.it>\n"),
        ('<a href="#su">su</a>', "su\n"),
        ('<a href="https://x.it"><img src=x alt="Logo"></a>', "Logo <https://x.it>\n"),
        ('<a href="https://x.it"><img src=x></a>', "https://x.it\n"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "- a\n- b\n  - c\n\nd\n"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        ("a<hr>b", "a\n\n" + "-" * 40 + "\n\nb\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("<div style='display:none'>nascosto</div>visto", "visto\n"),
        ("<head><title>t</title><style>x{}</style></head><body>b</body>", "b\n"),
        ("<!-- no -->sì", "sì\n"),
        ("[clienti.data;frm='dd/mm']", "[clienti.data;frm='dd/mm']\n"),
        ("[clienti.<b>nome</b>]", "[clienti.nome]\n"),
        ("", ""),
        ("<p> </p>", ""),
        ("&lt;b&gt; &amp; è", "<b> & è\n"),
    ],
)
def test_text(html: str, text: str) -> None:
    assert derive_text(html) == text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="<&"), min_size=1))
def test_every_word_gets_through(source: str) -> None:
    shown = derive_text(f"<div><p>{source}</p></div>")
    assert shown.replace("\xa0", " ").split() == source.replace("\xa0", " ").split()


def test_deep_html_is_read_without_recursion() -> None:
    assert derive_text("<div>" * 999 + "x") == "x\n"
