"""Links rewritten in the mail against a second routine, made of ``html.parser`` and a list of what
each kind of address becomes."""

import html
import string
from dataclasses import dataclass
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.compose import compile_mail
from ctm.mailing.merge import CATALOGUE
from tests.mailing.compose_helpers import BASE, body, content, sent

TOKEN = "t0k-en_1"
VALUES = {"clienti.nome": "Zoé & C", "clienti.sito": "https://y.it/a b", "clienti.note": "4'2"}

# what stays as it is written, whatever it holds
UNTRACKED = [
    "mailto:a@b.it",
    "mailto:a@b.it?subject=x%20y",
    "MAILTO:a@b.it",
    "tel:+39061234567",
    "sms:+39333",
    "#giu",
    "#",
    "",
    "pagina.html",
    "pagina.html?a=1&b=2",
    "/radice",
    "../su",
    "//altro.it/x",
    "?q=1",
    "cid:logo",
    "https://",
    "http:///x",
    "https:pagina",
    "www.x.it",
]
DROPPED = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "vbscript:x",
    "data:text/html,<b>",
    "file:///etc/passwd",
    "blob:x",
]
MERGED = {
    "https://x.it/?n=[clienti.nome]": "https://x.it/?n=Zo%C3%A9%20%26%20C",
    "https://x.it/[clienti.note]/z?a=1&b=[clienti.nome]": (
        "https://x.it/4%272/z?a=1&b=Zo%C3%A9%20%26%20C"
    ),
    "https://x.it/%5Bclienti.note%5D": "https://x.it/4%272",
    "[clienti.sito]": "https://y.it/a%20b",
    "https://[clienti.citta].it/": "https://.it/",
    "mailto:a@b.it?subject=[clienti.nome]": "mailto:a@b.it?subject=Zo%C3%A9%20%26%20C",
    "#[clienti.note]": "#4%272",
}
REMOVED = ["[rimuovi]", "http://[Rimuovi]", "%5Bunsubscribe%5D", "https://[ UNSUBSCRIBE ]/"]

HOSTS = st.sampled_from(["x.it", "x.it:8080", "città.it", "user@x.it", "127.0.0.1", "[::1]"])
TAILS = st.text(string.ascii_letters + "019/?#&=;%.,:@!$()*+-_~'\"<>|^`àè€😀 ", max_size=25)
WEB = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "Https"]),
    HOSTS,
    TAILS.map(lambda tail: tail.strip() and f"/{tail.strip()}"),
)


@dataclass(frozen=True)
class Written:
    """A link as somebody's editor writes it."""

    tag: str
    name: str
    quote: str
    href: str
    numeric: bool
    around: str

    def source(self) -> str:
        inside = self.around + self.href + self.around
        shown = "".join(self._escaped(each) for each in inside)
        return f"<{self.tag} id=1 {self.name} = {self.quote}{shown}{self.quote}>x</{self.tag}>"

    def _escaped(self, sign: str) -> str:
        if sign in "[]":
            return sign
        if self.numeric and sign not in string.ascii_letters + string.digits:
            return f"&#x{ord(sign):x};"
        return html.escape(sign)


KINDS = (
    WEB
    | st.sampled_from(["https://x.it/", "https://x.it/b?x=1&y=2", "https://x.it/a\n\tb"])
    | st.sampled_from([*UNTRACKED, *DROPPED, *MERGED, *REMOVED])
)
QUOTED = st.builds(
    Written,
    tag=st.sampled_from(["a", "A", "area"]),
    name=st.sampled_from(["href", "HREF", "hRef"]),
    quote=st.sampled_from("\"'"),
    href=KINDS,
    numeric=st.booleans(),
    around=st.sampled_from(["", " ", "\n\t"]),
)
BARE = st.builds(
    Written,
    tag=st.just("a"),
    name=st.just("href"),
    quote=st.just(""),
    href=st.sampled_from(["https://x.it/b?x=1&y=2", "mailto:a@b.it", "pagina.html", "#giu"]),
    numeric=st.just(False),
    around=st.just(""),
)


