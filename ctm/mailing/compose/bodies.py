"""From the snapshot's bodies to the templates of the two parts of a mail."""

import re
from dataclasses import dataclass
from functools import lru_cache

import css_inline

from ctm.i18n import _
from ctm.mailing.compose import dom
from ctm.mailing.compose.content import Attachment, MailContent
from ctm.mailing.compose.errors import ComposeError
from ctm.mailing.compose.images import take_images
from ctm.mailing.compose.sanitise import clean_tree, sanitise_mail_html
from ctm.mailing.compose.text import text_of
from ctm.mailing.compose.tracking import MARK, Tracking, base_address, track_text, track_tree
from ctm.mailing.merge import Catalogue, Template, compile_template
from ctm.mailing.merge.template import clean, with_markers

_STYLE = re.compile(r"<style\b", re.I)
_MARK_IN_HTML = re.compile(r"&#(?:x0*e0f0(?![0-9a-f])|0*57584(?![0-9]));?", re.I)
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class Bodies:
    """The parts of a mail as templates.

    ``links`` are the tracked addresses, number 1 first; ``images`` those pasted into the HTML.
    """

    subject: Template
    html: Template | None
    text: Template
    links: tuple[str, ...]
    images: tuple[Attachment, ...]


def compile_bodies(content: MailContent, catalogue: Catalogue, *, tracked: bool = True) -> Bodies:
    """Compile subject and bodies; not ``tracked`` to look at, with the original links.

    Raises ``MergeError`` with the place in the source as written, ``ComposeError`` if there is
    nothing to send.
    """
    language = content.language
    subject = compile_template(
        content.subject, catalogue, html=False, language=language, blocks=False
    )
    written_html = _given_html(content.html)
    written_text = _given(content.text)
    if written_html is None and written_text is None:
        raise ComposeError(_("The mail has no text."))
    tracking = Tracking(base_address(content.public_url), language, tracked, content.track)
    html = None
    images: tuple[Attachment, ...] = ()
    if written_html is not None:
        compile_template(written_html, catalogue, html=True, language=language)
        tree = prepare_tree(written_html, language)
        if written_text is None:
            written_text = _text_of(tree, catalogue)
        if tracked:
            images = take_images(tree)
        track_tree(tree, tracking, add_remove_line=content.unsubscribe)
        html = compile_template(
            dom.serialise(tree) + "\n",
            catalogue,
            html=True,
            language=language,
            raw=_harmless,
        )
    text_source = track_text(
        written_text or "",
        tracking,
        add_remove_line=content.unsubscribe,
        links=content.track_text_links,
    )
    text = compile_template(
        text_source.rstrip("\n") + "\n", catalogue, html=False, language=language
    )
    return Bodies(subject, html, text, tuple(tracking.links), images)


def _text_of(tree: dom.Tree, catalogue: Catalogue) -> str:
    """The text part derived from the HTML part, blocks too."""
    if not catalogue.lists:
        return text_of(tree)
    source = dom.serialise(tree)
    marked = with_markers(source, catalogue)
    return text_of(tree if marked == source else dom.parse(marked))


@lru_cache(2000)
def _harmless(value: str) -> str:
    """The value of a field that is declared HTML, without what a mail must not carry."""
    return sanitise_mail_html(value) if "<" in value else value


def _given(source: str | None) -> str | None:
    """The source without what no mail may carry; None if there is nothing to read in it."""
    if source is None or not source.strip():
        return None
    return clean(source).replace(MARK, "")


def _given_html(source: str | None) -> str | None:
    given = _given(source)
    return given and _MARK_IN_HTML.sub("\ufffd", given)


def prepare_tree(html: str, language: str) -> dom.Tree:
    """A whole document in UTF-8, with its CSS inlined and nothing in it that must not be.

    Filtered before inlining, so that no style sheet is ever looked for, and again after.
    """
    source = html if dom.is_document_source(html) else _document(html, language)
    tree = dom.parse(source)
    clean_tree(tree)
    if _STYLE.search(html):
        try:
            inlined = _INLINER.inline(dom.serialise(tree))
        except css_inline.InlineError:
            inlined = None
        if inlined is not None:
            tree = dom.parse(inlined)
            clean_tree(tree)
    for meta in dom.elements(tree, "meta"):
        if meta.hasAttribute("charset"):
            meta.setAttribute("charset", "utf-8")
        elif meta.getAttribute("http-equiv").strip().lower() == "content-type":
            meta.setAttribute("content", "text/html; charset=utf-8")
    return tree


def _document(fragment: str, language: str) -> str:
    lang = re.sub(r"[^A-Za-z-]", "", language.replace("_", "-"))
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8"></head><body>\n'
        f"{fragment}\n</body></html>"
    )
