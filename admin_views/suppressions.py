"""Removed addresses: who gets no more mail, and why."""

import io
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_admin import Admin
from sqlalchemy import func, select

from admin_views.languages import current_language
from admin_views.security import requires
from ctm import exporting, suppressions
from ctm.errors import InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.permissions import Permission

bp = Blueprint("suppressions", __name__, url_prefix="/suppressions")

PAGE = 50


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/")
@requires(Permission.EDIT_CAMPAIGNS)
def index_view() -> Any:
    return _page()


@bp.post("/add")
@requires(Permission.EDIT_CAMPAIGNS)
def add() -> Any:
    address = request.form.get("address", "")
    try:
        added = suppressions.suppress(address, "by_hand", note=request.form.get("note", ""))
    except InvalidInput as error:
        db.session.rollback()
        flash(str(error), "bad")
        return _page(typed=address[:254]), 422
    if added:
        flash(_("%(address)s gets no more mail.", address=address.strip()), "good")
    else:
        flash(_("%(address)s was on the list already.", address=address.strip()), "info")
    return redirect(url_for("suppressions.index_view"))


@bp.post("/lift")
@requires(Permission.EDIT_CAMPAIGNS)
def lift() -> Any:
    address = request.form.get("address", "")[:254]
    try:
        suppressions.lift(address, request.form.get("why", ""))
    except (InvalidInput, NotFound) as error:
        flash(str(error), "bad")
        return _page(), 404 if isinstance(error, NotFound) else 422
    flash(_("%(address)s may get mail again.", address=address), "good")
    return redirect(url_for("suppressions.index_view"))


@bp.get("/export.csv")
@requires(Permission.EXPORT)
def export() -> Response:
    """What the list shows, as a file a spreadsheet opens."""
    out = io.BytesIO()
    suppressions.export(out, *_narrowed(), current_language())
    answer = Response(out.getvalue(), mimetype=exporting.CONTENT_TYPES["csv"])
    answer.headers["Content-Disposition"] = 'attachment; filename="removed-addresses.csv"'
    return answer


def _narrowed() -> tuple[str, str]:
    """Search text and reason.

    :raises InvalidInput: CTM does not know the reason.
    """
    reason = request.args.get("reason", "")
    if reason and reason not in suppressions.REASONS:
        raise InvalidInput(_("There is no such reason: %(reason)s.", reason=reason[:40]))
    return request.args.get("q", "").strip()[:200], reason


def _page(typed: str = "") -> str:
    text, reason = _narrowed()
    number = request.args.get("page", "0")
    if not (number.isascii() and number.isdecimal()) or len(number) > 6:
        raise NotFound(_("There is no such page."))
    page = int(number)
    query = suppressions.find(text, reason)
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    return render_template(
        "suppressions/list.html",
        rows=list(db.session.scalars(query.offset(page * PAGE).limit(PAGE))),
        total=total or 0,
        page=page,
        pages=-(-(total or 0) // PAGE),
        q=text,
        reason=reason,
        reasons=suppressions.REASONS,
        typed=typed,
    )
