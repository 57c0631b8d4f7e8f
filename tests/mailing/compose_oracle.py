"""What a mail must say, built a second time by plain means: strings put together by hand, and the
standard library's ``EmailMessage``. Nothing here uses the code under test."""

import email
import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.policy import SMTP, default
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import Any

BASE = "https://posta.example.it"
REMOVE = {
    "it": ("Non vuoi più ricevere queste e-mail?", "Cancellati"),
    "en": ("You no longer wish to receive these e-mails?", "Unsubscribe"),
}
BOX = "margin:24px 0 0;font-size:12px;line-height:1.5;color:#666666;text-align:center"
PIXEL = "display:block;border:0;width:1px;height:1px"


@dataclass(frozen=True)
class Slot:
    """A merge field as written, whose value it shows, and what it shows if there is none."""

    key: str
    otherwise: str = ""

    @property
    def source(self) -> str:
        option = f";ifempty='{self.otherwise}'" if self.otherwise else ""
        return f"[{self.key}{option}]"

    def shown(self, values: Mapping[str, object]) -> str:
        return allowed(str(values.get(self.key) or self.otherwise))


@dataclass(frozen=True)
class Link:
    href: str
    label: str
    title: Slot | None = None

    def written(self, href: str, title: str | None) -> str:
        """The element, its attributes escaped; ``title`` too, already."""
        shown = "" if title is None else f' title="{title}"'
        return f'<a href="{html.escape(href)}"{shown}>{html.escape(self.label)}</a>'


@dataclass(frozen=True)
class Repeat:
    """What is repeated for every row of ``titoli``, between two signs that are not."""

    pieces: tuple["str | Slot | Link", ...]

    def written(self, inside: str) -> str:
        return f"([titoli;block=begin]{inside};[titoli;block=end])"

    def rows(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{**values, **row} for row in values.get("titoli") or ()]


Piece = str | Slot | Link | Repeat


@dataclass(frozen=True)
class File:
    name: str
    kind: str
    data: bytes
    cid: str | None = None


