"""Tracked links, the pixel and the remove link, put into a body once for the whole mailing.

What differs between recipients is one token; ``MARK`` stands for it until the mail is filled
in. Links are numbered from 1 in order of first appearance, equal addresses once. An address
with merge fields leads everybody elsewhere, so it cannot be stored with the mailing: it stays
as written and is not tracked.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ctm.i18n import _
from ctm.mailing.compose import dom
from ctm.mailing.compose.errors import ComposeError

MARK = "\ue0f0"
REMOVE_WORDS = ("rimuovi", "unsubscribe")

_REMOVE = re.compile(rf"\[\s*(?:{'|'.join(REMOVE_WORDS)})\s*\]", re.I)
_REMOVE_ADDRESS = re.compile(rf"(?:https?://)?\[\s*(?:{'|'.join(REMOVE_WORDS)})\s*\]/?", re.I)
_MERGED = re.compile(r"\[\s*\w+\s*\.\s*\w+\s*[;\]]|\{\{")
_TEXT_LINK = re.compile(r"https?://[^\s<>\"]+", re.I)
_TRAILING = ".,;:!?)]}'»”’"
_LONGEST_BASE = 200

_REMOVE_LINES = {
    "it": ("Non vuoi più ricevere queste e-mail?", "Cancellati"),
    "en": ("You no longer wish to receive these e-mails?", "Unsubscribe"),
}
_FOOTER_STYLE = "margin:24px 0 0;font-size:12px;line-height:1.5;color:#666666;text-align:center"


@dataclass(slots=True)
class Tracking:
    """The links of one mailing as they are found; without ``base`` nothing is tracked.

    Not ``active``: a preview, where the remove line shows but leads nowhere. Not ``follow``: links
    and openings are left alone, only the remove line works.
    """

    base: str | None
    language: str
    active: bool = True
    follow: bool = True
    links: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def tracked(self, address: str) -> str:
        """The address that leads to ``address`` and is counted."""
        number = self._numbers.get(address)
        if number is None:
            self.links.append(address)
            number = self._numbers[address] = len(self.links)
        return f"{self.base}/c/{MARK}/{number}"

    @property
    def pixel(self) -> str:
        return f"{self.base}/o/{MARK}.gif"

    @property
    def remove(self) -> str:
        return f"{self.base}/r/{MARK}" if self.tracks else "#"

    @property
    def tracks(self) -> bool:
        return self.base is not None and self.active

    @property
    def follows(self) -> bool:
        return self.tracks and self.follow

    @property
    def words(self) -> tuple[str, str]:
        """The question and the link of the remove line."""
        return _REMOVE_LINES.get(self.language[:2].lower(), _REMOVE_LINES["en"])


def base_address(public_url: str | None) -> str | None:
    """The public address without its last slash; raises ``ComposeError`` if it is no address."""
    if not public_url:
        return None
    base = public_url.rstrip("/")
    if not re.fullmatch(r"https?://[!-~]+", base, re.I) or len(base) > _LONGEST_BASE:
        raise ComposeError(_("“%(url)s” is not a web address.", url=public_url[:80]))
    return re.sub(r"[<>\"'\\]", quote_sign, base)


def quote_sign(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def can_track(address: str) -> bool:
    """Whether an address is one web page for everybody."""
    if not re.match(r"https?://", address, re.I) or _MERGED.search(unquote(address)):
        return False
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def track_tree(tree: dom.Tree, tracking: Tracking, *, add_remove_line: bool) -> None:
    """Rewrite the links of a parsed body, add the pixel and, if it lacks one, the remove line."""
    has_remove = _rewrite_links(tree, tracking)
    has_remove = _fill_placeholders(tree, tracking) or has_remove
    if tracking.base is None:
        return
    body, document = dom.body(tree), dom.owner(tree)
    if add_remove_line and not has_remove:
        question, label = tracking.words
        line = document.createElement("p")
        line.setAttribute("style", _FOOTER_STYLE)
        line.appendChild(document.createTextNode(f"{question} "))
        line.appendChild(_link(tree, tracking.remove, label))
        body.appendChild(line)
    if not tracking.follows:
        return
    pixel = document.createElement("img")
    for name, value in {"src": tracking.pixel, "width": "1", "height": "1", "alt": ""}.items():
        pixel.setAttribute(name, value)
    pixel.setAttribute("style", "display:block;border:0;width:1px;height:1px")
    body.appendChild(pixel)


def _link(tree: dom.Tree, address: str, label: str) -> dom.Tree:
    link = dom.owner(tree).createElement("a")
    link.setAttribute("href", address)
    link.appendChild(dom.owner(tree).createTextNode(label))
    return link


def _rewrite_links(tree: dom.Tree, tracking: Tracking) -> bool:
    """Rewrite every ``href``; whether one of them is the remove link."""
    has_remove = False
    for element in dom.elements(tree, "a", "area"):
        if not element.hasAttribute("href"):
            continue
        address = re.sub(r"[\t\n\r]", "", element.getAttribute("href")).strip()
        if _REMOVE_ADDRESS.fullmatch(unquote(address)):
            has_remove = True
            element.setAttribute("href", tracking.remove)
        elif tracking.follows and can_track(address):
            element.setAttribute("href", tracking.tracked(address))
    return has_remove


def _fill_placeholders(tree: dom.Tree, tracking: Tracking) -> bool:
    """Turn ``[rimuovi]`` in the text into a link; whether there was one."""
    found = False
    for node, starts in list(dom.walk(tree)):
        if not starts or node.nodeType != node.TEXT_NODE or not _REMOVE.search(node.data):
            continue
        found = True
        label = tracking.words[1]
        if _inside(node, "a", "style", "title"):
            node.data = _REMOVE.sub(label, node.data)
            continue
        parent = node.parentNode
        for number, part in enumerate(_REMOVE.split(node.data)):
            if number:
                parent.insertBefore(_link(tree, tracking.remove, label), node)
            if part:
                parent.insertBefore(dom.owner(tree).createTextNode(part), node)
        parent.removeChild(node)
    return found


def _inside(node: dom.Tree, *names: str) -> bool:
    parent = node.parentNode
    while parent is not None:
        if parent.nodeName in names:
            return True
        parent = parent.parentNode
    return False


def track_text(text: str, tracking: Tracking, *, add_remove_line: bool, links: bool) -> str:
    """The same for a plain text: placeholder, links if asked, remove line if it lacks one."""
    if tracking.base is None:
        return _REMOVE.sub("", text)
    if links and tracking.follows:
        text = _TEXT_LINK.sub(lambda match: _text_link(match[0], tracking), text)
    address = tracking.remove if tracking.active else f"{tracking.base}/r/…"
    text, found = _REMOVE.subn(address, text)
    if add_remove_line and not found:
        question, label = tracking.words
        above = f"{text.rstrip()}\n\n" if text.strip() else ""
        text = f"{above}{question}\n{label}: {address}\n"
    return text


def _text_link(written: str, tracking: Tracking) -> str:
    address = written.rstrip(_TRAILING)
    if not can_track(written) or not can_track(address):
        return written
    return tracking.tracked(address) + written[len(address) :]
