"""Where in a text a field stands, and what that does to its value.

A value is data wherever it lands: in HTML text it is escaped, in an address (``href``) it is
percent-encoded and can never bring its own scheme, in styles and in bare attributes only
harmless characters are left.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

Escape = Callable[[str], str]

URL_ATTRIBUTES = frozenset(
    {"href", "src", "background", "cite", "action", "poster", "data", "longdesc", "srcset"}
)

TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>"']|"[^"]*"|'[^']*')*+)>""")
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>/=]+)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
)
STYLE_END = re.compile(r"</style", re.I)
_LINE_TAG = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])\s*>", re.I)
_ANY_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*+>", re.S)
_WEB = re.compile(r"https?://", re.I)
_BARE_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}(?:[/?#:]|$)")
_UNHARMED = ":/?#[]@!$&'()*+,;=%~-._"
_NOT_STRICT = re.compile(r"[^\w.#%-]")
_IN_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]*$", re.I)


def plain(value: str) -> str:
    """In plain text a value is itself."""
    return value


def markup(value: str) -> str:
    """In HTML text: escaped, its lines kept."""
    shown = html.escape(value)
    return shown.replace("\n", "<br>") if "\n" in shown else shown


def written_html(value: str) -> str:
    """In HTML text, of a field declared to hold HTML: as it is."""
    return value


def untagged(value: str) -> str:
    """In plain text, of a field declared to hold HTML: its text."""
    if "<" in value:
        value = _ANY_TAG.sub("", _LINE_TAG.sub("\n", value))
    return html.unescape(value).strip("\n") if "&" in value or "\n" in value else value


def attribute(value: str) -> str:
    """In a quoted attribute or a comment."""
    return html.escape(value)


def strict(value: str) -> str:
    """In a style, an unquoted attribute or elsewhere in a tag: letters, digits, ``.#%-_`` only."""
    return _NOT_STRICT.sub("", value)


def url_part(value: str) -> str:
    """Inside an address: everything with a meaning of its own is percent-encoded."""
    return quote(value, safe="")


def mail_part(value: str) -> str:
    """Inside a ``mailto:`` address."""
    return quote(value, safe="@")


def url_start(value: str) -> str:
    """At the start of an address: a web address is kept, anything else cannot name a scheme."""
    value = value.strip()
    if _WEB.match(value):
        return html.escape(quote(value, safe=_UNHARMED))
    if _BARE_HOST.match(value) and "@" not in value:
        return html.escape(quote("http://" + value, safe=_UNHARMED))
    return quote(value, safe="/") if not value.startswith("//") else quote(value, safe="")


def of_plain_text(before: str) -> Escape:
    """How a value is written in plain text after ``before``."""
    return url_part if _IN_WEB_ADDRESS.search(before) else plain


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of HTML source where fields may stand.

    ``kind`` is ``text`` (tags may interrupt it), ``value`` (a quoted attribute or a comment),
    ``address`` (a quoted attribute that holds an address) or ``strict``.
    """

    start: int
    end: int
    kind: str


def regions(source: str) -> Iterator[Region]:
    """Cut HTML source into regions, in order and without gaps in what a reader could see."""
    position = 0
    length = len(source)
    while position < length:
        opening = source.find("<", position)
        if opening < 0:
            break
        if source.startswith("<!--", opening):
            end = source.find("-->", opening + 4)
            end = length if end < 0 else end + 3
            yield Region(position, opening, "text")
            yield Region(opening, end, "value")
            position = end
            continue
        match = TAG.match(source, opening)
        if match is None:
            if not source[opening + 1 : opening + 2].isalpha():
                yield Region(position, opening + 1, "text")
                position = opening + 1
                continue
            break
        yield Region(position, opening, "text")
        yield from _of_tag(match)
        position = match.end()
        if match[2].lower() == "style" and not match[1]:
            closing = STYLE_END.search(source, position)
            end = closing.start() if closing else length
            yield Region(position, end, "strict")
            position = end
    yield Region(position, length, "text")


def _of_tag(match: re.Match[str]) -> Iterator[Region]:
    """The regions inside one tag."""
    position = match.start()
    for found in _ATTRIBUTE.finditer(match.string, match.start(3), match.end(3)):
        group = 2 if found[2] is not None else 3 if found[3] is not None else 0
        name = found[1].lower()
        if group == 0 or name == "style":
            continue
        yield Region(position, found.start(group), "strict")
        kind = "address" if name in URL_ATTRIBUTES else "value"
        yield Region(found.start(group), found.end(group), kind)
        position = found.end(group)
    yield Region(position, match.end(), "strict")


def of_region(region: Region, before: str) -> Escape:
    """How a value is written in a region, after ``before`` (the region's text up to the field)."""
    if region.kind == "text":
        return markup
    if region.kind == "strict":
        return strict
    if region.kind == "value":
        return attribute
    if not before.strip():
        return url_start
    return mail_part if before.lstrip().lower().startswith("mailto:") else url_part