def allowed(text: str) -> str:
    """Lines that end in LF, without the characters no mail may carry."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        each
        for each in text
        if unicodedata.category(each) not in ("Cc", "Cs")
        or each in "\t\n"
        or "\x80" <= each <= "\x9f"
    )


def on_one_line(text: str) -> str:
    """As a header shows it."""
    bad = ("Cc", "Cs", "Zl", "Zp")
    return " ".join(
        "".join(" " if unicodedata.category(each) in bad else each for each in text).split()
    )


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Neighbouring literals as one: a CR and the LF after it are one line end."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def source_of(pieces: Iterable[Piece], escape: bool = False) -> str:
    """A template as the user writes it."""
    written = ""
    for piece in pieces:
        if isinstance(piece, Slot):
            written += piece.source
        elif isinstance(piece, Link):
            written += piece.written(piece.href, piece.title and piece.title.source)
        elif isinstance(piece, Repeat):
            written += piece.written(source_of(piece.pieces, escape))
        else:
            written += html.escape(piece, quote=False) if escape else piece
    return written


def filled_in(pieces: Iterable[Piece], values: Mapping[str, object]) -> str:
    """A text without links, filled in."""
    written = ""
    for piece in joined(pieces):
        if isinstance(piece, Slot):
            written += piece.shown(values)
        elif isinstance(piece, Repeat):
            rows = [f"{filled_in(piece.pieces, row)};" for row in piece.rows(values)]
            written += f"({''.join(rows)})"
        else:
            written += allowed(str(piece))
    return written


@dataclass(frozen=True)
class Letter:
    """A mail's template: paragraphs of HTML, a text, or both."""

    subject: tuple[Piece, ...]
    text: tuple[Piece, ...] | None
    paragraphs: tuple[tuple[Piece, ...], ...] | None
    files: tuple[File, ...]
    language: str
    tracked: bool
    unsubscribe: bool
    extra: tuple[tuple[str, str], ...] = ()
    copies: tuple[str, ...] = ()
    cells: tuple[Slot, ...] = ()

    @property
    def html_source(self) -> str | None:
        if self.paragraphs is None:
            return None
        shown = "".join(f'<img src="cid:{each.cid}" alt="">' for each in self.files if each.cid)
        shown += "".join(f"<p>{source_of(each, True)}</p>" for each in self.paragraphs)
        if self.cells:
            written = [each.source for each in self.cells]
            written[-1] = written[-1].replace("]", ";block=tr]")
            shown += (
                f"<table><tr><th>x</th></tr><tr><td>{'</td><td>'.join(written)}</td></tr></table>"
            )
        return shown

    def links(self) -> dict[str, int]:
        """Web addresses and their numbers, in order of first appearance."""
        numbers: dict[str, int] = {}
        for paragraph in self.paragraphs or ():
            for piece in paragraph:
                for each in piece.pieces if isinstance(piece, Repeat) else (piece,):
                    if isinstance(each, Link) and each.href.startswith("http") and self.tracked:
                        numbers.setdefault(each.href, len(numbers) + 1)
        return numbers

    def expected_subject(self, values: Mapping[str, object]) -> str:
        raw = "".join(
            piece.shown(values) if isinstance(piece, Slot) else str(piece) for piece in self.subject
        )
        return on_one_line(raw[:4000])

    def expected_html(self, values: Mapping[str, object], token: str) -> str:
        """The HTML part; only called where there is one."""
        body = "".join(f'<img src="cid:{each.cid}" alt="">' for each in self.files if each.cid)
        for paragraph in self.paragraphs or ():
            body += f"<p>{self._html_of(paragraph, values, token)}</p>"
        if self.cells:
            body += "<table><tbody><tr><th>x</th></tr>"
            for row in Repeat(()).rows(values):
                shown = [html.escape(each.shown(row)).replace("\n", "<br>") for each in self.cells]
                body += f"<tr><td>{'</td><td>'.join(shown)}</td></tr>"
            body += "</tbody></table>"
        body += "\n"
        if self.tracked and self.unsubscribe:
            question, label = REMOVE[self.language]
            leave = f'<a href="{BASE}/r/{token}">{label}</a>'
            body += f'<p style="{BOX}">{question} {leave}</p>'
        if self.tracked:
            picture = f'src="{BASE}/o/{token}.gif" width="1" height="1" alt=""'
            body += f'<img {picture} style="{PIXEL}">'
        head = f'<html lang="{self.language}"><head><meta charset="utf-8"></head><body>\n'
        return f"<!DOCTYPE html>{head}{body}</body></html>\n"

    def _html_of(self, pieces: Iterable[Piece], values: Mapping[str, object], token: str) -> str:
        written = ""
        for piece in joined(pieces):
            if isinstance(piece, Slot):
                written += html.escape(piece.shown(values)).replace("\n", "<br>")
            elif isinstance(piece, Link):
                number = self.links().get(piece.href)
                href = f"{BASE}/c/{token}/{number}" if number else piece.href
                title = piece.title and html.escape(piece.title.shown(values))
                written += piece.written(href, title)
            elif isinstance(piece, Repeat):
                rows = piece.rows(values)
                shown = [f"{self._html_of(piece.pieces, row, token)};" for row in rows]
                written += f"({''.join(shown)})"
            else:
                written += html.escape(allowed(piece))
        return written

    def expected_text(self, values: Mapping[str, object], token: str) -> str:
        pieces = self.text if self.text is not None else self._derived()
        *before, last = joined(("", *pieces, ""))
        assert isinstance(last, str)
        ending = allowed(last)
        if self.tracked and self.unsubscribe:
            question, label = REMOVE[self.language]
            above = ending.rstrip()
            if before or above:
                above += "\n\n"
            ending = f"{above}{question}\n{label}: {BASE}/r/{token}"
        return filled_in(before, values) + ending.rstrip("\n") + "\n"

    def _derived(self) -> list[Piece]:
        """The text of the paragraphs: spaces as a browser shows them, addresses after links."""
        found: list[Piece] = []
        for paragraph in self.paragraphs or ():
            shown, _space = derived(paragraph)
            if shown:
                found += ["\n\n"] * bool(found) + shown
        return found


def derived(pieces: Iterable[Piece], after: bool = False) -> tuple[list[Piece], bool]:
    """The text of one paragraph's pieces, and whether it ends in a space that is not written.

    ``after``: something stands before them on the line.
    """
    shown: list[Piece] = []
    space = False
    for piece in joined(pieces):
        apart = " " * (space and (after or bool(shown)))
        if isinstance(piece, Link):
            shown.append(f"{apart}{piece.label} <{bare(piece.href)}>")
            if piece.href.startswith("#"):
                shown[-1] = str(shown[-1]).rpartition(" <")[0]
            space = False
        elif isinstance(piece, Slot):
            shown += [apart, piece]
            space = False
        elif isinstance(piece, Repeat):
            inside, gap = derived(piece.pieces, after=True)
            shown += [apart, Repeat((*inside, " " * gap))]
            space = False
        else:
            words = re.sub("[ \t\n\r\f\xa0]+", " ", allowed(piece))
            space = space or words.startswith(" ")
            if words.strip(" "):
                apart = " " * (space and (after or bool(shown)))
                shown.append(apart + words.strip(" "))
                space = words.endswith(" ")
    return shown, space


