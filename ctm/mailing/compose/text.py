"""The text part of a mail, derived from its HTML: readable, with links as ``text <address>``."""

import re
from xml.dom import Node

from ctm.mailing.compose import dom

_PARAGRAPH = dom.words(
    "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure hr section article header footer "
    "address"
)
_LINE = dom.words("div li tr dt dd caption center main nav aside figcaption br")
_SKIPPED = dom.words("head style title script")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.I)
_SPACES = re.compile(r"[ \t\n\r\f\xa0]+")
_MARKER = re.compile(r"\[\w+;block=(?:begin|end)\]")
_LINKED = re.compile(r"https?:|mailto:|tel:|\[", re.I)


def derive_text(html: str) -> str:
    """The text of an HTML body; merge fields stay as they are."""
    return text_of(dom.parse(html))


def text_of(tree: dom.Tree) -> str:
    """The text of a parsed body: ends in one line break, or is empty."""
    writer = _Writer()
    skipped = None
    for node, starts in dom.walk(tree):
        if skipped is not None:
            if node is skipped and not starts:
                skipped = None
            continue
        if node.nodeType == Node.TEXT_NODE and starts:
            writer.text(node.data)
        elif node.nodeType == Node.COMMENT_NODE and starts:
            writer.comment(node)
        elif node.nodeType != Node.ELEMENT_NODE:
            continue
        elif starts and _is_skipped(node):
            skipped = node
        elif starts:
            writer.open(node)
        else:
            writer.close(node)
    return writer.result()


def _is_skipped(node: dom.Tree) -> bool:
    return node.tagName in _SKIPPED or bool(_HIDDEN.search(node.getAttribute("style")))


class _Writer:
    """Collects lines; knows about blank lines, lists and links."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.pending = 0
        self.given = 0
        self.space = False
        self.preformatted = 0
        self.lists: list[int | None] = []
        self.links: list[tuple[str, int]] = []

    def break_line(self, lines: int) -> None:
        """Ask for a line break (1) or a blank line (2) before the next text."""
        self.pending = max(self.pending, lines)
        self.space = False

    def put(self, text: str) -> None:
        if self.pending and self.written:
            self.written.append("\n" * (self.pending - self.given))
        elif self.space and self.written:
            self.written.append(" ")
        self.pending, self.given, self.space = 0, 0, False
        self.written.append(text)

    def comment(self, node: dom.Tree) -> None:
        """The beginning or the end of a block: its line breaks go into it, to be repeated too.

        A marker in a line of its own is taken out with the line.
        """
        if not _MARKER.fullmatch(node.data):
            return
        following = node.nextSibling.nodeName if node.nextSibling is not None else ""
        if node.data.endswith("=begin]") and following in _PARAGRAPH | _LINE:
            self.break_line(2 if following in _PARAGRAPH else 1)
        breaks = self.pending if self.written else 0
        if breaks:
            self.written.append("\n" * (breaks - self.given))
        elif self.space and self.written:
            self.written.append(" ")
        self.given = breaks if self.written else 2
        self.written.append(node.data + ("\n" if self.given else ""))
        self.pending = breaks
        self.space = False

    def text(self, data: str) -> None:
        if self.preformatted:
            if data:
                self.put(data)
            return
        words = _SPACES.sub(" ", data)
        if words.startswith(" ") and not self.pending:
            self.space = True
        if words.strip(" "):
            self.put(words.strip(" "))
            self.space = words.endswith(" ")

    def open(self, node: dom.Tree) -> None:
        name = node.tagName
        if name == "br":
            if self.pending == 1 or not self.written:
                self.pending = 2 if self.written else 0
            self.pending = max(self.pending, 1)
        elif name in _PARAGRAPH:
            self.break_line(1 if name in ("ul", "ol") and self.lists else 2)
        elif name in _LINE:
            self.break_line(1)
        if name in ("ul", "ol"):
            self.lists.append(0 if name == "ol" else None)
        elif name == "li":
            self.put(self._bullet())
            self.space = True
        elif name == "pre":
            self.preformatted += 1
        elif name == "hr":
            self.put("-" * 40)
            self.break_line(2)
        elif name == "img" and node.getAttribute("alt").strip():
            self.text(node.getAttribute("alt"))
        elif name in ("td", "th") and node.previousSibling is not None:
            self.space = True
        elif name == "a":
            self.links.append((node.getAttribute("href").strip(), len(self.written)))

    def close(self, node: dom.Tree) -> None:
        name = node.tagName
        if name == "a" and self.links:
            self._end_link(*self.links.pop())
        elif name in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.break_line(1 if self.lists else 2)
        elif name == "pre":
            self.preformatted -= 1
            self.break_line(2)
        elif name in _PARAGRAPH:
            self.break_line(2)
        elif name in _LINE and name != "br":
            self.break_line(1)

    def _bullet(self) -> str:
        indent = "  " * (len(self.lists) - 1)
        number = self.lists[-1] if self.lists else None
        if number is None:
            return f"{indent}-"
        self.lists[-1] = number + 1
        return f"{indent}{number + 1}."

    def _end_link(self, address: str, start: int) -> None:
        """Write a link's address after its text, unless the text is the address."""
        shown = "".join(self.written[start:]).strip()
        bare = re.sub(r"^(?:mailto:|tel:)", "", address, flags=re.I)
        if not _LINKED.match(address) or shown in (address, bare):
            return
        if not shown:
            self.put(address)
            return
        after = self.space
        self.space = True
        self.put(f"<{bare}>")
        self.space = after

    def result(self) -> str:
        text = "".join(self.written)
        lines = [line.rstrip(" ") for line in text.split("\n")]
        joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
        return f"{joined}\n" if joined else ""