class Anchors(HTMLParser):
    """The addresses of a page's links; ``None`` where a link has none."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str | None] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "area"):
            given = dict(attrs)
            self.found.append((given["href"] or "") if "href" in given else None)


def rewritten(addresses: list[str | None]) -> tuple[list[str | None], list[str]]:
    """What the links of a page become, and the addresses tracked, number 1 first."""
    shown: list[str | None] = []
    numbers: dict[str, int] = {}
    for written in addresses:
        address = (written or "").replace("\n", "").replace("\t", "").strip(" ")
        if address in REMOVED:
            shown.append(f"{BASE}/r/{TOKEN}")
        elif address in [each.replace("\n", "").strip() for each in DROPPED]:
            shown.append(None)
        elif address in MERGED:
            shown.append(MERGED[address])
        elif address in UNTRACKED:
            shown.append(address)
        else:
            number = numbers.setdefault(address, len(numbers) + 1)
            shown.append(f"{BASE}/c/{TOKEN}/{number}")
    return shown, list(numbers)


@given(st.lists(QUOTED | BARE, min_size=1, max_size=12), st.booleans())
def test_links_become_what_another_reader_of_html_says(
    written: list[Written], whole_page: bool
) -> None:
    source = "<p>prima</p>" + "\n".join(each.source() for each in written)
    if whole_page:
        source = f"<html><body>{source}</body></html>"
    expected, tracked = rewritten(Anchors(source).found)
    mail = content(html=source, text="x", public_url=BASE)
    assert compile_mail(mail, CATALOGUE).links == tuple(tracked)
    found = Anchors(body(sent(mail, VALUES), "html")).found
    assert [each and each.strip() for each in found] == expected


@given(st.lists(WEB, min_size=1, max_size=8))
def test_nothing_is_counted_that_leads_elsewhere_than_it_says(hrefs: list[str]) -> None:
    source = "".join(f'<a href="{html.escape(each)}">x</a>' for each in hrefs)
    mail = content(html=source, text="x", public_url=BASE)
    links = compile_mail(mail, CATALOGUE).links
    found = Anchors(body(sent(mail), "html")).found
    assert [links[int(str(each).rpartition("/")[2]) - 1] for each in found] == hrefs


@given(st.lists(WEB, min_size=1, max_size=8))
def test_without_a_public_address_links_stay_as_they_are(hrefs: list[str]) -> None:
    source = "".join(f'<a href="{html.escape(each)}">x</a>' for each in hrefs)
    mail = content(html=source, text="x")
    assert compile_mail(mail, CATALOGUE).links == ()
    assert Anchors(body(sent(mail), "html")).found == hrefs


WORDS = st.sampled_from(["vedi", "è", "(", ")", ",", ".", "»", "x@y.it", "www.x.it", "\n", "  "])
FIRST = st.sampled_from(
    ["https://x.it", "http://x.it/a", "HTTPS://X.it/", "https://città.it/è?a=1"]
)
IN_TEXT = st.builds(
    "{}{}".format, FIRST, st.text("abc/?=&%#-_~+è.", max_size=12).map(lambda tail: f"/{tail}z")
)
AFTER = st.sampled_from(["", ".", ",", ")", "!?", ").", "»"])


@given(st.lists(WORDS | st.tuples(IN_TEXT, AFTER), max_size=12))
def test_addresses_in_text_are_those_somebody_would_read(
    pieces: list[str | tuple[str, str]],
) -> None:
    numbers: dict[str, int] = {}
    written, expected = "x", "x"
    for piece in pieces:
        if isinstance(piece, str):
            written += f" {piece}"
            expected += f" {piece}"
        else:
            address, after = piece
            number = numbers.setdefault(address, len(numbers) + 1)
            written += f" {address}{after}"
            expected += f" {BASE}/c/{TOKEN}/{number}{after}"
    mail = content(text=f"{written} x", public_url=BASE, track_text_links=True)
    assert compile_mail(mail, CATALOGUE).links == tuple(numbers)
    assert body(sent(mail), "plain") == f"{expected} x\n"
