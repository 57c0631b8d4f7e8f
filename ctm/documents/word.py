"""Word documents: an uploaded .docx with merge fields in its text, filled in by docxtpl.

Users write ``[clienti.nome]`` as everywhere. When the template is compiled, each field becomes a
variable of docxtpl's own language, also where Word has split it over runs; a table row with fields
of the rows gets a loop around it. Every brace that users wrote is put aside, so that the only
tags docxtpl sees are those written here, and it evaluates them in Jinja's sandbox.
"""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from ctm.documents import fields, package
from ctm.documents.errors import DocumentError
from ctm.documents.fields import Language, Values, has_fields, rows_of, used
from ctm.i18n import _
from ctm.mailing.merge import Literal, MergeError, Template

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_TEXT_PART = re.compile(r"word/(?:document|header\d*|footer\d*|footnotes)\.xml")
_TAG = re.compile(r"\{[{%#_]")
_INVISIBLE = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
_FIELD_CODE = re.compile(
    r"\b(DDEAUTO|DDE|INCLUDETEXT|INCLUDEPICTURE|INCLUDE|IMPORT|LINK|DATABASE|MACROBUTTON|RD)\b"
)
_LONGEST_SHOWN = 60


class Compiled:
    """A Word template, ready to be filled in."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        data = snapshot["data"][snapshot["file"]["sha256"]]
        parts = package.check(data, "docx").parts
        self._language = Language(snapshot)
        self._once: list[Template] = []
        self._loops: list[tuple[str, list[Template]]] = []
        for name in ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml"):
            if _TAG.search(parts.get(name, b"").decode("utf-8", "replace")):
                raise DocumentError(_("The file's properties hold double braces."), "file")
        for name in parts:
            if _TEXT_PART.fullmatch(name):
                parts[name] = self._prepare(parts[name], name)
        self._file = _pack(parts)
        everything = [*self._once, *(each for _list, some in self._loops for each in some)]
        self.fields = used(everything)

    def make(self, values: Values, rows: Sequence[Values] = ()) -> bytes:
        """The document for one recipient; raises ``DocumentError``."""
        from docxtpl import DocxTemplate
        from jinja2 import StrictUndefined, TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        context: dict[str, object] = {"lb": "{", "rb": "}"}
        context |= {f"f{n}": _shown(each, values) for n, each in enumerate(self._once)}
        for number, (list_name, templates) in enumerate(self._loops):
            context[f"rows{number}"] = [
                {f"f{n}": _shown(each, row) for n, each in enumerate(templates)}
                for row in rows_of(values, list_name, rows)
            ]
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
        document = DocxTemplate(io.BytesIO(self._file))
        out = io.BytesIO()
        try:
            document.render(context, environment, autoescape=True)
            document.save(out)
        except (TemplateError, ValueError, KeyError, LookupError, etree.LxmlError) as problem:
            raise DocumentError(
                _(
                    "The Word document cannot be filled in: %(reason)s.",
                    reason=str(problem).split("\n")[0][:120] or type(problem).__name__,
                )
            ) from None
        return out.getvalue()

    def _prepare(self, content: bytes, name: str) -> bytes:
        """A part with its fields as docxtpl's variables."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            root = etree.fromstring(content, parser)
        except etree.XMLSyntaxError:
            raise DocumentError(
                _("The part %(part)s of the file is not what it should be.", part=name), "file"
            ) from None
        _refuse_field_codes(root)
        for element in root.iter(etree.Element):
            if any(_TAG.search(value) for value in element.attrib.values()):
                raise DocumentError(_("The file holds double braces outside its text."), "file")
        rows = set(root.iter(f"{_W}tr"))
        taken: set[Any] = set()
        for row in sorted(rows, key=lambda each: -len(list(each.iterancestors()))):
            self._prepare_row(row, taken)
        for paragraph in root.iter(f"{_W}p"):
            if paragraph not in taken:
                self._paragraph(paragraph, self._language.compile, self._once, "")
        _put_braces_aside(root)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))

    def _prepare_row(self, row: Any, taken: set[Any]) -> None:
        """Put a loop around a table row that holds fields of the rows."""
        paragraphs = [each for each in row.iter(f"{_W}p") if each not in taken]
        found = ""
        for paragraph in paragraphs:
            text = "".join(each.text or "" for each in _texts(paragraph))
            if "[" in text:
                template = self._compile(self._language.compile_for_rows, text)
                found = found or self._language.list_of(template)
        if not found:
            return
        templates: list[Template] = []
        for paragraph in paragraphs:
            self._paragraph(paragraph, self._language.compile_for_rows, templates, "r.")
        taken.update(paragraphs)
        number = len(self._loops)
        self._loops.append((found, templates))
        row.addprevious(_tag_row(f"{{%tr for r in rows{number} %}}"))
        row.addnext(_tag_row("{%tr endfor %}"))

    def _compile(self, compile_text: Any, text: str) -> Template:
        try:
            compiled: Template = compile_text(text)
        except MergeError as problem:
            place = _INVISIBLE.sub("", text).strip()[:_LONGEST_SHOWN]
            raise DocumentError(
                _(
                    "In the paragraph “%(place)s”: %(message)s",
                    place=place,
                    message=problem.message,
                ),
                "file",
            ) from None
        return compiled

    def _paragraph(
        self, paragraph: Any, compile_text: Any, templates: list[Template], owner: str
    ) -> None:
        """Write variables where a paragraph's fields stand, whatever runs they are split over."""
        nodes = _texts(paragraph)
        text = "".join(each.text or "" for each in nodes)
        if "[" not in text and "{{" not in text:
            return
        if _INVISIBLE.search(text):
            for node in nodes:
                node.text = _INVISIBLE.sub("", node.text or "")
            text = "".join(each.text or "" for each in nodes)
        if owner:
            text = self._without_blocks(nodes)
        template = self._compile(compile_text, text)
        if not has_fields(template):
            return
        places: list[tuple[int, int, str]] = []
        position = 0
        for piece in template.pieces:
            length = len(piece.text)
            if not isinstance(piece, Literal):
                places.append(
                    (position, position + length, f"\ue000{owner}f{len(templates)}\ue001")
                )
                templates.append(Template((piece,)))
            position += length
        _replace(nodes, places)

    def _without_blocks(self, nodes: Sequence[Any]) -> str:
        """Take ``;block=…`` out of a row's fields: the row itself is what is repeated."""
        text = "".join(each.text or "" for each in nodes)
        places = [(match.start(), match.end(), "") for match in fields.BLOCK.finditer(text)]
        _replace(nodes, places)
        return "".join(each.text or "" for each in nodes)


