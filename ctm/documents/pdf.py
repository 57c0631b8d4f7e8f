"""PDF documents: HTML with merge fields, laid out by xhtml2pdf.

A page is a header, the content and a footer, each in a frame of its own. The HTML is filtered
as mails are; pictures are only those kept with the template (``cid:name``) or pasted into it.
xhtml2pdf itself is given a policy under which it reads no file and no address.
"""

import base64
import io
import logging
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any
from xml.dom import Node

from ctm.documents.errors import DocumentError
from ctm.documents.fields import Language, Values, used
from ctm.documents.options import PdfOptions
from ctm.i18n import _
from ctm.mailing.compose import dom
from ctm.mailing.compose.errors import ComposeError
from ctm.mailing.compose.sanitise import clean_tree

log = logging.getLogger(__name__)

LARGEST_DOCUMENT = 4 * 1024 * 1024
SECONDS = 25
_PLACES = {
    "[pagina.numero]": "<pdf:pagenumber>",
    "[pagina.totale]": "<pdf:pagecount>",
    "[pagina.nuova]": "<pdf:nextpage>",
}
_STYLE_ADDRESS = re.compile(r"url\s*\(|@font-face|-pdf-|@page|@frame", re.I)
_PICTURE = re.compile(r"\s*(?:cid:[\w.@-]+|data:image/(?:png|gif|jpe?g)[;,].*)", re.I | re.S)
_SPAN = re.compile(r"\s*\d{0,2}\s*")
_CID = re.compile(r'"cid:([\w.@-]+)"')
_LOOKALIKES = str.maketrans("ĐđŁłıĦħØøŊŋ‐‑−‒\u202f\u2009", "DdLliHhØøNn----\u00a0\u00a0")


class Filtered:
    """HTML fit for a PDF: its style sheets and its content apart."""

    def __init__(self, html: str, field: str) -> None:
        self.field = field
        try:
            tree = dom.parse(html)
            self.removed = clean_tree(tree)
        except ComposeError as problem:
            raise DocumentError(problem.message, field) from None
        styles = dom.elements(tree, "style")
        self.css = "\n".join(child.data for each in styles for child in each.childNodes)
        for each in (*styles, *dom.elements(tree, "title", "meta")):
            each.parentNode.removeChild(each)
        self.cids = self._check(tree)
        self.html = _inside(dom.body(tree))

    def _check(self, tree: dom.Tree) -> set[str]:
        """The pictures used; others than one's own are refused."""
        if _STYLE_ADDRESS.search(self.css):
            raise self._refused(_("the style sheet: it fetches or redefines the page"))
        found: set[str] = set()
        for node, starts in dom.walk(tree):
            if not starts or node.nodeType != Node.ELEMENT_NODE:
                continue
            if _STYLE_ADDRESS.search(node.getAttribute("style")):
                raise self._refused(f"<{node.tagName} style>")
            if node.getAttribute("background") or node.tagName in ("video", "audio", "picture"):
                raise self._refused(f"<{node.tagName}>")
            for name in ("colspan", "rowspan"):
                if not _SPAN.fullmatch(node.getAttribute(name)):
                    raise self._refused(f"{name}=“{node.getAttribute(name)[:20]}”")
            if node.tagName != "img":
                continue
            source = node.getAttribute("src")
            if not _PICTURE.fullmatch(source):
                raise self._refused(f"<img src=“{source[:60]}”>")
            if source.strip()[:4].lower() == "cid:":
                found.add(source.strip()[4:])
        return found

    def _refused(self, what: str) -> DocumentError:
        return DocumentError(
            _(
                "A PDF shows only pictures kept with it and fetches nothing: take out %(what)s, "
                "or upload the picture here.",
                what=what,
            ),
            self.field,
        )


def _inside(body: dom.Tree) -> str:
    """The written content of an element, without the element."""
    written = dom.serialise(body)
    if dom.is_document(body) or body.nodeType != Node.ELEMENT_NODE:
        return written
    return re.sub(r"^<body[^>]*>|</body>$", "", written)


def removed_from(snapshot: Mapping[str, Any]) -> tuple[str, ...]:
    """What the HTML of a template loses when it is filtered, each name once."""
    options = snapshot["options"]
    texts = ((snapshot["html"], "html"), (options.get("header", ""), "header"))
    names = [Filtered(text, field).removed for text, field in texts]
    names.append(Filtered(options.get("footer", ""), "footer").removed)
    return tuple(dict.fromkeys(name for each in names for name in each))


