"""The mail as each recipient will get it, one after the other."""

from typing import Any

from flask import Response, g, render_template, request

from admin_views.security import requires
from admin_views.sending.blueprint import MAY_SEND, bp, own_draft
from ctm.errors import CtmError
from ctm.mailing.listmail import looking
from ctm.mailing.listmail.recipients import REASONS
from ctm.models import MailDraft


def _place(draft: MailDraft) -> int:
    """Which recipient is asked for, from 1."""
    asked = request.args.get("at", 1, type=int) or 1
    return min(max(1, asked), looking.count(draft))


@bp.get("/<int:draft_id>/preview")
@requires(MAY_SEND)
def preview(draft_id: int) -> Any:
    draft = own_draft(draft_id)
    at = _place(draft)
    shown, problem = None, ""
    try:
        shown = looking.look(draft, at)
    except CtmError as error:
        problem = str(error)
    return render_template(
        "sending/preview.html",
        draft=draft,
        at=at,
        count=looking.count(draft),
        shown=shown,
        problem=problem,
        reasons=REASONS,
        images=request.args.get("images") == "1",
    )


@bp.get("/<int:draft_id>/preview/html")
@requires(MAY_SEND)
def preview_html(draft_id: int) -> Any:
    """The HTML alone, for a sandboxed frame."""
    draft = own_draft(draft_id)
    html = looking.look(draft, _place(draft)).rendered.html or ""
    remote = " https: http:" if request.args.get("images") == "1" else ""
    g.csp = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src data: 'self'{remote}; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return Response(html, content_type="text/html; charset=utf-8")


@bp.get("/<int:draft_id>/preview/documents/<int:number>")
@requires(MAY_SEND)
def document(draft_id: int, number: int) -> Any:
    """A document made for this recipient, to look at."""
    draft = own_draft(draft_id)
    made = looking.document(draft, _place(draft), number)
    answer = Response(made.data, content_type="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=made.filename)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
