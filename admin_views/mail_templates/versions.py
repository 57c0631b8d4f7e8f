"""What a template was before, and which mailings used it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from admin_views.mail_templates.blueprint import bp
from admin_views.security import requires
from ctm import templates
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.permissions import Permission


@bp.get("/<int:template_id>/versions")
@requires(Permission.VIEW_MAIL)
def versions(template_id: int) -> Any:
    template = templates.get(template_id)
    return render_template(
        "mail_templates/versions.html",
        template=template,
        modules=templates.module_labels(),
        versions=templates.versions(template),
        section="versions",
    )


@bp.get("/<int:template_id>/versions/<int:number>")
@requires(Permission.VIEW_MAIL)
def version(template_id: int, number: int) -> Any:
    """An old version beside another, the newest unless ``with`` names one."""
    template = templates.get(template_id)
    old = templates.version(template, number)
    text = request.args.get("with", str(template.version))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(_("The template has no such version."))
    other = templates.version(template, int(text))
    return render_template(
        "mail_templates/version.html",
        template=template,
        modules=templates.module_labels(),
        old=old,
        other=other,
        versions=templates.versions(template),
        differences=templates.differences(old.content, other.content),
        section="versions",
    )


@bp.post("/<int:template_id>/versions/<int:number>/restore")
@requires(Permission.EDIT_TEMPLATES)
def restore(template_id: int, number: int) -> Any:
    template = templates.get(template_id)
    try:
        lost = templates.restore(template, number)
    except InvalidInput as error:
        db.session.rollback()
        flash(
            _("Version %(number)s cannot be restored: %(why)s", number=number, why=str(error)),
            "bad",
        )
        return redirect(url_for("mail_templates.version", template_id=template_id, number=number))
    words = _("Version %(old)s is now version %(new)s.", old=number, new=template.version)
    flash(words, "good")
    if lost:
        flash(_("No longer there, so left out: %(what)s.", what=", ".join(lost)), "warning")
    return redirect(url_for("mail_templates.edit", template_id=template_id))


@bp.get("/<int:template_id>/usage")
@requires(Permission.VIEW_MAIL)
def usage(template_id: int) -> Any:
    template = templates.get(template_id)
    return render_template(
        "mail_templates/usage.html",
        template=template,
        modules=templates.module_labels(),
        uses=templates.uses(template),
        section="usage",
    )
