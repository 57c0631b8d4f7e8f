"""HTML as a tree and back.

Parsed by html5lib, that is by the HTML standard's own algorithm, so what is looked at here is
what a browser or a mail client will see. The tree is minidom's; walks are iterative, since the
depth of what users paste is not ours to bound.
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any
from xml.dom import Node, minidom

import html5lib

from ctm.i18n import _
from ctm.mailing.compose.errors import ComposeError
from ctm.mailing.merge.template import clean

LONGEST_HTML = 500_000
LONGEST_WITH_IMAGES = 30_000_000
_IMAGE_DATA = re.compile(r"data:image/[^\s\"'<>]*+")
_DEEPEST = 1_000
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_WHOLE_DOCUMENT = re.compile(r"<(?:!doctype|html|head|body)\b", re.I)


def words(text: str) -> frozenset[str]:
    """A set of names written with spaces between."""
    return frozenset(re.split(r"\s+", text))


VOID = words("area base br col embed hr img input link meta source track wbr")
_SELF_CLOSING = words("p li dt dd tr td th thead tbody tfoot colgroup option rp rt html head body")

# minidom's nodes carry no useful types in typeshed
Tree = Any


def parse(html: str) -> Tree:
    """A document if the source is one, else a fragment (what an editor writes)."""
    if len(html) > LONGEST_HTML and _length(html) > LONGEST_HTML:
        raise ComposeError(
            _(
                "The HTML is too long: %(count)s characters, %(limit)s at most.",
                count=len(html),
                limit=LONGEST_HTML,
            )
        )
    if html.count("<") > _DEEPEST and _deepest(html) > _DEEPEST:
        raise ComposeError(_("The HTML is nested too deeply."))
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("dom"), namespaceHTMLElements=False)
    source = clean(html)
    whole = is_document_source(source)
    try:
        return parser.parse(source) if whole else parser.parseFragment(source)
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as problem:
        # html5lib's own assumptions, which a few kinds of broken HTML do not meet
        raise ComposeError(_("The HTML is broken and cannot be read.")) from problem


def _length(html: str) -> int:
    """Characters without pasted images, which have a generous limit of their own."""
    return len(_IMAGE_DATA.sub("", html)) if len(html) <= LONGEST_WITH_IMAGES else len(html)


def is_document_source(html: str) -> bool:
    """Whether HTML is written as a whole document rather than as a fragment."""
    return bool(_WHOLE_DOCUMENT.search(html))


def _deepest(html: str) -> int:
    """An upper bound for the depth of the tree: elements open at once, apart from those that
    close by themselves."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for closing, tag in _ANY_TAG.findall(html):
        name = tag.lower()
        if name in VOID or name in _SELF_CLOSING:
            continue
        if not closing:
            opened[name] += 1
            depth += 1
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
        deepest = max(deepest, depth)
    return deepest


def is_document(tree: Tree) -> bool:
    return bool(tree.nodeType == Node.DOCUMENT_NODE)


def owner(tree: Tree) -> minidom.Document:
    """The document that makes new nodes for a tree."""
    found: minidom.Document = tree if is_document(tree) else tree.ownerDocument
    return found


def walk(tree: Tree) -> Iterator[tuple[Tree, bool]]:
    """Every node below ``tree`` in document order: ``(node, True)`` at its start, False at its end.

    A node may be changed or taken out when its start is seen.
    """
    stack: list[tuple[Tree, bool]] = [(child, True) for child in reversed(tree.childNodes)]
    while stack:
        node, starts = stack.pop()
        yield node, starts
        if starts and node.parentNode is not None:
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(node.childNodes))


def elements(tree: Tree, *names: str) -> list[Tree]:
    """The elements of these names, in document order."""
    return [
        node
        for node, starts in walk(tree)
        if starts and node.nodeType == Node.ELEMENT_NODE and node.tagName in names
    ]


def body(tree: Tree) -> Tree:
    """Where a mail's content is: the body (made if frames had its place), or the whole fragment."""
    if not is_document(tree):
        return tree
    found = elements(tree, "body")
    if found:
        return found[0]
    made = tree.createElement("body")
    tree.documentElement.appendChild(made)
    return made


def attributes(element: Tree) -> list[tuple[str, str]]:
    return list(element.attributes.items()) if element.attributes else []


def serialise(tree: Tree) -> str:
    """The tree as HTML that parses to the same tree."""
    written: list[str] = []
    for node, starts in walk(tree):
        kind = node.nodeType
        if kind == Node.ELEMENT_NODE:
            written.append(_tag(node, starts))
        elif not starts:
            continue
        elif kind == Node.TEXT_NODE:
            raw = node.parentNode.nodeName == "style"
            written.append(node.data if raw else escape(node.data, quote=False))
        elif kind == Node.COMMENT_NODE:
            written.append(f"<!--{node.data}-->")
        elif kind == Node.DOCUMENT_TYPE_NODE:
            written.append(_doctype(node))
    return "".join(written)


def _tag(element: Tree, starts: bool) -> str:
    name = element.tagName
    if not starts:
        return "" if name in VOID else f"</{name}>"
    given = "".join([f' {key}="{escape(value)}"' for key, value in attributes(element)])
    first = element.firstChild
    swallowed = name == "pre" and first is not None and first.nodeType == Node.TEXT_NODE
    extra = "\n" if swallowed and first.data.startswith("\n") else ""
    return f"<{name}{given}>{extra}"


def _doctype(node: Tree) -> str:
    public, system = node.publicId or "", node.systemId or ""
    if '"' in public + system:
        return "<!DOCTYPE html>"
    if public:
        return f'<!DOCTYPE html PUBLIC "{public}"' + (f' "{system}">' if system else ">")
    return "<!DOCTYPE html>"