class Compiled:
    """A PDF template, ready to be filled in."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        options = PdfOptions.of(snapshot["options"])
        parts = {
            "html": Filtered(snapshot["html"], "html"),
            "header": Filtered(options.header, "header"),
            "footer": Filtered(options.footer, "footer"),
        }
        pictures = _pictures(snapshot)
        language = Language(snapshot)
        css = "\n".join(each.css for each in parts.values())
        title = escape(str(snapshot["name"]))
        self._head = (
            f"<html><head><title>{title}</title><style>{options.css()}\n{css}</style></head><body>"
        )
        self._parts = []
        for name, part in parts.items():
            missing = sorted(part.cids - pictures.keys())
            if missing:
                raise DocumentError(
                    _("The picture “%(name)s” is not kept with the template.", name=missing[0]),
                    name,
                )
            template = language.compile(_placed(part.html), html=True)
            self._parts.append((name, template))
        self._pictures = pictures
        self.fields = used(template for _name, template in self._parts)

    def make(self, values: Values, _rows: object = ()) -> bytes:
        """The PDF for one recipient; raises ``DocumentError``."""
        shown = {name: template.render(values) for name, template in self._parts}
        if sum(map(len, shown.values())) > LARGEST_DOCUMENT:
            raise DocumentError(_("The document becomes too long for one PDF."))
        html = (
            self._head
            + f'<div id="ctm_header">{shown["header"]}</div>'
            + f'<div id="ctm_footer">{shown["footer"]}</div>'
            + (shown["html"] or "&nbsp;")
            + "</body></html>"
        )
        return _lay_out(_CID.sub(self._picture, _printable(html)))

    def _picture(self, match: re.Match[str]) -> str:
        return f'"{self._pictures.get(match[1], "")}"'


def _placed(html: str) -> str:
    for written, tag in _PLACES.items():
        html = html.replace(written, tag)
    return html


def _pictures(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """The template's pictures as addresses that hold them."""
    return {
        each["cid"]: "data:{};base64,{}".format(
            each["content_type"],
            base64.b64encode(snapshot["data"][each["sha256"]]).decode("ascii"),
        )
        for each in snapshot["images"]
    }


def _printable(html: str) -> str:
    """Letters the PDF's own fonts do not have, written with those they have (Đ as D)."""
    try:
        html.encode("cp1252")
        return html
    except UnicodeEncodeError:
        return "".join(map(_letter, html.translate(_LOOKALIKES)))


def _letter(sign: str) -> str:
    if sign < "\x80":
        return sign
    for reading in (sign, unicodedata.normalize("NFKD", sign)[:1]):
        try:
            reading.encode("cp1252")
            return reading
        except UnicodeEncodeError:
            continue
    return "?"


@cache
def _policy() -> Any:
    """What xhtml2pdf may do: read no file and no address, and only so much of anything."""
    from xhtml2pdf.config.resources import ResourceAccessPolicy

    for noisy in ("xhtml2pdf", "reportlab", "svglib", "pypdf"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    return ResourceAccessPolicy.server(
        None,
        allow_remote=False,
        max_local_bytes=6 * 1024 * 1024,
        max_render_seconds=SECONDS,
        max_document_bytes=40 * 1024 * 1024,
        max_depth=150,
    )


def _lay_out(html: str) -> bytes:
    """xhtml2pdf is only loaded where a PDF is made: it is slow to load."""
    from xhtml2pdf import pisa
    from xhtml2pdf.config.resources import RenderLimitError

    out = io.BytesIO()
    try:
        done = pisa.CreatePDF(html, dest=out, encoding="utf-8", resource_policy=_policy())
    except RenderLimitError:
        raise DocumentError(
            _("The PDF is too large, too deeply nested, or takes too long to lay out.")
        ) from None
    except MemoryError:
        raise DocumentError(_("The PDF needs more memory than a document may.")) from None
    except Exception:  # reportlab raises of every kind
        log.info("a PDF cannot be laid out", exc_info=True)
        raise DocumentError(
            _(
                "The PDF cannot be laid out: a table cell, a picture, a column or a letter may be "
                "larger than the page."
            )
        ) from None
    if done.err:
        raise DocumentError(_("The PDF cannot be laid out: its HTML or its styles are broken."))
    return out.getvalue()
