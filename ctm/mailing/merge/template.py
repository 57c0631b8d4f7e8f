"""Templates: parsed once into literals and fields, then only filled in.

User text is never evaluated. A new kind of field (a repeated block, ``{{name}}``) is a new
piece with a ``fill`` of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ctm.i18n import DEFAULT_LANGUAGE, _
from ctm.mailing.merge import contexts, syntax
from ctm.mailing.merge.catalogue import Catalogue, Found
from ctm.mailing.merge.errors import MergeError, PictureError
from ctm.mailing.merge.formats import Formatter

_ENOUGH_BEFORE = 2000
OPTIONS = ("frm", "ifempty")

_OPENING = {
    "plain": re.compile(r"\["),
    "address": re.compile(r"\[|&#91;|&#x5b;|&lbrack;|&lsqb;|%5b", re.I),
}
_OPENING_HTML = re.compile(r"\[|&#91;|&#x5b;|&lbrack;|&lsqb;", re.I)
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is the same for everybody."""

    text: str

    def fill(self, values: Mapping[str, object]) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``key`` (``clienti.nome``) as found in the values, ``text`` as written."""

    key: str
    text: str
    show: Formatter
    ifempty: str
    escape: contexts.Escape

    def fill(self, values: Mapping[str, object]) -> str:
        """The value as it stands in the finished text, formatted and escaped for its place."""
        value = values.get(self.key)
        shown = self.ifempty if value is None or value == "" else self.show(value)
        if not shown.isprintable():
            shown = clean(shown)
        return self.escape(shown)


Piece = Literal | Field


def clean(value: str) -> str:
    """Text without what no mail may carry: NUL and other controls, lone surrogates; LF lines."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_TEXT.sub("", value)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template."""

    pieces: tuple[Piece, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The keys of the fields used, each once, in order of appearance."""
        return tuple(dict.fromkeys(each.key for each in self.pieces if isinstance(each, Field)))

    def render(self, values: Mapping[str, object]) -> str:
        """Fill in the values, keyed ``clienti.nome``; what is missing is empty."""
        return "".join([piece.fill(values) for piece in self.pieces])


def compile_template(
    source: str, catalogue: Catalogue, *, html: bool, language: str = DEFAULT_LANGUAGE
) -> Template:
    """Parse a template; raises ``MergeError`` for a field that cannot be filled in.

    Text in brackets that names no module (``[nota]``, ``[1]``) stays as it is. ``language`` is
    that of day and month names.
    """
    return _Compiler(source, catalogue, language).compile(html)


class _Compiler:
    """One run over one source."""

    def __init__(self, source: str, catalogue: Catalogue, language: str) -> None:
        self.source = source
        self.catalogue = catalogue
        self.language = language
        self.pieces: list[Piece] = []
        self.done = 0

    def compile(self, html: bool) -> Template:
        for region in self._regions(html):
            opening = _OPENING.get(region.kind, _OPENING_HTML)
            position = max(region.start, self.done)
            while match := opening.search(self.source, position, region.end):
                position = max(self._field_at(match.start(), region), match.start() + 1)
        self._literal(self.source[self.done :])
        return Template(tuple(self.pieces))

    def _regions(self, html: bool) -> Iterator[contexts.Region]:
        if html:
            return contexts.regions(self.source)
        return iter([contexts.Region(0, len(self.source), "plain")])

    def _literal(self, text: str) -> None:
        if text:
            self.pieces.append(Literal(text))

    def _field_at(self, start: int, region: contexts.Region) -> int:
        """Take a field that opens at ``start``, if it is one; where to go on."""
        end = len(self.source) if region.kind == "text" else region.end
        view = syntax.view(self.source, start, end, region.kind, head=True)
        head = syntax.read_head(view.text)
        if head is None:
            return start
        found = self.catalogue.look_up(head.module, head.name)
        if found is None:
            self._refuse_unknown(head, view, start)
            return start
        view = syntax.view(self.source, start, end, region.kind)
        try:
            options, length = syntax.read_options(view.text, head.end)
        except syntax.FieldSyntaxError as problem:
            raise self._error(_syntax_message(problem), start, view.text[:60]) from None
        text = view.text[:length]
        stop = view.ends[length - 1]
        near = start - _ENOUGH_BEFORE if region.kind == "plain" else region.start
        before = self.source[max(region.start, near) : start]
        escape = (
            contexts.of_plain_text(before)
            if region.kind == "plain"
            else contexts.of_region(region, before)
        )
        self._literal(self.source[self.done : start])
        self.pieces.append(self._field(found, options, start, text, escape))
        self._literal("".join([tag for place, tag in view.tags if place < stop]))
        self.done = stop
        return stop

    def _field(
        self,
        found: Found,
        options: dict[str, str | None],
        start: int,
        text: str,
        escape: contexts.Escape,
    ) -> Field:
        for name in options:
            if name not in OPTIONS:
                near = tuple(get_close_matches(name, OPTIONS, n=1))
                message = _("“%(name)s” is not an option: use frm or ifempty.", name=name)
                raise self._error(message, start, text, near)
        picture = options.get("frm")
        if "frm" in options and not picture:
            raise self._error(_("The option frm needs a format: frm='dd/mm/YYYY'."), start, text)
        if picture and found.field.type == "text":
            message = _("The field is a text and takes no format: leave frm out.")
            raise self._error(message, start, text)
        try:
            show = found.field.formatter(picture, self.language)
        except PictureError as problem:
            raise self._error(problem.message, start, text) from None
        return Field(found.key, text, show, options.get("ifempty") or "", escape)

    def _refuse_unknown(self, head: syntax.Head, view: syntax.View, start: int) -> None:
        """Raise if what looks like a field was meant as one."""
        near = self.catalogue.near_misses(head.module, head.name)
        known = self.catalogue.knows_module(head.module)
        if not known and not (near and view.text[head.end : head.end + 1] in (";", "]")):
            return
        written = view.text.partition("]")[0][:60] + ("]" if "]" in view.text else "")
        message = _("There is no field “%(name)s”.", name=f"{head.module}.{head.name}")
        raise self._error(message, start, written, near)

    def _error(
        self, message: str, start: int, text: str, suggestions: tuple[str, ...] = ()
    ) -> MergeError:
        line = self.source.count("\n", 0, start) + 1
        column = start - self.source.rfind("\n", 0, start)
        shown = _(
            "Line %(line)s, column %(column)s, %(text)s: %(message)s",
            line=line,
            column=column,
            text=text,
            message=message,
        )
        if suggestions:
            shown += " " + _("Did you mean %(names)s?", names=", ".join(suggestions))
        return MergeError(shown, line=line, column=column, text=text, suggestions=suggestions)


def _syntax_message(problem: syntax.FieldSyntaxError) -> str:
    message: str
    if problem.reason == "open":
        message = _("The field is not closed: “]” is missing.")
    elif problem.reason == "quote":
        message = _("A quotation mark is not closed.")
    elif problem.reason == "twice":
        message = _("The option “%(name)s” is given twice.", name=problem.part)
    else:
        message = _(
            "“%(part)s” is not an option: write ;frm='…' or ;ifempty='…'.", part=problem.part
        )
    return message
