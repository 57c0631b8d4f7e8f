"""The form of a mail template, and its files."""

from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from admin_views import stored_files
from admin_views.mail_templates.blueprint import bp
from admin_views.security import requires
from ctm import templates
from ctm.consent import purposes
from ctm.errors import Conflict, CtmError
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing.merge.legend import LegendGroup
from ctm.models import DocumentTemplate, MailTemplate
from ctm.permissions import Permission, allows
from ctm.templates.definition import DOCUMENTS
from ctm.templates.saving import free_content_id


class TemplateForm(FlaskForm):  # type: ignore[misc]
    """The form; what can be chosen is filled in per request."""

    class Meta:
        csrf = False

    name = StringField(_l("Name"), description=_l("Recipients never see it."))
    module = SelectField(_l("Sent from the list"), validate_choice=False)
    purpose_id = SelectField(
        _l("Purpose"),
        validate_choice=False,
        description=_l("Proposed when the mail is sent; a purpose is required there."),
    )
    subject = StringField(_l("Subject"))
    body_format = RadioField(
        _l("Body"),
        choices=[SelectChoice("html", "HTML"), SelectChoice("text", _l("plain text"))],
        default="html",
        validate_choice=False,
    )
    body_html = TextAreaField(_l("HTML body"))
    body_text = TextAreaField(_l("Plain text body"))
    cc = StringField("CC", description=_l("Several addresses are separated by commas."))
    bcc = StringField("BCC")
    pdf_template_id = SelectField(_l("PDF or Word template"), validate_choice=False)
    excel_template_id = SelectField(_l("Excel template"), validate_choice=False)
    read_receipt = BooleanField(
        _l("Ask for a read receipt"), description=_l("Recipients may refuse it.")
    )
    version = HiddenField()


def _form(template: MailTemplate | None, module: str) -> TemplateForm:
    form = TemplateForm(obj=template)
    form.module.choices = [
        SelectChoice(name, label) for name, label in templates.module_labels().items()
    ]
    form.purpose_id.choices = [SelectChoice("", _("none")), *_purposes(template)]
    for field, kinds in DOCUMENTS.items():
        query = select(DocumentTemplate).where(
            DocumentTemplate.module == module, DocumentTemplate.kind.in_(kinds)
        )
        query = query.where(
            DocumentTemplate.active | (DocumentTemplate.id == (getattr(template, field, None) or 0))
        )
        found = db.session.scalars(query.order_by(DocumentTemplate.name))
        form[field].choices = [SelectChoice("", _("none"))]
        form[field].choices += [SelectChoice(str(each.id), each.name) for each in found]
    if request.method == "GET":
        form.module.data = module
        for field in ("purpose_id", *DOCUMENTS):
            form[field].data = str(getattr(template, field, None) or "")
    return form


def _purposes(template: MailTemplate | None) -> list[SelectChoice]:
    offered = purposes.active()
    if template and template.purpose and template.purpose not in offered:
        offered.append(template.purpose)
    return [SelectChoice(str(each.id), each.name) for each in offered]


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_TEMPLATES)
def create() -> Any:
    """Choose the list first: its fields are what the template can use."""
    module = request.args.get("module", "")
    if not module:
        return render_template("mail_templates/new.html", modules=templates.module_labels())
    templates.check_module(module)
    form = _form(None, module)
    if request.method == "POST":
        saved = _save(form, None)
        if saved is not None:
            flash(_("The template “%(name)s” is kept.", name=saved.name), "good")
            return redirect(url_for("mail_templates.edit", template_id=saved.id))
        return _page(form, None, module), 422
    return _page(form, None, module)


@bp.route("/<int:template_id>", methods=["GET", "POST"])
@requires(Permission.VIEW_MAIL)
def edit(template_id: int) -> Any:
    template = templates.get(template_id)
    form = _form(template, template.module)
    if request.method == "GET":
        form.version.data = str(template.version)
        return _page(form, template, template.module)
    if not allows(current_user, Permission.EDIT_TEMPLATES):
        abort(403)
    if _save(form, template) is None:
        db.session.refresh(template)
        return _page(form, template, template.module), 422
    flash(_("Version %(number)s is saved.", number=template.version), "good")
    if request.form.get("then") == "preview":
        return redirect(url_for("mail_templates.preview", template_id=template.id))
    return redirect(url_for("mail_templates.edit", template_id=template.id))


def _save(form: TemplateForm, template: MailTemplate | None) -> MailTemplate | None:
    """Save what was typed; None if something is wrong, which then stands beside its field."""
    values = {field.name: field.data for field in form if field.name != "version"}
    del values["body_html" if values["body_format"] == "text" else "body_text"]
    typed = form.version.data or ""
    seen = int(typed) if typed.isdecimal() and len(typed) < 9 else None
    try:
        saved, removed = templates.save(values, template, current_user, seen)
    except Conflict as error:
        db.session.rollback()
        form.form_errors.append(str(error))
        form.version.data = str(template.version) if template else ""
        return None
    except CtmError as error:
        db.session.rollback()
        field = getattr(error, "field", None)
        if field and field in form:
            form[field].errors = [*form[field].errors, str(error)]
        else:
            form.form_errors.append(str(error))
        return None
    if removed:
        words = _("Taken out, because a mail must not carry it: %(what)s.", what=", ".join(removed))
        flash(words, "warning")
    return saved


def _page(form: TemplateForm, template: MailTemplate | None, module: str) -> str:
    images = [
        {
            "name": each.file.name,
            "cid": each.content_id,
            "url": url_for("mail_templates.file", template_id=template.id, attachment_id=each.id),
        }
        for each in (template.attachments if template else [])
        if each.content_id and template
    ]
    legend = templates.legend_of(module)
    return render_template(
        "mail_templates/edit.html",
        template=template,
        form=form,
        module=module,
        modules=templates.module_labels(),
        legend=legend,
        merge_fields=_menu(legend),
        images=images,
        section="mail",
    )


def _menu(legend: list[LegendGroup]) -> list[dict[str, str]]:
    """The fields for the editor's menu."""
    return [
        {"code": each.text, "label": each.label, "group": group.label, "type": each.type}
        for group in legend
        for each in group.entries
        if each.type != "code"
    ]


@bp.post("/<int:template_id>/files")
@requires(Permission.EDIT_TEMPLATES)
def attach(template_id: int) -> Any:
    """Upload files; answers JSON to scripts, else goes back to the form."""
    template = templates.get(template_id)
    try:
        for stored, inline in stored_files.uploaded():
            templates.attach(template, stored, free_content_id(template) if inline else "")
    except CtmError as error:
        db.session.rollback()
        if request.accept_mimetypes.best == "application/json":
            return jsonify(error=str(error)), 400
        flash(str(error), "bad")
    if not stored_files.chosen():
        flash(_("Choose a file first."), "warning")
    return redirect(url_for("mail_templates.edit", template_id=template_id, _anchor="files"))


@bp.get("/<int:template_id>/files/<int:attachment_id>")
@requires(Permission.VIEW_MAIL)
def file(template_id: int, attachment_id: int) -> Any:
    template = templates.get(template_id)
    found = next((each for each in template.attachments if each.id == attachment_id), None)
    if found is None:
        abort(404)
    return stored_files.give(found.file, show=True)


@bp.post("/<int:template_id>/files/<int:attachment_id>/delete")
@requires(Permission.EDIT_TEMPLATES)
def detach(template_id: int, attachment_id: int) -> Any:
    templates.detach(templates.get(template_id), attachment_id)
    return redirect(url_for("mail_templates.edit", template_id=template_id, _anchor="files"))