def _shown(template: Template, values: Values) -> str:
    return template.render(values)


def _texts(paragraph: Any) -> list[Any]:
    """The text nodes of a paragraph, without those of paragraphs inside it (text boxes)."""
    return [
        each
        for each in paragraph.iter(f"{_W}t")
        if next(each.iterancestors(f"{_W}p"), None) is paragraph
    ]


def _replace(nodes: Sequence[Any], places: Sequence[tuple[int, int, str]]) -> None:
    """Put texts in the place of stretches of the joined text, the last one first."""
    starts = []
    position = 0
    for node in nodes:
        starts.append(position)
        position += len(node.text or "")
    for start, end, new in reversed(places):
        for node, at in reversed(list(zip(nodes, starts, strict=True))):
            text = node.text or ""
            first, last = max(start - at, 0), min(end - at, len(text))
            if first >= len(text) or last <= 0 or first >= last:
                continue
            begins = at <= start
            node.text = text[:first] + (new if begins else "") + text[last:]
            node.set(_SPACE, "preserve")


def _put_braces_aside(root: Any) -> None:
    """Braces of users' own become variables, the marks of fields docxtpl's tags."""
    for element in root.iter(etree.Element):
        text = element.text
        if not text or element.get("ctm-tag"):
            element.attrib.pop("ctm-tag", None)
            continue
        if any(sign in text for sign in "{}\ue000"):
            text = text.replace("{", "\ue002").replace("}", "\ue003")
            text = text.replace("\ue002", "{{ lb }}").replace("\ue003", "{{ rb }}")
            text = re.sub("\ue000([\\w.]+)\ue001", r"{{ \1 }}", text)
            element.text = text


def _tag_row(tag: str) -> Any:
    row = etree.Element(f"{_W}tr")
    cell = etree.SubElement(row, f"{_W}tc")
    run = etree.SubElement(etree.SubElement(cell, f"{_W}p"), f"{_W}r")
    text = etree.SubElement(run, f"{_W}t")
    text.text = tag
    text.set("ctm-tag", "1")
    return row


def _refuse_field_codes(root: Any) -> None:
    """Word's own fields that fetch files or run something."""
    for paragraph in root.iter(f"{_W}p"):
        codes = "".join(each.text or "" for each in paragraph.iter(f"{_W}instrText"))
        codes += " ".join(each.get(f"{_W}instr", "") for each in paragraph.iter(f"{_W}fldSimple"))
        if match := _FIELD_CODE.search(codes.upper()):
            raise DocumentError(
                _(
                    "The file has a Word field that fetches or runs something: %(code)s.",
                    code=match[1],
                ),
                "file",
            )


def _pack(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()
