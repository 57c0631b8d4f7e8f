"""Tracked links, the pixel and the remove link."""

import html
import re
from typing import Any

import pytest

from ctm.mailing.compose import compile_mail
from ctm.mailing.compose.tracking import MARK
from ctm.mailing.merge import CATALOGUE
from tests.mailing.compose_helpers import BASE, body, content, sent

TOKEN = "t0k-en_1"


def html_of(source: str, **changes: Any) -> str:
    given = {"html": source, "text": "x", "public_url": BASE} | changes
    return body(sent(content(**given)), "html")


def text_of(source: str, **changes: Any) -> str:
    return body(sent(content(**({"text": source, "public_url": BASE} | changes))), "plain")


def hrefs(html: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', html)


def links(source: str, **changes: Any) -> tuple[str, ...]:
    given = {"html": source, "text": None, "public_url": BASE} | changes
    return compile_mail(content(**given), CATALOGUE).links


def test_links_are_numbered_in_order_and_equal_ones_once() -> None:
    source = (
        '<a href="https://x.it/b?x=1&amp;y=2">b</a><a href=" HTTP://x.it/a ">a</a>'
        '<a href="https://x.it/b?x=1&y=2">b</a><map><area href="https://x.it/c"></map>'
    )
    assert links(source) == ("https://x.it/b?x=1&y=2", "HTTP://x.it/a", "https://x.it/c")
    numbers = [1, 2, 1, 3]
    assert hrefs(html_of(source)) == [f"{BASE}/c/{TOKEN}/{number}" for number in numbers]


@pytest.mark.parametrize(
    "href",
    ["mailto:a@b.it", "tel:+39061234567", "#giu", "pagina.html", "", "https://", "https://[x/"],
)
def test_what_is_no_web_page_is_not_tracked(href: str) -> None:
    source = f'<a href="{href}">x</a>'
    assert links(source) == ()
    assert hrefs(html_of(source)) == [href]


@pytest.mark.parametrize(
    "href", ["https://x.it/?n=[clienti.nome]", "https://x.it/%5Bclienti.nome%5D", "[clienti.sito]"]
)
def test_an_address_with_a_field_is_filled_in_and_not_tracked(href: str) -> None:
    mail = content(html=f'<a href="{href}">x</a>', public_url=BASE)
    values = {"clienti.nome": "a b", "clienti.sito": "https://y.it"}
    (found,) = hrefs(body(sent(mail, values), "html"))
    assert found in ("https://x.it/?n=a%20b", "https://x.it/a%20b", "https://y.it")
    assert compile_mail(mail, CATALOGUE).links == ()


def test_brackets_that_are_no_field_do_not_stop_tracking() -> None:
    assert links('<a href="https://x.it/?a[1]=2">x</a>') == ("https://x.it/?a[1]=2",)


def test_the_pixel_is_the_last_thing_in_the_body() -> None:
    html = html_of("<html><body><p>x</p></body></html>")
    assert html.count(f"{BASE}/o/{TOKEN}.gif") == 1
    assert re.search(r'<img src="[^"]*\.gif"[^>]*></body></html>\s*$', html)


def test_a_page_of_frames_becomes_a_mail_with_a_body() -> None:
    html = html_of("<html><frameset><frame src=x></frameset></html>", unsubscribe=True)
    assert hrefs(html) == [f"{BASE}/r/{TOKEN}"]
    assert "frame" not in html


def test_nothing_is_tracked_without_a_public_address() -> None:
    html = html_of('<a href="https://x.it/">x</a>[rimuovi]', public_url=None, unsubscribe=True)
    assert hrefs(html) == ["https://x.it/", "#"]
    assert "<img" not in html


@pytest.mark.parametrize(
    "source",
    [
        '<a href="[rimuovi]">via</a>',
        '<a href="http://[rimuovi]">via</a>',
        '<a href="%5BRimuovi%5D">via</a>',
        '<a href="[unsubscribe]">via</a>',
        "<p>Per uscire: [rimuovi].</p>",
        "<p>[ unsubscribe ]</p>",
    ],
)
def test_the_remove_placeholder_leads_to_the_remove_page(source: str) -> None:
    html = html_of(source, unsubscribe=True)
    assert hrefs(html) == [f"{BASE}/r/{TOKEN}"]
    assert "rimuovi]" not in html.lower()


def test_a_placeholder_in_a_links_text_becomes_words() -> None:
    html = html_of('<a href="[rimuovi]">[rimuovi]</a>')
    assert f'<a href="{BASE}/r/{TOKEN}">Cancellati</a>' in html


@pytest.mark.parametrize(
    ("language", "word"),
    [("it", "Cancellati"), ("it_IT", "Cancellati"), ("en", "Unsubscribe"), ("de", "Unsubscribe")],
)
def test_a_body_without_placeholder_gets_a_remove_line(language: str, word: str) -> None:
    html = html_of("<p>x</p>", unsubscribe=True, language=language)
    assert f'<a href="{BASE}/r/{TOKEN}">{word}</a>' in html
    text = text_of("x", unsubscribe=True, language=language)
    assert text.endswith(f"\n{word}: {BASE}/r/{TOKEN}\n")


def test_no_remove_line_where_it_is_not_wanted() -> None:
    assert hrefs(html_of("<p>x</p>", unsubscribe=False)) == []
    assert text_of("x\n", unsubscribe=False) == "x\n"


def test_each_part_has_one_remove_link() -> None:
    mail = content(
        html='<p>x <a href="[rimuovi]">via</a></p>', text=None, public_url=BASE, unsubscribe=True
    )
    message = sent(mail)
    assert body(message, "plain") == f"x via <{BASE}/r/{TOKEN}>\n"
    assert body(message, "html").count(f"{BASE}/r/") == 1


def test_links_in_text_are_tracked_only_if_asked() -> None:
    text = "Vedi https://x.it/a, https://x.it/b. (https://x.it/a) https://x.it/[clienti.nome]\n"
    shown = text_of(text, track_text_links=True)
    tracked = f"{BASE}/c/{TOKEN}"
    assert shown == f"Vedi {tracked}/1, {tracked}/2. ({tracked}/1) https://x.it/\n"
    assert text_of(text) == text.replace("[clienti.nome]", "")


def test_without_tracking_only_the_remove_link_works() -> None:
    mail = content(
        html='<a href="https://x.it/">x</a>',
        text="https://x.it/",
        public_url=BASE,
        unsubscribe=True,
        track=False,
        track_text_links=True,
    )
    message = sent(mail)
    assert hrefs(body(message, "html")) == ["https://x.it/", f"{BASE}/r/{TOKEN}"]
    assert "/o/" not in body(message, "html")
    assert "/c/" not in body(message, "plain")
    assert message["List-Unsubscribe"] == f"<{BASE}/r/{TOKEN}>"
    assert compile_mail(mail, CATALOGUE).links == ()


def test_text_and_html_share_their_links() -> None:
    source = '<a href="https://x.it/">x</a>'
    assert links(source, text="https://x.it/ https://y.it/", track_text_links=True) == (
        "https://x.it/",
        "https://y.it/",
    )


def test_the_mark_for_the_token_cannot_be_written_by_a_user() -> None:
    mail = content(html=f"<p>a{MARK}b [clienti.nome]</p>", text=f"a{MARK}b\n", public_url=BASE)
    message = sent(mail, {"clienti.nome": f"x{MARK}y"})
    assert "<p>ab x" in body(message, "html")
    assert body(message, "html").count(TOKEN) == 1
    assert body(message, "plain") == "ab\n"


@pytest.mark.parametrize(
    "entity", ["&#xe0f0;", "&#XE0F0", "&#57584;", "&#x000e0f0;", "&#x\ue0f0e0f0;"]
)
def test_nor_by_its_number(entity: str) -> None:
    source = f'<p title="{entity}">a{entity}!</p><a href="https://x.it/{entity}/">x</a>'
    mail = content(html=source, text=None, public_url=BASE)
    message = sent(mail)
    assert '<p title="\ufffd">a\ufffd!</p>' in body(message, "html")
    assert body(message, "html").count(TOKEN) == 2, "the link and the pixel"
    assert "a\ufffd!" in body(message, "plain")
    assert compile_mail(mail, CATALOGUE).links == ("https://x.it/\ufffd/",)


@pytest.mark.parametrize("entity", ["&#xe0f01;", "&#575840;"])
def test_other_numbers_stay(entity: str) -> None:
    assert html.unescape(entity) in html_of(f"<p>{entity}</p>")