def bare(href: str) -> str:
    return re.sub("^(mailto|tel):", "", href)


def built(
    letter: Letter, values: Mapping[str, object], token: str, people: Mapping[str, tuple[str, str]]
) -> EmailMessage:
    """The mail as the standard library makes it. ``people``: field → display name, address."""
    message = EmailMessage(policy=SMTP)
    for field, (name, address) in people.items():
        local, _at, domain = address.rpartition("@")
        message[field] = Address(on_one_line(name), local, domain)
    message.set_content(letter.expected_text(values, token), cte="base64")
    others = letter.files
    if letter.paragraphs is not None:
        message.add_alternative(letter.expected_html(values, token), "html", cte="base64")
        part = message.get_payload()[1]
        assert isinstance(part, EmailMessage)
        for file in letter.files:
            if file.cid:
                maintype, _slash, subtype = file.kind.partition("/")
                part.add_related(
                    file.data,
                    maintype,
                    subtype,
                    cid=f"<{file.cid}>",
                    filename=file.name,
                    disposition="inline",
                )
        others = tuple(each for each in letter.files if not each.cid)
    for file in others:
        maintype, _slash, subtype = file.kind.partition("/")
        placed: dict[str, Any] = {"filename": file.name}
        if file.cid:
            placed |= {"cid": f"<{file.cid}>", "disposition": "inline"}
        message.add_attachment(file.data, maintype, subtype, **placed)
    return message


class _Events(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self.found and isinstance(self.found[-1], list):
            self.found[-1][0] += data
        else:
            self.found.append([data])

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"!{decl}")


def events(source: str) -> list[object]:
    """HTML as a reader meets it: tags, attributes, text, however they are escaped."""
    parser = _Events()
    parser.feed(source.replace("\r\n", "\n"))
    parser.close()
    return parser.found


def parts(message: Message) -> list[object]:
    """The structure and the decoded content of a parsed mail, the text as it reads."""
    found: list[object] = []
    for part in message.walk():
        kind = part.get_content_type()
        label = part.get("Content-ID")
        name = part.get_filename()
        where = part.get_content_disposition()
        content: object = None
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            content = data
            if where is None:
                text = data.decode(part.get_content_charset("ascii")).replace("\r\n", "\n")
                content = events(text) if kind == "text/html" else text
        found.append((kind, where, name, None if label is None else str(label).strip(), content))
    return found


def read_twice(data: bytes) -> tuple[EmailMessage, Message]:
    """A mail as both of the standard library's parsers read it."""
    text = data.decode("utf-8")
    modern = email.message_from_string(text, policy=default)
    assert isinstance(modern, EmailMessage)
    old = email.message_from_string(text)
    for message in (modern, old):
        assert not [part.defects for part in message.walk() if part.defects]
    return modern, old


def person(old: Message, field: str) -> tuple[str, str]:
    """Display name and address of a field, by the parser of RFC 2047's letter: Python 3.11's
    newer one leaves a space between encoded words (RFC 2047, section 6.2)."""
    written = re.sub(r"\r?\n(?=[ \t])", "", str(old[field]))
    display, address = parseaddr(written)
    return str(make_header(decode_header(display))), address


def check_lines(data: bytes) -> None:
    """Line ends, lengths and encoded words of a mail as it is sent (RFC 5322, 2045, 2047)."""
    assert data.endswith(b"\r\n")
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    assert b"\0" not in data
    head, _blank, body = data.partition(b"\r\n\r\n")
    for line in head.decode("utf-8").split("\r\n"):
        assert len(line.encode()) <= 998
        words = re.findall(r"=\?[^?]*\?[^?]*\?[^?]*\?=", line)
        for word in words:
            assert len(word) <= 75
            str(make_header(decode_header(word)))
        if words:
            assert len(line) <= 76, line
        elif " " in re.sub(r"^\S*:? ", "", line):
            assert len(line) <= 78, line
    assert body.isascii()
    for line in body.split(b"\r\n"):
        assert len(line) <= 76, line
        assert not line.endswith((b" ", b"\t"))
