"""Templates: parsed once into literals, fields and blocks, then only filled in.

User text is never evaluated.
"""

import html as html_module
import re
from collections.abc import Iterator
from difflib import get_close_matches

from ctm.i18n import DEFAULT_LANGUAGE, _
from ctm.mailing.merge import contexts, syntax
from ctm.mailing.merge.blocks import BEGIN, END, BlockError, Layout, Token, lay_out
from ctm.mailing.merge.catalogue import Catalogue, Found
from ctm.mailing.merge.errors import MergeError, PictureError
from ctm.mailing.merge.pieces import SQL, Block, Field, Literal, Piece, Template, clean

__all__ = ["Block", "Field", "Literal", "Piece", "Template", "clean", "compile_template"]

_ENOUGH_BEFORE = 2000
_LONGEST_SQL = 200
OPTIONS = ("frm", "ifempty", "block")

_OPENING = {
    "plain": re.compile(r"\["),
    "address": re.compile(r"\[|&#91;|&#x5b;|&lbrack;|&lsqb;|%5b", re.I),
}
_OPENING_HTML = re.compile(r"\[|&#91;|&#x5b;|&lbrack;|&lsqb;", re.I)
_SQL_OPENING = {
    kind: re.compile(rf"{pattern.pattern}|\{{\{{|%7b%7b", re.I)
    for kind, pattern in _OPENING.items()
}
_SQL_OPENING_HTML = re.compile(rf"{_OPENING_HTML.pattern}|\{{\{{", re.I)


def compile_template(
    source: str,
    catalogue: Catalogue,
    *,
    html: bool,
    language: str = DEFAULT_LANGUAGE,
    blocks: bool = True,
    raw: contexts.Escape = contexts.written_html,
) -> Template:
    """Parse a template; raises ``MergeError`` for a field that cannot be filled in.

    Text in brackets that names no module (``[nota]``, ``[1]``) stays as it is. ``language`` is
    that of day and month names. Without ``blocks`` (a subject) no list can be repeated. ``raw``:
    what is done to a value that is declared HTML where it goes into HTML text.
    """
    compiler = _Compiler(source, catalogue, language, html, blocks, raw)
    return compiler.template(compiler.lay_out())


def with_markers(source: str, catalogue: Catalogue) -> str:
    """HTML source with a comment before and after each stretch that is repeated, and without
    the options and markers that said so; raises ``MergeError``."""
    compiler = _Compiler(source, catalogue, DEFAULT_LANGUAGE, True, True, contexts.written_html)
    layout = compiler.lay_out()
    return compiler.marked(layout) if layout.stretches else source


