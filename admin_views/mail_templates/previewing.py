"""A template as its recipient will read it."""

from typing import Any

from flask import Response, g, render_template, request

from admin_views.mail_templates.blueprint import bp
from admin_views.security import requires
from ctm import templates
from ctm.clients import operations as clients
from ctm.errors import CtmError
from ctm.models import Client
from ctm.permissions import Permission
from ctm.templates import previewing


def _number(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _client() -> Client | None:
    asked = _number("client")
    return clients.get(asked) if asked else None


@bp.get("/<int:template_id>/preview")
@requires(Permission.VIEW_MAIL)
def preview(template_id: int) -> Any:
    template, client = templates.get(template_id), _client()
    rows = previewing.rows_of(template, client) if client else []
    shown, problem = None, ""
    try:
        shown = previewing.shown(template, client, _number("row"))
    except CtmError as error:
        problem = str(error)
    return render_template(
        "mail_templates/preview.html",
        template=template,
        modules=templates.module_labels(),
        client=client,
        rows=rows,
        row=_number("row"),
        shown=shown,
        problem=problem,
        section="preview",
    )


@bp.get("/<int:template_id>/preview/html")
@requires(Permission.VIEW_MAIL)
def preview_html(template_id: int) -> Any:
    """The HTML alone, for a sandboxed frame."""
    template = templates.get(template_id)
    html = previewing.shown(template, _client(), _number("row")).html or ""
    remote = " https: http:" if request.args.get("images") == "1" else ""
    g.csp = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src data: 'self'{remote}; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return Response(html, content_type="text/html; charset=utf-8")
