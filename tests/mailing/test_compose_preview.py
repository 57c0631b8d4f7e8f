"""The preview: what the recipient reads, with nothing that counts."""

import pytest

from ctm.mailing.compose import Attachment, preview
from ctm.mailing.merge import CATALOGUE, MergeError
from tests.mailing.compose_helpers import BASE, content


def test_a_preview_shows_the_merged_mail() -> None:
    mail = content(subject="Per [clienti.nome]\n", html="<p>[clienti.nome]</p>", text=None)
    shown = preview(mail, {"clienti.nome": "<Zoé>"})
    assert shown.subject == "Per <Zoé>"
    assert shown.html is not None
    assert "<p>&lt;Zoé&gt;</p>" in shown.html
    assert shown.text == "<Zoé>\n"


def test_a_preview_does_not_count() -> None:
    html = '<a href="https://x.it/">x</a> <script>1</script>'
    shown = preview(content(html=html, text=None, public_url=BASE, unsubscribe=True), {})
    assert shown.html is not None
    assert '<a href="https://x.it/">' in shown.html
    assert '<a href="#">Cancellati</a>' in shown.html
    assert BASE not in shown.html
    assert "script" not in shown.html
    assert "<img" not in shown.html
    assert f"{BASE}/r/…" in shown.text


def test_inline_images_are_shown() -> None:
    logo = Attachment("l.png", "image/png", b"abc", "logo")
    page = Attachment("l.html", "text/html", b"abc", "page")
    html = '<img src="cid:logo"><img src="cid:page"><img src="cid:none">'
    shown = preview(content(html=html, attachments=(logo, page)), {}).html
    assert shown is not None
    assert '<img src="data:image/png;base64,YWJj"><img src="cid:page"><img src="cid:none">' in shown


def test_a_plain_mail_has_no_html() -> None:
    shown = preview(content(text="Ciao [clienti.nome]"), CATALOGUE.samples())
    assert (shown.html, shown.text) == (None, "Ciao Giulia\n")


def test_errors_are_told() -> None:
    with pytest.raises(MergeError):
        preview(content(text="[clienti.nme]"), {})
