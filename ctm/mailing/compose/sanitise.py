"""Taking out of HTML what a mail must not carry.

Why not nh3: it parses a fragment and writes it anew, without ``<style>``, ``<head>``, doctype
and Outlook's conditional comments, which mail templates live on. Here the source is parsed by
the HTML standard (``dom``), the tree is filtered by a list of what may stay, and

* HTML in which nothing had to go is returned exactly as it was written;
* otherwise the filtered tree is written out. The elements that make written HTML parse
  differently the second time (SVG, MathML, ``noscript``, ``textarea``, ``xmp``, ``template`` …)
  are among those that go, so there is nothing left to mutate.

When a mail is composed this runs after CSS has been inlined, and links are rewritten in the
filtered tree itself.
"""

import re
from dataclasses import dataclass
from xml.dom import Node

from ctm.mailing.compose import dom

_KEPT = dom.words(
    "a abbr acronym address area article aside b bdi bdo big blockquote body br caption center "
    "cite code col colgroup dd del details dfn dir div dl dt em figcaption figure font footer h1 "
    "h2 h3 h4 h5 h6 head header hgroup hr html i img ins kbd li main map mark menu meta nav ol p "
    "picture pre q rp rt ruby s samp section small source span strike strong style sub summary "
    "sup table tbody td tfoot th thead time title tr tt u ul var video audio wbr"
)
_DROPPED = dom.words(
    "applet base canvas datalist embed frame frameset iframe input isindex keygen link listing "
    "math noembed noframes noscript object optgroup option param plaintext portal script select "
    "svg template textarea track xmp"
)
_URL_ATTRIBUTES = frozenset({"href", "src", "background", "cite", "poster", "longdesc"})
_BAD_ATTRIBUTES = dom.words(
    "action archive autofocus classid code codebase contenteditable data dynsrc formaction is "
    "lowsrc manifest nonce ping slot srcdoc"
)
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_:.-]*", re.I)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp)[;,]", re.I)
_MERGE_FIELD = re.compile(r"\[[^\]]*\]|\{\{[^}]*\}\}")
_META_EQUIVALENTS = frozenset({"content-type", "x-ua-compatible", "content-language"})
_CONDITIONAL = re.compile(
    r"\s*\[if [^\]<>]*\]>.*<!\[endif\]\s*|\[if [^\]<>]*\]><!|<!\[endif\]", re.S | re.I
)
_ACTIVE = re.compile(
    r"<\s*/?(?:script|iframe|object|embed|form|input|base|link|svg|math)|\bon\w+\s*=|script\s*:",
    re.I,
)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.S)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.S)
_CSS_IMPORT = re.compile(r"@import\b[^;}]*;?", re.I)
_CSS_ACTIVE = re.compile(
    r"expression\s*\(|(?:java|vb)script\s*:|-moz-binding|(?<![\w-])behaviou?r\s*:|@import|</|<!--",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Sanitised:
    """HTML fit for a mail, and the names of what was taken out of it."""

    html: str
    removed: tuple[str, ...]


def sanitise(html: str) -> Sanitised:
    """Take out what a mail must not carry; merge fields and remove placeholders stay."""
    tree = dom.parse(html)
    removed = clean_tree(tree)
    return Sanitised(dom.serialise(tree) if removed else html, removed)


def sanitise_mail_html(html: str) -> str:
    """``sanitise`` for those who only need the HTML."""
    return sanitise(html).html


def clean_tree(tree: dom.Tree) -> tuple[str, ...]:
    """Filter a tree in place; the names of what was removed, each once."""
    removed: dict[str, None] = {}
    pending = list(reversed(tree.childNodes))
    while pending:
        node = pending.pop()
        if node.nodeType == Node.COMMENT_NODE:
            if not _comment_may_stay(node.data):
                removed["<!-- -->"] = None
                node.parentNode.removeChild(node)
            continue
        if node.nodeType != Node.ELEMENT_NODE:
            continue
        name = node.tagName
        if name not in _KEPT:
            removed[f"<{name}>"] = None
            if name not in _DROPPED:
                pending.extend(reversed(_unwrap(node)))
            else:
                node.parentNode.removeChild(node)
            continue
        if name == "style" and _drop_imports(node):
            removed["@import"] = None
        if not _element_may_stay(node):
            removed[f"<{name}>"] = None
            node.parentNode.removeChild(node)
            continue
        removed.update(dict.fromkeys(_clean_attributes(node)))
        pending.extend(reversed(node.childNodes))
    return tuple(removed)


def _unwrap(node: dom.Tree) -> list[dom.Tree]:
    """Put a node's children in its place."""
    children = list(node.childNodes)
    parent = node.parentNode
    for child in children:
        parent.insertBefore(child, node)
    parent.removeChild(node)
    return children


def _comment_may_stay(data: str) -> bool:
    if "-->" in data or "--!>" in data:
        return False
    if _CONDITIONAL.fullmatch(data):
        return not _ACTIVE.search(data)
    return not re.search(r"[<>]", data)


def _drop_imports(style: dom.Tree) -> bool:
    """Take imports of remote style sheets out; the other rules stay."""
    found = False
    for child in style.childNodes:
        without = _CSS_IMPORT.sub("", child.data)
        found = found or without != child.data
        child.data = without
    return found


def _element_may_stay(node: dom.Tree) -> bool:
    """Style sheets without active content, ``meta`` that redirects nobody."""
    if node.tagName == "meta":
        equivalent = node.getAttribute("http-equiv").strip().lower()
        return not equivalent or equivalent in _META_EQUIVALENTS
    if node.tagName != "style":
        return True
    return all(css_is_harmless(child.data) for child in node.childNodes)


def css_is_harmless(css: str) -> bool:
    """No scripts, bindings or imports, also behind CSS escapes and comments."""

    def unescape(match: re.Match[str]) -> str:
        number = int(match[1], 16) if match[1] else 0
        return chr(number) if 0 < number < 0x110000 else match[2] or ""

    without_comments = _CSS_COMMENT.sub("", css)
    readings = (css, _CSS_ESCAPE.sub(unescape, css), _CSS_ESCAPE.sub(unescape, without_comments))
    return not any(_CSS_ACTIVE.search(reading) for reading in readings)


def _clean_attributes(node: dom.Tree) -> list[str]:
    """Take out an element's bad attributes; their names."""
    removed = []
    for name, value in dom.attributes(node):
        if not _attribute_may_stay(node.tagName, name.lower(), value):
            node.removeAttribute(name)
            removed.append(name)
    return removed


def _attribute_may_stay(element: str, name: str, value: str) -> bool:
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.startswith(("on", "xmlns", "xlink")):
        return False
    if name in _BAD_ATTRIBUTES:
        return False
    if name == "style":
        return css_is_harmless(value)
    if name == "srcset":
        return all(_address_may_stay(each, True) for each in value.split(","))
    if name in _URL_ATTRIBUTES:
        return _address_may_stay(value, element != "a" and element != "area")
    return True


def _address_may_stay(value: str, shows: bool) -> bool:
    """Whether an address has a harmless scheme, with its merge fields empty as well as filled."""
    for reading in (value, _MERGE_FIELD.sub("", value)):
        bare = re.sub(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060\ufeff]", "", reading)
        match = _SCHEME.match(bare)
        if match and match[1].lower() not in _SCHEMES and not (shows and _DATA_IMAGE.match(bare)):
            return False
    return True
