"""Which stretch of a text a block repeats.

``[titoli.numero;block=tr]`` repeats the nearest element of that name around the field, in plain
text the line. ``[titoli;block=begin]`` and ``[titoli;block=end]`` repeat what is between them; a
marker alone in its line or in its paragraph goes with the line or the paragraph.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ctm.i18n import _
from ctm.mailing.merge.elements import Element, Outline
from ctm.mailing.merge.pieces import Field

BEGIN, END = "begin", "end"
MOST_BLOCKS = 100

_IN_TABLE = frozenset({"table", "thead", "tbody", "tfoot", "tr", "colgroup"})
_LINES = frozenset(
    re.split(" ", "line tr li p div td th table tbody ul ol dl dt dd h1 h2 h3 h4 h5 h6 span br")
)
_NAME = re.compile(r"[a-z][a-z0-9]{0,20}")
_UNSEEN = re.compile(r"</?[a-zA-Z][^<>]*>|\s|&nbsp;|\u200b")
_SEEN_TAG = re.compile(r"<(?:img|hr|table|input|video|audio)\b", re.I)
_BREAK = re.compile(r"\s*<br\s*/?>", re.I)
_BREAK_BEFORE = re.compile(r"<br\s*/?>\s*$", re.I)


@dataclass(slots=True)
class Token:
    """A field or a block's marker (without ``field``) as it stands in the source.

    ``block`` is the option as written, in small letters; ``repeats`` the list it speaks of;
    ``of_list`` the list whose rows have the field. ``tags``: markup taken out of its middle.
    ``place``: ``text``, ``comment``, ``plain`` or inside a tag. ``bare``: the text without block.
    """

    start: int
    stop: int
    text: str
    field: Field | None
    tags: str = ""
    place: str = "text"
    of_list: str = ""
    block: str = ""
    repeats: str = ""
    bare: str = ""


@dataclass(slots=True)
class Stretch:
    """``source[start:end]`` is repeated for each row of the list ``key``."""

    key: str
    start: int
    end: int
    token: Token


@dataclass(slots=True)
class Layout:
    """The blocks of a source in order, and what is not written at all (markers)."""

    stretches: list[Stretch]
    cuts: list[tuple[int, int]]


class BlockError(Exception):
    """A block cannot be understood; ``token`` is where."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token = token
        self.message = message


def lay_out(source: str, tokens: Sequence[Token], html: bool) -> Layout:
    """Find the blocks; raises ``BlockError``."""
    marked = [each for each in tokens if each.block]
    layout = Layout([], [])
    if marked:
        if len(marked) > MOST_BLOCKS:
            message = _("A text may have %(count)s blocks at most.", count=MOST_BLOCKS)
            raise BlockError(marked[MOST_BLOCKS], message)
        finder = _InHtml(source, marked, layout) if html else _InText(source, layout)
        finder.find(marked)
        layout.stretches.sort(key=lambda each: each.start)
        layout.cuts.sort()
        _check_nesting(layout.stretches)
    _check_fields(tokens, layout.stretches)
    return layout


def _check_nesting(stretches: Sequence[Stretch]) -> None:
    for before, after in pairwise(stretches):
        if after.start < before.end:
            raise BlockError(after.token, _("A block cannot stand inside another."))


def _check_fields(tokens: Sequence[Token], stretches: Sequence[Stretch]) -> None:
    """Each field of a row must stand in a block of its list, and each field whole."""
    rest = iter(stretches)
    stretch = next(rest, None)
    for token in tokens:
        while stretch and token.start >= stretch.end:
            stretch = next(rest, None)
        inside = stretch is not None and token.start >= stretch.start
        if stretch and token.stop > (stretch.end if inside else stretch.start) and token.field:
            raise BlockError(token, _not_in(token.block or stretch.token.block))
        if token.of_list and not (inside and stretch and stretch.key == token.of_list):
            message = _(
                "This differs from row to row: repeat it with ;block=tr, or between "
                "[%(name)s;block=begin] and [%(name)s;block=end].",
                name=token.of_list,
            )
            raise BlockError(token, message)


def _not_in(name: str) -> str:
    message: str = _("It does not stand whole inside a <%(name)s> to repeat.", name=name[:20])
    return message


class _Finder(ABC):
    """Pairs markers; what an element or a line is, the two kinds of text know."""

    def __init__(self, source: str, layout: Layout) -> None:
        self.source = source
        self.layout = layout

    def find(self, marked: Sequence[Token]) -> None:
        opened: Token | None = None
        for token in marked:
            if token.block == BEGIN:
                if opened:
                    raise BlockError(token, _("A block cannot stand inside another."))
                opened = token
            elif token.block == END:
                if opened is None or opened.repeats != token.repeats:
                    raise BlockError(token, _unpaired(token, BEGIN))
                start, end = self.between(opened, token)
                self.layout.stretches.append(Stretch(token.repeats, start, end, opened))
                opened = None
            else:
                self._add(token, *self.around(token))
        if opened:
            raise BlockError(opened, _unpaired(opened, END))

    def _add(self, token: Token, start: int, end: int) -> None:
        """Fields of one element may say the same more than once."""
        for each in self.layout.stretches:
            if (each.key, each.start, each.end) == (token.repeats, start, end):
                return
        self.layout.stretches.append(Stretch(token.repeats, start, end, token))

    @abstractmethod
    def around(self, token: Token) -> tuple[int, int]:
        """Where the element or the line begins and ends in which a field stands."""

    @abstractmethod
    def between(self, begin: Token, end: Token) -> tuple[int, int]:
        """What lies between two markers, in the source."""


