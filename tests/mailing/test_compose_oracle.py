"""The byte skeleton against its oracle: whatever template and recipients, the mail reads as the
one that ``EmailMessage`` makes of the same content."""

import re
import string
import unicodedata
from datetime import datetime
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from typing import Any

from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from ctm.mailing.compose import (
    AddressError,
    Attachment,
    MailContent,
    check_address,
    compile_mail,
    header_address,
)
from ctm.mailing.merge import catalogue_of
from tests.mailing.compose_helpers import WHEN
from tests.mailing.compose_oracle import (
    BASE,
    File,
    Letter,
    Link,
    Piece,
    Repeat,
    Slot,
    built,
    check_lines,
    on_one_line,
    parts,
    person,
    read_twice,
    source_of,
)

KEYS = ["clienti.nome", "clienti.cognome", "clienti.citta", "clienti.note"]
ROW_KEYS = ["titoli.numero", "titoli.note", "polizze.numero"]
GROUPED = catalogue_of("titoli_anagrafica")
OURS = "\ue0f0"

SIGNS = st.sampled_from(
    "aàÅ…€😀👩‍👩‍👧e\u0301אבجد\u202e\u200f=._?\"<>&';%,()@:\\ \t\n\r\0\x01\x0b\x0c\x1b\x1f\x7f"
    "\x85\xa0\u2028\u2029\ufeff\ud800\u3000"
)
PRINTED = st.characters(exclude_characters=OURS + "[]{}", exclude_categories=[])
WORDS = st.text(SIGNS | PRINTED, max_size=40)
LINES = st.sampled_from(
    [
        "",
        ".",
        "..",
        ".\r\n.",
        "\r\n.\r\n",
        "\r.\n",
        "From me",
        "=",
        "=20",
        "--=_x",
        "fine \r\nanche \t\n",
        "\t",
        " " * 90,
        "x" * 75,
        "x" * 76,
        "x" * 1200,
        "è" * 700,
        "=" * 80,
        "parola lunga " * 30,
        "x\r\nBcc: evil@x.it\r\n\r\n<b>",
        "=?utf-8?q?x?=",
        "&amp; &lt;b&gt; &#91;",
        "</p></body><!-- -->",
    ]
)
TEXTS = st.lists(WORDS | LINES, max_size=4).map("\n".join) | WORDS | LINES
SHOWN = st.none() | TEXTS | st.just("[clienti.nome]")
ROWS = st.lists(st.dictionaries(st.sampled_from(ROW_KEYS), SHOWN), max_size=3)
VALUES = st.builds(
    lambda once, rows: once | ({} if rows is None else {"titoli": rows}),
    st.dictionaries(st.sampled_from(KEYS), SHOWN),
    st.none() | ROWS,
)
SLOTS = st.builds(Slot, st.sampled_from(KEYS), st.sampled_from(["", "Lettore", "più = meglio"]))
BRACKETS = st.sampled_from(["[", "]", "[1]", "[[", "{x}", "a[b]"])
OTHERWISE = st.sampled_from(["", "-"])
ROW_SLOTS = st.builds(Slot, st.sampled_from(ROW_KEYS), OTHERWISE)

QUERY = st.text(string.ascii_letters + "0123456789=&;/%.-_~", max_size=12)
LINKS = st.builds(
    Link,
    st.sampled_from(["mailto:a@b.it", "tel:+39061234567", "#giu"])
    | QUERY.map("https://x.it/?q={}".format)
    | st.just("http://xn--citt-3na.it/"),
    st.sampled_from(["vedi", "più", "qui & là"]),
    st.none() | SLOTS,
)


def repeats(pieces: st.SearchStrategy[Any]) -> st.SearchStrategy[Repeat]:
    return st.lists(pieces | ROW_SLOTS, max_size=4).map(tuple).map(Repeat)


ONCE: st.SearchStrategy[Any] = TEXTS | SLOTS | BRACKETS
PIECES: st.SearchStrategy[Piece] = ONCE | repeats(ONCE)
HTML_PIECES: st.SearchStrategy[Piece] = ONCE | LINKS | repeats(ONCE | LINKS)
CELLS = st.lists(ROW_SLOTS, min_size=1, max_size=3).map(tuple)


def filled(
    strategy: st.SearchStrategy[Piece], **sizes: int
) -> st.SearchStrategy[tuple[Piece, ...]]:
    return st.lists(strategy, **sizes).map(tuple)


NAMES = st.sampled_from(
    [
        "polizza.pdf",
        "polizza 😀 già.pdf",
        "100% d'accordo; (copia).pdf",
        "è" * 140 + ".pdf",
        "a'b.txt",
        "שלום.doc",
        "e\u0301.txt",
        "senza estensione",
        "x" * 100,
    ]
)
KINDS = st.sampled_from(["application/pdf", "text/csv", "image/png", "application/x-y.z+json"])
FILES = st.builds(File, NAMES, KINDS, st.binary(max_size=200))
IMAGES = st.builds(File, NAMES, st.just("image/png"), st.binary(min_size=1, max_size=90))


