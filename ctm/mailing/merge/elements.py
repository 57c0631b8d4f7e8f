"""Where the elements of HTML source begin and end, without changing a letter of it."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctm.mailing.merge.contexts import STYLE_END, TAG

_VOID = frozenset(re.split(" ", "area base br col embed hr img input link meta source track wbr"))
_SECTIONS = frozenset({"thead", "tbody", "tfoot"})
_CELLS = frozenset({"td", "th"})
_CONTAINERS = frozenset({"table", "td", "th", "div", "li", "blockquote", "section", "article"})
_CLOSES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "li": (frozenset({"li"}), frozenset({"ul", "ol"})),
    "p": (frozenset({"p"}), _CONTAINERS),
    **dict.fromkeys(_CELLS, (_CELLS, frozenset({"tr", "table"}))),
    **dict.fromkeys(_SECTIONS, (_SECTIONS, frozenset({"table"}))),
    **dict.fromkeys(("dt", "dd"), (frozenset({"dt", "dd"}), frozenset({"dl"}))),
}
_LOOK_BACK = 50


@dataclass(slots=True)
class Element:
    """``source[start:end]`` with its tags, ``source[inner:inner_end]`` without."""

    name: str
    start: int
    inner: int
    inner_end: int
    end: int
    parent: "Element | None"


class Outline:
    """The elements around some positions of a source."""

    def __init__(self, source: str, positions: Sequence[int]) -> None:
        self._source = source
        self._positions = sorted(positions)
        self._around: dict[int, Element | None] = {}
        self._open: list[Element] = []
        self._names: Counter[str] = Counter()
        self._read()

    def around(self, position: int) -> Element | None:
        """The innermost element that one of the positions stands in."""
        return self._around[position]

    def _read(self) -> None:
        done = 0
        for match in _tags(self._source):
            self._place(done, match.start())
            name = match[2].lower()
            if match[1]:
                self._place(match.start(), match.end())
                self._close(name, match.start(), match.end())
            else:
                self._imply(name, match.start())
                self._begin(name, match)
                self._place(match.start(), match.end())
                if name in _VOID:
                    self._end(match.end(), match.end())
            done = match.end()
        self._place(done, len(self._source) + 1)
        while self._open:
            self._end(len(self._source), len(self._source))

    def _place(self, start: int, end: int) -> None:
        """Note what is around the positions from ``start`` to ``end``."""
        first, last = bisect_left(self._positions, start), bisect_left(self._positions, end)
        for position in self._positions[first:last]:
            self._around[position] = self._open[-1] if self._open else None

    def _begin(self, name: str, match: re.Match[str]) -> None:
        parent = self._open[-1] if self._open else None
        inner = match.end()
        self._open.append(Element(name, match.start(), inner, inner, inner, parent))
        self._names[name] += 1

    def _end(self, inner_end: int, end: int) -> None:
        element = self._open.pop()
        self._names[element.name] -= 1
        element.inner_end, element.end = inner_end, end

    def _close(self, name: str, start: int, end: int) -> None:
        if not self._names[name]:
            return
        while self._open[-1].name != name:
            self._end(start, start)
        self._end(start, end)

    def _imply(self, name: str, start: int) -> None:
        """End what a new element of this name ends without saying so."""
        closed, stops = _CLOSES.get(name, (frozenset(), frozenset()))
        for depth, element in enumerate(reversed(self._open[-_LOOK_BACK:]), start=1):
            if element.name in closed:
                for _each in range(depth):
                    self._end(start, start)
                return
            if element.name in stops:
                return


def _tags(source: str) -> Iterator[re.Match[str]]:
    """The tags in order, without comments and what style sheets hold."""
    position = 0
    while (opening := source.find("<", position)) >= 0:
        if source.startswith("<!--", opening):
            end = source.find("-->", opening + 4)
            if end < 0:
                return
            position = end + 3
            continue
        match = TAG.match(source, opening)
        if match is None:
            position = opening + 1
            continue
        yield match
        position = match.end()
        if match[2].lower() == "style" and not match[1]:
            closing = STYLE_END.search(source, position)
            if closing is None:
                return
            position = closing.start()
