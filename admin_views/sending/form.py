"""The send form (A5–A15). It is one form: whatever is pressed, what was typed is kept."""

from contextlib import closing
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import or_, select
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from admin_views import stored_files
from admin_views.security import requires
from admin_views.sending.blueprint import MAY_SEND, bp, own_draft
from ctm import files, sql
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing.listmail import drafts, extras, letters, sources
from ctm.models import (
    CampaignAttachment,
    MailDraft,
    MailDraftFile,
    MailingAttachment,
    MailTemplate,
    MailTemplateFile,
    StoredFile,
)
from ctm.permissions import visible_accounts

FIRST_NAMES = 12
FOUND = 20
LONGEST_SEARCH = 200


class SendForm(FlaskForm):  # type: ignore[misc]
    """The form; its choices are filled in per request."""

    class Meta:
        csrf = False

    module = SelectField(_l("One mail for"))
    account_id = SelectField(_l("Sender"))
    template_id = SelectField(_l("Mail template"))
    edit = BooleanField(_l("Edit recipients"))
    mode = RadioField(
        _l("The addresses below get the mail"),
        choices=[
            SelectChoice("instead", _l("instead of the chosen")),
            SelectChoice("besides", _l("besides the chosen")),
        ],
    )
    to = TextAreaField(
        _l("Addresses"),
        description=_l(
            "Separated by commas. Each gets a mail of its own; the merge fields hold the data of "
            "whom was chosen."
        ),
    )
    group = BooleanField(
        _l("Group recipients"),
        description=_l("One mail with all these addresses in To: everybody sees them."),
    )
    cc = StringField(_l("CC"), description=_l("Everybody sees who gets a copy."))
    bcc = StringField(_l("BCC"), description=_l("Hidden copies."))
    purpose_id = SelectField(
        _l("Purpose"), description=_l("Who does not agree to it gets no mail.")
    )
    subject = StringField(_l("Subject"), render_kw={"maxlength": 500})
    body_format = RadioField(
        _l("Body"),
        choices=[SelectChoice("html", "HTML"), SelectChoice("text", _l("plain text"))],
    )
    body_html = TextAreaField(_l("HTML body"))
    body_text = TextAreaField(_l("Plain text body"))
    pdf_template_id = SelectField(_l("PDF template"))
    excel_template_id = SelectField(_l("Excel template"))
    read_receipt = BooleanField(
        _l("Ask for a read receipt"),
        description=_l("The recipient’s mail program decides whether it answers."),
    )
    empty = RadioField(
        _l("If a merge field is empty"),
        choices=[
            SelectChoice("send", _l("send all the same")),
            SelectChoice("leave", _l("leave the recipient out")),
        ],
    )
    first = BooleanField(
        _l("Before campaigns"),
        description=_l("The mails of campaigns that are waiting let these go first."),
    )
    overflow_id = SelectField(
        _l("If the limit of the day is reached"),
        description=_l("What the sender may not send today leaves by the other account."),
    )


@bp.route("/<int:draft_id>", methods=["GET", "POST"])
@requires(MAY_SEND)
def edit(draft_id: int) -> Any:
    draft = own_draft(draft_id)
    if draft.mailing_id is not None:
        return redirect(url_for("sending.progress", mailing_id=draft.mailing_id))
    if request.method == "POST":
        return _post(draft)
    return page(draft)


def _post(draft: MailDraft) -> Any:
    typed = SendForm()
    names = [name for name in drafts.EMPTY if name in typed]
    values = {name: typed[name].data for name in names if _was_there(name)}
    values["module"] = request.form.get("module", draft.module)
    before = drafts.content_of(draft)["template_id"], draft.module
    errors = drafts.change(draft, values)
    errors |= _upload(draft)
    then = request.form.get("then", "")
    if errors:
        return page(draft, errors), 422
    content = drafts.content_of(draft)
    if (content["template_id"], draft.module) != before:
        if content["template_id"]:
            flash(_("Filled in from the template. Change what you like."), "good")
        return redirect(url_for("sending.edit", draft_id=draft.id))
    if then.startswith("detach:") and then[7:].isdigit():
        drafts.detach(draft, int(then[7:]))
    if then in ("preview", "check"):
        return redirect(url_for(f"sending.{then}", draft_id=draft.id))
    anchor = "files" if then.startswith(("attach", "detach")) else None
    return redirect(url_for("sending.edit", draft_id=draft.id, _anchor=anchor))


def _was_there(name: str) -> bool:
    """Whether the form showed the field: a tick that is not there was taken away."""
    return name in drafts.FLAGS or name in request.form


def _upload(draft: MailDraft) -> dict[str, str]:
    """Keep the files brought with the form, and the one chosen among those there are (A11)."""
    try:
        for upload in request.files.getlist("file"):
            if not upload.filename:
                continue
            kind = upload.mimetype or "application/octet-stream"
            with closing(upload):
                stored = files.store(
                    upload.stream, upload.filename, kind, current_user, letters.LARGEST_MAIL
                )
            drafts.attach(draft, stored)
        for text in request.form.get("known_file", "").split(","):
            if text.strip():
                drafts.attach(draft, _known(text))
    except CtmError as error:
        db.session.rollback()
        return {"file": str(error)}
    return {}