LOCAL_ASCII = st.from_regex(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9+-]{1,20})?", fullmatch=True
)
LOCAL_WIDE = st.sampled_from(["zoé", "用户", "δοκιμή", "иван.п"])
DOMAINS = st.sampled_from(
    [
        "example.it",
        "a.b-c.example",
        "città.it",
        "例子.公司",
        "xn--citt-3na.it",
        "straße.de",
        "x" * 60 + ".esempio.it",
    ]
)


def addresses(local: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{}@{}".format, local, DOMAINS).map(check_address)


ADDRESSES = addresses(LOCAL_ASCII)
PEOPLE = TEXTS | st.sampled_from(
    [
        "Rossi, Mario",
        'Anna "Zoé" \\',
        "(nota) <a@b.it>",
        "a;b:c@d",
        "Rossi, M. " * 9,
        '"' * 60,
        "Nome " * 60,
        "è" * 300,
    ]
)


FIELD_NAMES = st.sampled_from(["X-Note", "X-" + "Campaign-" * 6 + "Id", "Keywords"])
EXTRA = st.dictionaries(FIELD_NAMES, TEXTS, max_size=2)


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    form = draw(st.sampled_from(["text", "html", "both"]))
    text = paragraphs = None
    if form != "html":
        text = (*draw(filled(PIECES, max_size=6)), draw(st.sampled_from("x.=")))
        text = text[::-1] if draw(st.booleans()) else text
    if form != "text":
        paragraphs = tuple(draw(st.lists(filled(HTML_PIECES, max_size=5), min_size=1, max_size=4)))
    images = draw(st.lists(IMAGES, max_size=2)) if draw(st.booleans()) else []
    inline = [
        File(each.name, each.kind, each.data, f"logo{number}") for number, each in enumerate(images)
    ]
    return Letter(
        subject=draw(filled(ONCE, max_size=4)),
        text=text,
        paragraphs=paragraphs,
        files=(*draw(st.lists(FILES, max_size=2)), *inline),
        language=draw(st.sampled_from(["it", "en"])),
        tracked=draw(st.booleans()),
        unsubscribe=draw(st.booleans()),
        extra=tuple(draw(EXTRA).items()),
        copies=tuple(draw(st.lists(ADDRESSES, max_size=3))),
        cells=draw(st.just(()) | CELLS) if form == "both" else (),
    )


def in_ascii(address: str) -> str:
    """Domain by the standard library's older IDNA where it knows it, else by hand."""
    local, _at, domain = address.rpartition("@")
    by_hand = {"straße.de": "xn--strae-oqa.de"}
    return f"{local}@{by_hand.get(domain) or domain.encode('idna').decode('ascii')}"


def content_of(letter: Letter, from_name: str, from_email: str) -> MailContent:
    return MailContent(
        subject=source_of(letter.subject),
        html=letter.html_source,
        text=None if letter.text is None else source_of(letter.text),
        from_email=from_email,
        from_name=from_name,
        attachments=tuple(
            Attachment(each.name, each.kind, each.data, each.cid) for each in letter.files
        ),
        public_url=BASE if letter.tracked else None,
        language=letter.language,
        unsubscribe=letter.unsubscribe,
        extra_headers=letter.extra,
        cc=letter.copies,
        reply_to=letter.copies[0] if letter.copies else None,
        read_receipt_to=letter.copies[-1] if letter.copies else None,
    )


def unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip(" ")


@st.composite
def recipients(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    local = LOCAL_ASCII if draw(st.integers(0, 4)) else LOCAL_WIDE
    return draw(PEOPLE), draw(addresses(local)), draw(VALUES)


TOKENS = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=75)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))


def plain_letter(*text: Piece, **changes: Any) -> Letter:
    given_parts: dict[str, Any] = {"subject": (), "paragraphs": None, "files": ()}
    choices = {"language": "it", "tracked": True, "unsubscribe": True}
    return Letter(text=text or None, **(given_parts | choices | changes))


NAME = Slot("clienti.nome")
NUMBER = Slot("titoli.numero")
HOSTILE = [{"titoli.numero": each} for each in ("[titoli.note]", "</td><b>=\r\n.", "", "è" * 99)]
NOBODY = ("Rossi, M. " * 9, "a@example.it", {"clienti.nome": "=20"})


