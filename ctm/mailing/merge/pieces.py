"""A compiled template: literals, fields, and blocks that are repeated for every row of a list."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctm.mailing.merge.contexts import Escape
from ctm.mailing.merge.formats import Formatter

SQL = "sql."

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is the same for everybody."""

    text: str

    def fill(self, values: Values) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``key`` (``clienti.nome``, or ``sql.name``) as found in the values, ``text`` as
    written. ``of_row``: it stands in a block and is read from the row, not from the recipient."""

    key: str
    text: str
    show: Formatter
    ifempty: str
    escape: Escape
    of_row: bool = False

    def fill(self, values: Values) -> str:
        """The value as it stands in the finished text, formatted and escaped for its place."""
        value = values.get(self.key)
        shown = self.ifempty if value is None or value == "" else self.show(value)
        if not shown.isprintable():
            shown = clean(shown)
        return self.escape(shown)


@dataclass(frozen=True, slots=True)
class Block:
    """Pieces repeated for every row of the list ``key``; nothing where there are no rows.

    ``text`` is the stretch as written.
    """

    key: str
    text: str
    pieces: tuple[Literal | Field, ...]

    def fill(self, values: Values) -> str:
        return "".join(
            [
                piece.fill(row if isinstance(piece, Field) and piece.of_row else values)
                for row in rows_of(values, self.key)
                for piece in self.pieces
            ]
        )


Piece = Literal | Field | Block


def rows_of(values: Values, key: str) -> Sequence[Values]:
    """The rows of a list; none if there is no list."""
    rows = values.get(key)
    return rows if isinstance(rows, list | tuple) else ()


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
        """The keys of the fields and lists used, each once, in order of appearance."""
        return tuple(dict.fromkeys(self._keys()))

    def _keys(self) -> Iterator[str]:
        for piece in self.pieces:
            if isinstance(piece, Field | Block):
                yield piece.key
            if isinstance(piece, Block):
                yield from (each.key for each in piece.pieces if isinstance(each, Field))

    def render(self, values: Values) -> str:
        """Fill in the values, keyed ``clienti.nome``; what is missing is empty."""
        return "".join([piece.fill(values) for piece in self.pieces])

    def empty(self, values: Values) -> dict[str, str]:
        """The fields that these values leave empty: key → the field as written.

        Not those that say themselves what to write then (``ifempty``). A list without rows counts
        by its own name, a field of a list's rows if any row lacks it.
        """
        found: dict[str, str] = {}
        for piece in self.pieces:
            if isinstance(piece, Field):
                if lacks(piece, values):
                    found.setdefault(piece.key, piece.text)
            elif isinstance(piece, Block):
                for key, text in _empty_in_block(piece, values):
                    found.setdefault(key, text)
        return found


def lacks(field: Field, values: Values) -> bool:
    """Whether a field would show nothing at all."""
    return not field.ifempty and values.get(field.key) in (None, "")


def _empty_in_block(block: Block, values: Values) -> Iterator[tuple[str, str]]:
    rows = rows_of(values, block.key)
    if not rows:
        yield block.key, f"[{block.key}]"
        return
    for piece in block.pieces:
        if isinstance(piece, Field):
            where = rows if piece.of_row else (values,)
            if any(lacks(piece, each) for each in where):
                yield piece.key, piece.text
