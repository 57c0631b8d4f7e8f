"""The list of mail templates, and what is done from it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func, select

from admin_views.mail_templates.blueprint import bp
from admin_views.security import requires
from ctm import templates
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.permissions import Permission

PAGE = 50
STATES = {"active": _l("active"), "inactive": _l("not active"), "all": _l("all")}


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_MAIL)
def index() -> Any:
    text, module = request.args.get("q", "")[:200], request.args.get("module", "")
    state = request.args.get("state", "active")
    if module:
        templates.check_module(module)
    query = templates.find(text, module, state)
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    pages = max(1, -(-(total or 0) // PAGE))
    asked = request.args.get("page", "0")
    page = min(int(asked), pages - 1) if asked.isdecimal() and len(asked) < 7 else 0
    return render_template(
        "mail_templates/list.html",
        rows=list(db.session.scalars(query.limit(PAGE).offset(page * PAGE))),
        total=total or 0,
        page=page,
        pages=pages,
        q=text,
        module=module,
        state=state,
        states=STATES,
        modules=templates.module_labels(),
    )


@bp.post("/<int:template_id>/duplicate")
@requires(Permission.EDIT_TEMPLATES)
def duplicate(template_id: int) -> Any:
    copy = templates.duplicate(templates.get(template_id), current_user)
    flash(_("This is the copy: give it its name, then change what has to be different."), "good")
    return redirect(url_for("mail_templates.edit", template_id=copy.id))


@bp.post("/<int:template_id>/<any(activate, deactivate):what>")
@requires(Permission.EDIT_TEMPLATES)
def set_active(template_id: int, what: str) -> Any:
    template = templates.get(template_id)
    templates.set_active(template, what == "activate")
    if template.active:
        flash(_("“%(name)s” can be chosen again.", name=template.name), "good")
    else:
        flash(_("“%(name)s” can no longer be chosen. It is kept.", name=template.name), "good")
    return redirect(url_for("mail_templates.edit", template_id=template.id))
