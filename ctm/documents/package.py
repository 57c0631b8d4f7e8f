"""Looking into an uploaded .docx or .xlsx before anything else opens it.

Both are ZIP archives of XML parts joined by relationships (ECMA-376, part 2). What is refused:
what is no such archive, one that unpacks to more than it should, macros, embedded programs, and
whatever makes an office program fetch something from elsewhere.
"""

import io
import re
import zipfile
from dataclasses import dataclass

from ctm.documents.errors import DocumentError
from ctm.i18n import _

LARGEST_FILE = 10 * 1024 * 1024
_MOST_PARTS = 2_000
_LARGEST_PART = 40 * 1024 * 1024
_LARGEST_WHOLE = 80 * 1024 * 1024
_BLOCK = 256 * 1024

MAIN_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_MAIN_PART = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
_PROGRAM = {"docx": "Word", "xlsx": "Excel"}

_ACTIVE_PART = re.compile(
    r"vbaproject|vbadata|activex|/embeddings/|\.bin$(?<!printersettings.bin)|customui|"
    r"xl/externallinks/|xl/connections\.xml|xl/querytables/|xl/macrosheets/|xl/dialogsheets/|"
    r"afchunk",
    re.I,
)
_HARMLESS_BINARY = re.compile(r"printersettings\d*\.bin$", re.I)
_RELATIONSHIP = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>", re.S)
_ATTRIBUTE = re.compile(rb"""\b(Type|Target|TargetMode)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.I)
_LINK = re.compile(r"(?:https?|mailto|tel):", re.I)


@dataclass(frozen=True, slots=True)
class Package:
    """An archive that was looked into: its parts by name."""

    parts: dict[str, bytes]


def check(data: bytes, kind: str) -> Package:
    """Look into a file that should be a ``docx`` or an ``xlsx``.

    :raises DocumentError: it is something else, or holds what no template may.
    """
    program = _PROGRAM[kind]
    if len(data) > LARGEST_FILE:
        raise DocumentError(
            _(
                "The file is too large for a template: %(max)s MB at most.",
                max=LARGEST_FILE // (1024 * 1024),
            ),
            "file",
        )
    parts = _unpack(data, program)
    types = parts.get("[Content_Types].xml", b"")
    if _MAIN_PART[kind] not in parts or not types:
        raise DocumentError(
            _("This is no %(program)s file. Save it as .%(kind)s.", program=program, kind=kind),
            "file",
        )
    if b"macroEnabled" in types:
        raise _macros(program, kind)
    if MAIN_TYPES[kind].encode() not in types:
        raise DocumentError(
            _("This is no %(program)s file. Save it as .%(kind)s.", program=program, kind=kind),
            "file",
        )
    for name, content in parts.items():
        _check_part(name, content, program, kind)
    return Package(parts)


def _macros(program: str, kind: str) -> DocumentError:
    return DocumentError(
        _(
            "The %(program)s file has macros: save it without them, as .%(kind)s.",
            program=program,
            kind=kind,
        ),
        "file",
    )


def _unpack(data: bytes, program: str) -> dict[str, bytes]:
    """Every part, counted while it is unpacked: what the archive says of sizes is not believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_PARTS:
                raise _too_much(program)
            parts: dict[str, bytes] = {}
            total = 0
            for entry in entries:
                if entry.flag_bits & 1:
                    raise DocumentError(
                        _("The file is protected by a password: save it without."), "file"
                    )
                content = _read(archive, entry, program)
                total += len(content)
                if total > _LARGEST_WHOLE:
                    raise _too_much(program)
                parts[entry.filename] = content
            return parts
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, OSError, ValueError):
        raise DocumentError(
            _("The file cannot be read: it is no %(program)s file, or damaged.", program=program),
            "file",
        ) from None


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, program: str) -> bytes:
    blocks = []
    size = 0
    with archive.open(entry) as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > _LARGEST_PART:
                raise _too_much(program)
            blocks.append(block)
    return b"".join(blocks)


def _too_much(program: str) -> DocumentError:
    return DocumentError(
        _(
            "The %(program)s file unpacks to far more than a template needs: it is refused.",
            program=program,
        ),
        "file",
    )


def _check_part(name: str, content: bytes, program: str, kind: str) -> None:
    lower = name.lower()
    if "vba" in lower and lower.endswith((".bin", "vbadata.xml")):
        raise _macros(program, kind)
    if _ACTIVE_PART.search(lower) and not _HARMLESS_BINARY.search(lower):
        raise DocumentError(
            _(
                "The file holds something active or embedded (%(part)s): take it out.",
                part=name[:80],
            ),
            "file",
        )
    if not lower.endswith((".xml", ".rels", ".vml")):
        return
    if _DECLARES.search(content) or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DocumentError(
            _("The part %(part)s of the file is not what it should be.", part=name[:80]), "file"
        )
    if lower.endswith(".rels"):
        _check_relationships(content)


def _check_relationships(content: bytes) -> None:
    for match in _RELATIONSHIP.finditer(content):
        given = {
            name.decode(): (double or single).decode("utf-8", "replace")
            for name, double, single in _ATTRIBUTE.findall(match[0])
        }
        if given.get("TargetMode", "").lower() != "external":
            continue
        target = given.get("Target", "")
        if given.get("Type", "").endswith("/hyperlink") and _LINK.match(target):
            continue
        raise DocumentError(
            _(
                "The file fetches something from outside (%(target)s): put it into the file "
                "itself, or take it out.",
                target=target[:80],
            ),
            "file",
        )