def _known(text: str) -> StoredFile:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    found = db.session.scalar(select(StoredFile).where(StoredFile.id == number, _sendable()))
    if found is None:
        abort(404)
    return found


def _sendable() -> Any:
    """Files the office sends along: never exports, backups or one client's documents."""
    of_all = (MailTemplateFile, CampaignAttachment, MailingAttachment)
    used = [
        select(table.file_id).where(table.file_id == StoredFile.id).exists() for table in of_all
    ]
    mine = (
        select(MailDraftFile.file_id)
        .where(MailDraftFile.file_id == StoredFile.id, StoredFile.owner_id == current_user.id)
        .exists()
    )
    return or_(*used, mine)


@bp.get("/files/lookup")
@requires(MAY_SEND)
def lookup() -> Any:
    """Files in the system for a type-ahead field: ``[{id, label, detail}]``."""
    text = request.args.get("q", "")[:LONGEST_SEARCH].strip()
    query = select(StoredFile).where(_sendable()).order_by(StoredFile.id.desc()).limit(200)
    for word in text.split():
        query = query.where(sql.holds(StoredFile.name, word))
    seen: dict[tuple[str, str], StoredFile] = {}
    for each in db.session.scalars(query):
        seen.setdefault((each.name, each.sha256), each)
    return jsonify(
        [
            {"id": each.id, "label": each.name, "detail": _size(each.size)}
            for each in list(seen.values())[:FOUND]
        ]
    )


def _size(size: int) -> str:
    return f"{max(1, round(size / 1024))} KB"


@bp.get("/<int:draft_id>/files/<int:file_id>")
@requires(MAY_SEND)
def file(draft_id: int, file_id: int) -> Any:
    """A file that goes with the mail, to look at; never shown as part of a page."""
    letter = letters.read(own_draft(draft_id))
    found = next((each for each, _cid in letter.files if each.id == file_id), None)
    if found is None:
        abort(404)
    return stored_files.give(found)


def _choose(field: Any, rows: Any, kept: Any, nothing: str) -> None:
    field.choices = [
        SelectChoice("", nothing),
        *(SelectChoice(str(each.id), str(each)) for each in rows),
    ]
    field.data = str(kept or "")


def page(draft: MailDraft, errors: dict[str, str] | None = None) -> str:
    """The form as it is kept, with what is wrong beside its fields."""
    content, module = drafts.content_of(draft), sources.module_of(draft.module)
    form = SendForm(formdata=None, data=content)
    modules = sources.alternatives(draft.module)
    form.module.choices = [SelectChoice(each.name, str(each.label)) for each in modules]
    form.module.data = draft.module
    accounts = db.session.scalars(visible_accounts(current_user)).all()
    usable = [each for each in accounts if each.active]
    _choose(form.account_id, usable, content["account_id"], _("choose…"))
    for choice, each in zip(form.account_id.choices[1:], usable, strict=True):
        choice.label = f"{each.name} <{each.from_email}>"
    _choose(form.template_id, drafts.templates_of(draft.module), content["template_id"], _("none"))
    _choose(form.purpose_id, drafts.purposes(), content["purpose_id"], _("choose…"))
    for name, kinds in (
        ("pdf_template_id", letters.PDF_KINDS),
        ("excel_template_id", letters.SHEET_KINDS),
    ):
        rows = drafts.documents_of(draft.module, *kinds)
        _choose(form[name], rows, content[name], _("none"))
    account = drafts.usable_account(current_user, content["account_id"])
    reserves = letters.reserves(draft, account)
    _choose(form.overflow_id, reserves, content["overflow_id"], _("the rest waits for its turn"))
    for field in form:
        found = (errors or {}).get(field.name)
        field.errors = [found] if found else []
    form.form_errors = []
    first = next(sources.addressed(draft.module, draft.row_ids[:200]), [])
    letter, legend = letters.read(draft), extras.legend(draft.module)
    return render_template(
        "sending/form.html",
        draft=draft,
        module=module,
        modules=modules,
        form=form,
        reserves=reserves,
        recipients=first[:FIRST_NAMES],
        without=sum(not each.addresses for each in first),
        looked=len(first),
        default_files=[each for each, _cid in letter.files[: _defaults(letter)]],
        file_error=(errors or {}).get("file", ""),
        legend=legend,
        merge_fields=extras.menu(legend),
        images=_images(letter.template),
    )


def _images(template: MailTemplate | None) -> list[dict[str, str]]:
    """The pictures inside a template's text, for the editor to show."""
    return [
        {
            "name": each.file.name,
            "cid": each.content_id,
            "url": url_for("mail_templates.file", template_id=template.id, attachment_id=each.id),
        }
        for each in (template.attachments if template else [])
        if each.content_id and template
    ]


def _defaults(letter: letters.Letter) -> int:
    return len(letter.files) - len(letter.draft.attachments)
