"""Bytes with slots: what all copies share, encoded once, and the places of what differs.

A block is a skeleton of its own, filled in for every row. All stretches start at the start of a
line (see ``quoting``), so a row's bytes can follow another's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ctm.mailing.compose.quoting import SOFT_BREAK, quote, quote_value
from ctm.mailing.compose.structure import Room
from ctm.mailing.compose.tracking import MARK
from ctm.mailing.merge import Block, Field, Literal, Piece, Template
from ctm.mailing.merge.pieces import rows_of

_SLOT_SIZE = 40
_USUAL_ROWS = 5


@dataclass(slots=True)
class Skeleton:
    """Parts with slots among them, by number: for fields, blocks, the token, own attachments."""

    parts: list[bytes] = field(default_factory=lambda: [b"", b""])
    fields: list[tuple[int, Field]] = field(default_factory=list)
    blocks: list[tuple[int, "BlockSkeleton"]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    rooms: list[tuple[int, Room]] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    templates: list[Template] = field(default_factory=list)

    def literal(self, data: bytes) -> None:
        self.parts[-1] += data

    def slot(self, piece: Field | Block | None) -> None:
        """A place for a field's value, a block's rows, or the token (None)."""
        number = len(self.parts)
        if piece is None:
            self.tokens.append(number)
        elif isinstance(piece, Block):
            inside = BlockSkeleton(key=piece.key)
            inside.pieces(piece.pieces, follows=True)
            self.blocks.append((number, inside))
        else:
            self.fields.append((number, piece))
        self.parts += [b"", b""]

    def room(self, room: Room) -> None:
        """A place for a copy's own attachments."""
        self.rooms.append((len(self.parts), room))
        self.parts += [b"", b""]

    def template(self, template: Template) -> None:
        """A quoted-printable body."""
        self.names.update(dict.fromkeys(template.fields))
        self.templates.append(template)
        self.pieces(template.pieces)

    def pieces(self, pieces: Sequence[Piece], *, follows: bool = False) -> None:
        """Pieces of one body; with ``follows`` more comes after them."""
        runs = list(_cut_at_tokens(pieces))
        for number, run in enumerate(runs):
            if isinstance(run, str):
                encoded = quote(run)
                more = follows or number + 1 < len(runs)
                if more and not encoded.endswith(b"\r\n"):
                    encoded += SOFT_BREAK
                self.literal(encoded)
                continue
            self.slot(run)
            if not isinstance(run, Block):
                self.literal(SOFT_BREAK)

    def between_tokens(self) -> tuple[list[bytes], tuple[tuple[int, int, int], ...]]:
        """The stretches of the mail between the places of its token, which joins them.

        With those that differ between copies: the stretch's number, its first part and the last's
        successor. They are to be joined from the parts of each copy.
        """
        own = {0, *(slot for slot, _what in [*self.fields, *self.blocks, *self.rooms])}
        starts = [0, *(slot + 1 for slot in self.tokens)]
        ends = [*self.tokens, len(self.parts)]
        stretches = [b"".join(self.parts[a:b]) for a, b in zip(starts, ends, strict=True)]
        differ = [
            (number, start, end)
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
            if own.intersection(range(start, end))
        ]
        return stretches, tuple(differ)

    @property
    def has_tokens(self) -> bool:
        return bool(self.tokens) or any(block.has_tokens for _slot, block in self.blocks)

    @property
    def dotted(self) -> bool:
        """Whether a line may start with a dot."""
        own = any(part[:1] == b"." or b"\n." in part for part in self.parts)
        return own or any(block.dotted for _slot, block in self.blocks)

    @property
    def size_estimate(self) -> int:
        slots = len(self.fields) + len(self.tokens)
        own = sum(map(len, self.parts)) + _SLOT_SIZE * slots
        return own + sum(_USUAL_ROWS * block.size_estimate for _slot, block in self.blocks)


@dataclass(slots=True)
class BlockSkeleton(Skeleton):
    """What is repeated for every row of the list ``key``."""

    key: str = ""

    def ready(self) -> "Rows":
        own = tuple(each for each in self.fields if each[1].of_row)
        shared = tuple(each for each in self.fields if not each[1].of_row)
        return Rows(self.key, tuple(self.parts), own, shared, tuple(self.tokens))


@dataclass(frozen=True, slots=True)
class Rows:
    """A block ready to be filled in; ``shared`` fields are the same in every row."""

    key: str
    parts: tuple[bytes, ...]
    own: tuple[tuple[int, Field], ...]
    shared: tuple[tuple[int, Field], ...]
    tokens: tuple[int, ...]

    def fill(self, values: Mapping[str, object], token: bytes) -> bytes:
        """The rows of one recipient."""
        parts = list(self.parts)
        for slot in self.tokens:
            parts[slot] = token
        for slot, piece in self.shared:
            parts[slot] = quote_value(piece.fill(values))
        written: list[bytes] = []
        for row in rows_of(values, self.key):
            for slot, piece in self.own:
                parts[slot] = quote_value(piece.fill(row))
            written += parts
        return b"".join(written)


def _cut_at_tokens(pieces: Sequence[Piece]) -> Iterator[str | Field | Block | None]:
    """Literals joined and cut at the token's marks (None), fields and blocks between."""
    text = ""
    for piece in pieces:
        if isinstance(piece, Literal):
            text += piece.text
            continue
        yield from _parts_of(text)
        yield piece
        text = ""
    yield from _parts_of(text)


def _parts_of(text: str) -> Iterator[str | None]:
    for number, part in enumerate(text.split(MARK)):
        if number:
            yield None
        if part:
            yield part
