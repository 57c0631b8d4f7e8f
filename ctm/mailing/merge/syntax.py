"""The grammar of one field: ``[module.field;option='value';option]``.

A field is read through a *view* of the source: what the user meant, after taking off what an
HTML editor puts in its way (entities, percent signs in links, tags and invisible characters in
the middle of a field), with the place of each character in the source.
"""

import html
import re
from dataclasses import dataclass
from urllib.parse import unquote

LONGEST_FIELD = 1000

_HEAD = re.compile(r"\[\s*(\w+)\s*\.\s*(\w*)\s*")
_MARKER = re.compile(r"\[\s*(\w+)\s*(?=;\s*block\b)", re.I)
_SQL = re.compile(r"\{\{\s*([\w.]{1,100})\s*\}\}")
_OPTION = re.compile(r";\s*(\w*)\s*(=?)\s*")
_UNQUOTED = re.compile(r"[^;\]]*")
_SINGLE = "'’‘‛′"
_DOUBLE = '"”“„″'
_QUOTES = {sign: family for family in (_SINGLE, _DOUBLE) for sign in family}
_CLOSINGS = {family: re.compile(rf"[{family}](?=\s*[;\]])") for family in (_SINGLE, _DOUBLE)}

_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_PERCENT = re.compile(r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+")
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|em|font|i|ins|mark|o:p|s|small|span|strong|sub|sup|u|wbr)"
    r"(?:\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*+)?/?>",
    re.I,
)


@dataclass(frozen=True, slots=True)
class View:
    """The characters of a stretch of source as the user meant them, and where each ends there.

    ``tags`` are the tags taken off, each with its place.
    """

    text: str
    ends: list[int]
    tags: list[tuple[int, str]]


def view(source: str, start: int, end: int, kind: str, *, head: str = "") -> View:
    """Read at most ``LONGEST_FIELD`` characters of ``source[start:end]`` as a region's kind asks.

    ``kind`` is that of ``contexts.Region``, or ``plain`` for a text that is not HTML. With
    ``head``, the brackets that open a field, it ends before the next such: so a text of brackets is
    not read again for each.
    """
    characters: list[str] = []
    ends: list[int] = []
    tags: list[tuple[int, str]] = []
    position = start
    end = min(end, start + LONGEST_FIELD)
    while position < end:
        sign = source[position]
        match = None
        shown = sign
        if kind != "plain" and sign == "&":
            match = _ENTITY.match(source, position, end)
            shown = html.unescape(match[0]) if match else sign
        elif kind == "address" and sign == "%":
            match = _PERCENT.match(source, position, end)
            shown = unquote(match[0]) if match else sign
        elif kind == "text" and sign == "<":
            match = _INLINE_TAG.match(source, position, end)
            if match is None:
                break
            tags.append((position, match[0]))
            shown = ""
        if head and shown == head[0] and len(characters) >= len(head):
            break
        if shown in _INVISIBLE:
            shown = ""
        position = match.end() if match else position + 1
        characters.extend(shown)
        ends.extend([position] * len(shown))
    return View("".join(characters), ends, tags)


class FieldSyntaxError(Exception):
    """A field is not written as it should be; ``reason`` is one of the codes below."""

    def __init__(self, reason: str, part: str = "") -> None:
        super().__init__(reason, part)
        self.reason = reason
        self.part = part


@dataclass(frozen=True, slots=True)
class Head:
    """``[module.name`` and where the options start in the view; a block's marker has no name."""

    module: str
    name: str | None
    end: int


def read_head(text: str) -> Head | None:
    """The start of a field or of a block's marker at the start of ``text``, or None."""
    if match := _HEAD.match(text):
        return Head(match[1], match[2], match.end())
    match = _MARKER.match(text)
    return Head(match[1], None, match.end()) if match else None


def read_sql(text: str) -> tuple[str, int] | None:
    """The name in ``{{name}}`` at the start of ``text``, and the place after it."""
    match = _SQL.match(text)
    return (match[1], match.end()) if match else None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a field: their values, where each stands, and the place after ``]``."""

    values: dict[str, str | None]
    places: dict[str, tuple[int, int]]
    end: int


def read_options(text: str, position: int) -> Options:
    """The options from ``position`` on.

    An option without ``=`` has the value None. Raises ``FieldSyntaxError``: ``open`` (no closing
    bracket), ``quote`` (a quotation mark is not closed), ``option`` (``part`` is no option),
    ``twice`` (the option ``part`` is given twice).
    """
    options: dict[str, str | None] = {}
    places: dict[str, tuple[int, int]] = {}
    while text[position : position + 1] != "]":
        match = _OPTION.match(text, position)
        if match is None:
            raise FieldSyntaxError(
                "open" if "]" not in text[position:] else "option",
                text[position : position + 20].partition("]")[0],
            )
        name, equals = match[1].lower(), match[2]
        if not name:
            raise FieldSyntaxError("option", ";")
        if name in options:
            raise FieldSyntaxError("twice", name)
        start, position = position, match.end()
        options[name] = None
        if equals:
            options[name], position = _read_value(text, position)
        places[name] = (start, position)
    return Options(options, places, position + 1)


def _read_value(text: str, position: int) -> tuple[str, int]:
    """An option's value, quoted in any style of quotation marks or bare."""
    family = _QUOTES.get(text[position : position + 1])
    if family is None:
        match = _UNQUOTED.match(text, position)
        assert match is not None, "the pattern matches the empty text too"
        return match[0].strip(), match.end()
    closing = _CLOSINGS[family].search(text, position + 1)
    if closing is None:
        raise FieldSyntaxError("quote")
    value = text[position + 1 : closing.start()]
    for sign in family:
        value = value.replace(sign * 2, sign)
    rest = re.compile(r"\s*").match(text, closing.end())
    return value, rest.end() if rest else closing.end()
