"""A mail as its recipient will read it, without links that count."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from ctm.mailing.compose.bodies import compile_bodies
from ctm.mailing.compose.content import MailContent
from ctm.mailing.compose.headers import one_line
from ctm.mailing.merge import Catalogue, catalogue_of

_SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class RenderedPreview:
    """Subject and bodies for one recipient; ``html`` is None for a mail of plain text."""

    subject: str
    html: str | None
    text: str


def preview(
    content: MailContent, values: Mapping[str, object], catalogue: Catalogue | None = None
) -> RenderedPreview:
    """Fill in a mail for looking at it; raises ``MergeError`` or ``ComposeError``.

    Without a catalogue it is a campaign's, with the fields of clients.

    Links are the original ones, the remove link leads nowhere, inline images are put into the
    HTML as ``data:`` so that a sandboxed frame can show them.
    """
    bodies = compile_bodies(content, catalogue or catalogue_of(""), tracked=False)
    html = bodies.html.render(values) if bodies.html else None
    for each in content.attachments if html else ():
        if html and each.cid and each.content_type in _SHOWN_TYPES:
            data = base64.b64encode(each.data).decode("ascii")
            html = html.replace(f'"cid:{each.cid}"', f'"data:{each.content_type};base64,{data}"')
    return RenderedPreview(
        one_line(bodies.subject.render(values)), html, bodies.text.render(values)
    )