def _unpaired(token: Token, missing: str) -> str:
    message: str
    if missing == END:
        message = _("The block has no end: [%(name)s;block=end] is missing.", name=token.repeats)
    else:
        message = _(
            "The block has no beginning: [%(name)s;block=begin] is missing.", name=token.repeats
        )
    return message


class _InText(_Finder):
    """Blocks of plain text are made of lines."""

    def around(self, token: Token) -> tuple[int, int]:
        if token.block not in _LINES:
            message = _(
                "“%(name)s” cannot be repeated: write block=line, or block=begin and block=end.",
                name=token.block[:20],
            )
            raise BlockError(token, message)
        start, end = self._line(token)
        if start and not self.source.endswith("\n", start, end):
            start -= 1
        return start, end

    def _line(self, token: Token) -> tuple[int, int]:
        """The line of a token with its line break."""
        start = self.source.rfind("\n", 0, token.start) + 1
        end = self.source.find("\n", token.stop)
        return start, len(self.source) if end < 0 else end + 1

    def between(self, begin: Token, end: Token) -> tuple[int, int]:
        return self._span(begin)[1], self._span(end)[0]

    def _span(self, token: Token) -> tuple[int, int]:
        """What a marker takes up: itself, or its whole line if it is alone there."""
        if token.field:
            return (token.start, token.start) if token.block == BEGIN else (token.stop, token.stop)
        span = token.start, token.stop
        start, end = self._line(token)
        if not (self.source[start : span[0]] + self.source[span[1] : end]).strip():
            span = start, end
        self.layout.cuts.append(span)
        return span


class _InHtml(_Finder):
    """Blocks of HTML are elements, or what is between two places of one element."""

    def __init__(self, source: str, marked: Sequence[Token], layout: Layout) -> None:
        super().__init__(source, layout)
        self.outline = Outline(source, [each.start for each in marked])

    def around(self, token: Token) -> tuple[int, int]:
        element = self.outline.around(token.start)
        while element and element.name != token.block:
            element = element.parent
        if element is None or not _NAME.fullmatch(token.block) or token.stop > element.end:
            raise BlockError(token, _not_in(token.block))
        return element.start, element.end

    def between(self, begin: Token, end: Token) -> tuple[int, int]:
        for token in (begin, end):
            self._check_place(token)
        (opened, before), (closed, after) = self._span(begin, end), self._span(end, begin)
        if before is not after:
            message = _(
                "A block must begin and end in the same paragraph or cell, or in paragraphs of "
                "their own."
            )
            raise BlockError(end, message)
        return opened[1], closed[0]

    def _check_place(self, token: Token) -> None:
        element = self.outline.around(token.start)
        if token.place == "text" and element and element.name in _IN_TABLE:
            message = _(
                "A block cannot begin or end between the cells of a table: write ;block=tr in a "
                "cell of the row to repeat."
            )
            raise BlockError(token, message)
        if token.place not in ("text", "comment"):
            raise BlockError(token, _("A block cannot begin or end inside a tag."))

    def _span(self, token: Token, other: Token) -> tuple[tuple[int, int], Element | None]:
        """What a marker takes up, and the element that it then stands in."""
        parent = self.outline.around(token.start)
        if token.field:
            at = token.start if token.block == BEGIN else token.stop
            return (at, at), parent
        span = token.start, token.stop
        alone = None
        while parent and self._is_alone(parent, span) and not _holds(parent, other):
            alone, parent = parent, parent.parent
            span = alone.start, alone.end
        if alone is None:
            span = self._with_break(span, parent)
        self.layout.cuts.append(span)
        return span, parent

    def _is_alone(self, element: Element, span: tuple[int, int]) -> bool:
        """Whether an element shows nothing but what stands at ``span``."""
        rest = self.source[element.inner : span[0]] + self.source[span[1] : element.inner_end]
        return not _SEEN_TAG.search(rest) and not _UNSEEN.sub("", rest)

    def _with_break(self, span: tuple[int, int], parent: Element | None) -> tuple[int, int]:
        """A marker alone in a line that ``<br>`` ends, with that."""
        before = self.source[parent.inner if parent else 0 : span[0]]
        starts_line = not before.strip() or _BREAK_BEFORE.search(before[-200:])
        match = _BREAK.match(self.source, span[1]) if starts_line else None
        return (span[0], match.end()) if match else span


def _holds(element: Element, token: Token) -> bool:
    return element.start <= token.start < element.end