class _Compiler:
    """One run over one source."""

    def __init__(
        self,
        source: str,
        catalogue: Catalogue,
        language: str,
        html: bool,
        blocks: bool,
        raw: contexts.Escape,
    ) -> None:
        self.source = source
        self.catalogue = catalogue
        self.language = language
        self.html = html
        self.blocks = blocks
        self.raw = raw
        self.tokens: list[Token] = []
        self.near: dict[tuple[str, str], tuple[str, ...]] = {}
        self.done = 0

    def lay_out(self) -> Layout:
        """Find the fields and blocks."""
        openings = _OPENING if self.catalogue.sql is None else _SQL_OPENING
        in_html = _OPENING_HTML if self.catalogue.sql is None else _SQL_OPENING_HTML
        for region in self._regions():
            opening = openings.get(region.kind, in_html)
            position = max(region.start, self.done)
            while match := opening.search(self.source, position, region.end):
                start = match.start()
                sql = match[0][0] == "{" or match[0][:3].lower() == "%7b"
                found = self._sql_at(start, region) if sql else self._field_at(start, region)
                position = max(found, start + 1)
        try:
            return lay_out(self.source, self.tokens, self.html)
        except BlockError as problem:
            token = problem.token
            raise self._error(problem.message, token.start, token.text) from None

    def template(self, layout: Layout) -> Template:
        """The pieces in order, those of a block in it."""
        writer = _Writer(self.source, self.tokens, layout.cuts)
        pieces: list[Piece] = []
        position = 0
        for stretch in layout.stretches:
            pieces += writer.pieces(position, stretch.start)
            inside = writer.pieces(stretch.start, stretch.end)
            written = self.source[stretch.start : stretch.end]
            pieces.append(Block(stretch.key, written, tuple(inside)))
            position = stretch.end
        pieces += writer.pieces(position, len(self.source))
        return Template(tuple(pieces))

    def marked(self, layout: Layout) -> str:
        writer = _Writer(self.source, self.tokens, layout.cuts)
        written = ""
        position = 0
        for stretch in layout.stretches:
            written += writer.source_text(position, stretch.start)
            written += f"<!--[{stretch.key};block=begin]-->"
            written += writer.source_text(stretch.start, stretch.end)
            written += f"<!--[{stretch.key};block=end]-->"
            position = stretch.end
        return written + writer.source_text(position, len(self.source))

    def _regions(self) -> Iterator[contexts.Region]:
        if self.html:
            return contexts.regions(self.source)
        return iter([contexts.Region(0, len(self.source), "plain")])

    def _field_at(self, start: int, region: contexts.Region) -> int:
        """Take a field that opens at ``start``, if it is one; where to go on."""
        end = len(self.source) if region.kind == "text" else region.end
        view = syntax.view(self.source, start, end, region.kind, head="[")
        head = syntax.read_head(view.text)
        if head is None:
            return start
        found = None
        if head.name is not None:
            found = self.catalogue.look_up(head.module, head.name)
            if found is None:
                self._refuse_unknown(head.module, head.name, view.text[head.end :], view, start)
                return start
        view = syntax.view(self.source, start, end, region.kind)
        try:
            options = syntax.read_options(view.text, head.end)
        except syntax.FieldSyntaxError as problem:
            raise self._error(_syntax_message(problem), start, view.text[:60]) from None
        text = view.text[: options.end]
        stop = view.ends[options.end - 1]
        token = Token(start, stop, text, None, place=region.kind, bare=text)
        token.tags = "".join([tag for place, tag in view.tags if place < stop])
        self._check_options(options.values, token)
        if "block" in options.values:
            self._read_block(token, head.module, options, found)
        if found:
            token.of_list = found.of_list
            token.field = self._field(found, options.values, token, region)
        if region.kind == "value" and self.source.startswith("<!--", region.start):
            _take_comment(token, self.source, region)
        self.tokens.append(token)
        self.done = token.stop
        return token.stop

    def _sql_at(self, start: int, region: contexts.Region) -> int:
        """Take ``{{name}}`` that opens at ``start``, if it is one; where to go on."""
        end = len(self.source) if region.kind == "text" else region.end
        end = min(end, start + _LONGEST_SQL)
        view = syntax.view(self.source, start, end, region.kind, head="{{")
        found = syntax.read_sql(view.text)
        if found is None:
            return start
        written, length = found
        names = self.catalogue.sql or {}
        name = next((each for each in names if each.lower() == written.lower()), None)
        text = view.text[:length]
        if name is None:
            message = _("There is no SQL field “%(name)s”.", name=written)
            near = tuple(f"{{{{{each}}}}}" for each in get_close_matches(written, names, n=3))
            raise self._error(message, start, text, near)
        stop = view.ends[length - 1]
        escape = self._escape(start, region)
        if names[name]:
            if escape is contexts.markup:
                escape = self.raw
            elif escape is contexts.plain:
                escape = contexts.untagged
        tags = "".join([tag for place, tag in view.tags if place < stop])
        field = Field(SQL + name, text, str, "", escape)
        self.tokens.append(Token(start, stop, text, field, tags, region.kind, bare=text))
        self.done = stop
        return stop

    def _escape(self, start: int, region: contexts.Region) -> contexts.Escape:
        near = start - _ENOUGH_BEFORE if region.kind == "plain" else region.start
        before = self.source[max(region.start, near) : start]
        if region.kind == "plain":
            return contexts.of_plain_text(before)
        return contexts.of_region(region, before)

    def _check_options(self, options: dict[str, str | None], token: Token) -> None:
        for name in options:
            if name not in OPTIONS:
                near = tuple(get_close_matches(name, OPTIONS, n=1))
                message = _("“%(name)s” is not an option: use frm, ifempty or block.", name=name)
                raise self._error(message, token.start, token.text, near)
        if "frm" in options and not options["frm"]:
            message = _("The option frm needs a format: frm='dd/mm/YYYY'.")
            raise self._error(message, token.start, token.text)

    def _read_block(
        self, token: Token, module: str, options: syntax.Options, found: Found | None
    ) -> None:
        """Take the option ``block``."""
        names = list(self.catalogue.lists) if self.blocks else []
        if not names:
            message = _("There are no rows to repeat here: leave block out.")
            raise self._error(message, token.start, token.text)
        token.repeats = (found.of_list if found else self.catalogue.list_named(module)) or ""
        if not token.repeats:
            message = _("“%(name)s” has no rows to repeat.", name=module)
            near = () if found else tuple(get_close_matches(module.lower(), names))
            raise self._error(message, token.start, token.text, near)
        token.block = (options.values["block"] or "").strip().lower()
        if not token.block:
            message = _("The option block needs a value: block=tr, block=begin or block=end.")
            raise self._error(message, token.start, token.text)
        first, last = options.places["block"]
        token.bare = token.text[:first] + token.text[last:] if found else ""

    def _field(
        self, found: Found, options: dict[str, str | None], token: Token, region: contexts.Region
    ) -> Field:
        picture = options.get("frm")
        if picture and found.field.type == "text":
            message = _("The field is a text and takes no format: leave frm out.")
            raise self._error(message, token.start, token.text)
        try:
            show = found.field.formatter(picture, self.language)
        except PictureError as problem:
            raise self._error(problem.message, token.start, token.text) from None
        escape = self._escape(token.start, region)
        otherwise = options.get("ifempty") or ""
        return Field(found.key, token.text, show, otherwise, escape, bool(found.of_list))

    def _refuse_unknown(
        self, module: str, name: str, rest: str, view: syntax.View, start: int
    ) -> None:
        """Raise if what looks like a field was meant as one."""
        near = self.near.get((module, name))
        if near is None:
            near = self.near[module, name] = self.catalogue.near_misses(module, name)
        known = self.catalogue.knows_module(module)
        if not known and not (near and rest[:1] in (";", "]")):
            return
        written = view.text.partition("]")[0][:60] + ("]" if "]" in view.text else "")
        if self.catalogue.is_elsewhere(module):
            message = _("“%(name)s” is not a field of this module.", name=f"{module}.{name}")
        else:
            message = _("There is no field “%(name)s”.", name=f"{module}.{name}")
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