@settings(max_examples=settings().max_examples * 3 // 2)
@example(
    plain_letter("\r", NAME, "x"), ('"' * 60, "b@example.it"), [NOBODY], "t", datetime(2026, 1, 1)
)
@example(plain_letter(paragraphs=((),)), ("", "b@example.it"), [NOBODY], "t", datetime(2026, 1, 1))
@example(
    plain_letter(
        Repeat((NUMBER, "\n", NAME)),
        ".",
        paragraphs=((Repeat((" ", NUMBER, Link("https://x.it/?q=1", "vedi"), " ")),),),
        cells=(NUMBER, Slot("polizze.numero", "-")),
    ),
    ("", "b@example.it"),
    [NOBODY, ("", "c@example.it", {"titoli": HOSTILE, "clienti.nome": "x;"})],
    "t",
    datetime(2026, 1, 1),
)
@given(
    letter=letters(),
    sender=st.tuples(PEOPLE, ADDRESSES),
    people=st.lists(recipients(), min_size=1, max_size=4),
    token=TOKENS,
    when=TIMES,
)
def test_every_mail_reads_as_the_standard_librarys(
    letter: Letter,
    sender: tuple[str, str],
    people: list[tuple[str, str, dict[str, Any]]],
    token: str,
    when: datetime,
) -> None:
    compiled = compile_mail(content_of(letter, *sender), GROUPED)
    assert compiled.links == tuple(letter.links())
    for number, (name, address, values) in enumerate(people):
        message_id = f"<{number}.{token}@example.it>"
        data = compiled.render(
            to_address=address,
            to_name=name,
            values=values,
            token=token,
            message_id=message_id,
            date=when,
            utf8=True,
        )
        check_lines(data)
        modern, old = read_twice(data)
        written = {"From": (sender[0], in_ascii(sender[1])), "To": (name, in_ascii(address))}
        expected = built(letter, values, token, written)
        wanted = parts(expected)
        assert parts(modern) == wanted
        assert parts(old) == wanted
        for field, (display, mailbox) in written.items():
            shown = on_one_line(display)
            if shown == mailbox:
                shown = ""
            assert person(old, field) == (shown, mailbox)
            (found,) = modern[field].addresses
            assert found.addr_spec == mailbox
            assert "".join(found.display_name.split()) == "".join(shown.split())
        subject = letter.expected_subject(values)
        assert modern["Subject"] == subject
        assert modern["Message-ID"] == message_id
        assert parsedate_to_datetime(old["Date"]) == when.replace(microsecond=0, tzinfo=WHEN.tzinfo)
        names = ["Date", "Message-ID", "To", "Subject", "From"]
        if letter.copies:
            names += ["Reply-To", "Cc", "Disposition-Notification-To"]
            copies = [in_ascii(each) for each in letter.copies]
            assert [each.addr_spec for each in modern["Cc"].addresses] == copies
            assert [modern["Reply-To"], modern[names[-1]]] == [copies[0], copies[-1]]
        for field, words in letter.extra:
            names.append(field)
            assert str(make_header(decode_header(unfolded(old[field])))) == on_one_line(words)
        if letter.tracked and letter.unsubscribe:
            names += ["List-Unsubscribe-Post", "List-Unsubscribe"]
            assert modern["List-Unsubscribe"] == f"<{BASE}/r/{token}>"
            assert modern["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        names += ["MIME-Version", "Content-Type"]
        assert [each for each in old if each != "Content-Transfer-Encoding"] == names


FORBIDDEN = set('<>|:*?"/\\')


@given(st.text(SIGNS | PRINTED, max_size=200) | NAMES)
def test_any_file_name_is_harmless_and_read_back(name: str) -> None:
    file = Attachment(name, "application/pdf", b"x")
    mail = MailContent("x", None, "x", "a@b.it", attachments=(file,))
    data = compile_mail(mail, GROUPED).render(
        to_address="a@b.it",
        to_name="",
        values={},
        token="t",
        message_id="<1@b.it>",
        date=WHEN,
    )
    check_lines(data)
    modern, old = read_twice(data)
    (found,) = {part.get_filename() for part in [*modern.walk(), *old.walk()]} - {None}
    assert isinstance(found, str)
    assert 0 < len(found) <= 150
    assert not FORBIDDEN & set(found)
    assert not found.startswith((".", " "))
    assert on_one_line(found) == found
    plain = on_one_line(name) == name and not FORBIDDEN & set(name) and name.strip(". ") == name
    hidden = any(unicodedata.category(each) == "Cf" for each in name)
    if name and len(name) <= 150 and plain and not hidden:
        assert found == name


WIDE = st.text(st.characters(categories=["L", "N", "M"]), min_size=1, max_size=20)


@given(
    st.emails() | st.builds("{}@{}".format, WIDE | LOCAL_ASCII, DOMAINS | WIDE.map("{}.it".format))
)
def test_every_address_that_is_accepted_can_stand_in_a_mail(given_address: str) -> None:
    try:
        address = check_address(given_address)
    except AddressError:
        reject()
    data = compile_mail(MailContent("x", None, "x", "a@b.it"), GROUPED).render(
        to_address=address,
        to_name="Zoé, la prima",
        values={},
        token="t",
        message_id="<1@b.it>",
        date=WHEN,
        utf8=True,
    )
    check_lines(data)
    modern, old = read_twice(data)
    written = header_address(address)
    assert person(old, "To") == ("Zoé, la prima", written)
    assert [each.addr_spec for each in modern["To"].addresses] == [written]
    assert written.rpartition("@")[2].isascii()
    assert check_address(written) == address
