"""The list of document templates, and making and changing them."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_login import current_user

from admin_views import stored_files
from admin_views.documents.blueprint import bp, legend_of, merge_fields, module_labels, send
from admin_views.documents.forms import FORMATS, TemplateForm, build, shown_columns, values
from admin_views.security import requires
from ctm import files
from ctm.clients import operations
from ctm.documents import generating, library, package
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing.merge import MODULES
from ctm.models import DocumentKind, DocumentTemplate
from ctm.permissions import Permission


@bp.get("/")
@requires(Permission.GENERATE_DOCUMENTS)
def index_view() -> Any:
    kind, module = request.args.get("kind", ""), request.args.get("module", "")
    templates = library.every(
        kind if kind in library.KIND_WORDS else "", module if module in MODULES else ""
    )
    return render_template(
        "documents/list.html",
        templates=templates,
        usage=library.usage(templates),
        kinds=library.KIND_WORDS,
        modules=module_labels(),
        kind=kind,
        module=module,
    )


@bp.route("/new/<kind>", methods=["GET", "POST"])
@requires(Permission.EDIT_TEMPLATES)
def create(kind: str) -> Any:
    if kind not in library.KIND_WORDS:
        abort(404)
    module = request.args.get("module", "")
    form = build(None, kind, module if module in MODULES else next(iter(MODULES)))
    if request.method == "POST":
        return _save(form, kind, None)
    return _page(form, kind, None)


@bp.route("/<int:template_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_TEMPLATES)
def edit(template_id: int) -> Any:
    template = library.get(template_id)
    form = build(template, template.kind, template.module)
    if request.method == "POST":
        return _save(form, template.kind, template)
    return _page(form, template.kind, template)


def _save(form: TemplateForm, kind: str, template: DocumentTemplate | None) -> Any:
    try:
        saved, removed = library.save(
            values(form, kind), template, _upload("file"), current_user, _seen()
        )
    except CtmError as error:
        db.session.rollback()
        field = getattr(error, "field", None)
        if field and field in form:
            form[field].errors = [*form[field].errors, str(error)]
        else:
            form.form_errors.append(str(error))
        return _page(form, kind, template), 422
    if removed:
        words = _("Taken out, because a PDF must not carry it: %(what)s.", what=", ".join(removed))
        flash(words, "warning")
    flash(_("“%(name)s” is saved.", name=saved.name), "good")
    return redirect(url_for("documents.edit", template_id=saved.id))


def _seen() -> int | None:
    text = request.form.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _upload(field: str) -> library.Upload | None:
    """A file that was brought, read only as far as it may be large."""
    brought = request.files.get(field)
    if brought is None or not brought.filename:
        return None
    data = brought.stream.read(package.LARGEST_FILE + 1)
    return library.Upload(brought.filename, data)


def _page(form: TemplateForm, kind: str, template: DocumentTemplate | None) -> str:
    pictures = template.options.get("images", []) if template else []
    module = form.module.data if form.module.data in MODULES else next(iter(MODULES))
    legend = legend_of(module)
    return render_template(
        "documents/edit.html",
        form=form,
        kind=kind,
        kind_word=library.KIND_WORDS[DocumentKind(kind)],
        template=template,
        pictures=pictures,
        images=[
            {
                "name": each["name"],
                "cid": each["cid"],
                "url": _picture_url(template, each["cid"]),
            }
            for each in pictures
        ],
        legend=legend,
        merge_fields=merge_fields(legend),
        columns=shown_columns(template),
        formats=FORMATS,
        used_by=library.usage([template])[template.id] if template else [],
    )


def _picture_url(template: DocumentTemplate | None, cid: str) -> str:
    return url_for("documents.picture", template_id=template.id if template else 0, cid=cid)


@bp.get("/<int:template_id>/preview")
@requires(Permission.GENERATE_DOCUMENTS)
def preview(template_id: int) -> Any:
    """The document with samples in it, or as it would be for a client."""
    template = library.get(template_id)
    chosen = request.args.get("client", "")
    known = chosen.isascii() and chosen.isdigit() and len(chosen) < 10
    client = operations.get(int(chosen)) if known else None
    try:
        document = generating.example(template, client.id) if client else library.preview(template)
        return send(document, inline=True)
    except CtmError as error:
        flash(str(error), "bad")
        return redirect(url_for("documents.index_view"))


@bp.get("/<int:template_id>/file")
@requires(Permission.EDIT_TEMPLATES)
def file(template_id: int) -> Any:
    """The Word or Excel file as it was uploaded."""
    template = library.get(template_id)
    if template.file is None:
        abort(404)
    return send_file(
        files.open_file(template.file),
        mimetype=template.file.content_type,
        as_attachment=True,
        download_name=template.file.name,
    )


@bp.post("/<int:template_id>/duplicate")
@requires(Permission.EDIT_TEMPLATES)
def duplicate(template_id: int) -> Any:
    copy = library.duplicate(library.get(template_id))
    flash(_("“%(name)s” is saved.", name=copy.name), "good")
    return redirect(url_for("documents.edit", template_id=copy.id))


@bp.post("/<int:template_id>/<any(activate, deactivate):action>")
@requires(Permission.EDIT_TEMPLATES)
def set_active(template_id: int, action: str) -> Any:
    template = library.get(template_id)
    library.set_active(template, action == "activate")
    if template.active:
        flash(_("“%(name)s” can be chosen again.", name=template.name), "good")
    else:
        flash(_("“%(name)s” is no longer offered.", name=template.name), "good")
    return redirect(url_for("documents.edit", template_id=template.id))


@bp.post("/<int:template_id>/pictures")
@requires(Permission.EDIT_TEMPLATES)
def add_picture(template_id: int) -> Any:
    template = library.get(template_id)
    upload = _upload("picture")
    try:
        if upload is None:
            flash(_("Choose a file first."), "warning")
        else:
            library.add_picture(template, upload, current_user)
            flash(_("The picture is kept: put it into the text with its button."), "good")
    except CtmError as error:
        db.session.rollback()
        flash(str(error), "bad")
    return redirect(url_for("documents.edit", template_id=template_id, _anchor="pictures"))


@bp.get("/<int:template_id>/pictures/<cid>")
@requires(Permission.GENERATE_DOCUMENTS)
def picture(template_id: int, cid: str) -> Any:
    found = library.picture(library.get(template_id), cid)
    return stored_files.give(found, show=True)


@bp.post("/<int:template_id>/pictures/<cid>/delete")
@requires(Permission.EDIT_TEMPLATES)
def remove_picture(template_id: int, cid: str) -> Any:
    try:
        library.remove_picture(library.get(template_id), cid)
    except CtmError as error:
        db.session.rollback()
        flash(str(error), "bad")
    return redirect(url_for("documents.edit", template_id=template_id, _anchor="pictures"))