class _Writer:
    """Walks once over the source between the places where something else stands."""

    def __init__(self, source: str, tokens: list[Token], cuts: list[tuple[int, int]]) -> None:
        self.source = source
        self.spans: list[tuple[int, int, Token | None]] = [(*cut, None) for cut in cuts]
        self.spans += [
            (token.start, token.stop, token)
            for token in tokens
            if token.field or token.block not in (BEGIN, END)
        ]
        self.spans.sort(key=lambda each: each[:2])
        self.next = 0

    def _between(self, start: int, end: int) -> Iterator[tuple[str, Token | None]]:
        """Text and the field after it, from ``start`` to ``end``."""
        while self.next < len(self.spans) and self.spans[self.next][0] < end:
            first, last, token = self.spans[self.next]
            yield self.source[start:first], token
            start = last
            self.next += 1
        yield self.source[start:end], None

    def pieces(self, start: int, end: int) -> list[Literal | Field]:
        found: list[Literal | Field] = []
        for text, token in self._between(start, end):
            if text:
                found.append(Literal(text))
            if token and token.field:
                found.append(token.field)
                if token.tags:
                    found.append(Literal(token.tags))
        return found

    def source_text(self, start: int, end: int) -> str:
        """The source with fields that do not speak of blocks."""
        written = ""
        for text, token in self._between(start, end):
            written += text
            if token and token.block:
                written += html_module.escape(token.bare) + token.tags
            elif token:
                written += self.source[token.start : token.stop]
        return written


def _take_comment(token: Token, source: str, region: contexts.Region) -> None:
    """A marker alone in a comment stands for the whole comment."""
    inside = source[region.start + 4 : token.start] + source[token.stop : region.end]
    if token.field is None and not inside.replace("-->", "").strip():
        token.start, token.stop, token.place = region.start, region.end, "comment"


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
            "“%(part)s” is not an option: write ;frm='…', ;ifempty='…' or ;block=….",
            part=problem.part,
        )
    return message
