"""The E-Mailing tab (G2–G4): everything a campaign's mail needs."""

from typing import Any

from babel.dates import get_day_names
from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import format_decimal, get_locale
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import (
    BooleanField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from admin_views import stored_files
from admin_views.campaigns.blueprint import bp
from admin_views.security import requires
from ctm.campaigns import operations
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing import hours
from ctm.mailing.merge import CLIENTS
from ctm.models import Campaign, CampaignState, ListStatus, Outcome
from ctm.permissions import Permission, visible_accounts

OUTCOME_LABELS = {
    Outcome.SENT: _l("If sent correctly"),
    Outcome.READ: _l("If read"),
    Outcome.CLICKED: _l("If clicked"),
    Outcome.REMOVED: _l("If removed"),
    Outcome.FAILED: _l("If failed"),
    Outcome.BOUNCED: _l("If bounced"),
    Outcome.REPLIED: _l("If replied"),
}


class EmailingForm(FlaskForm):  # type: ignore[misc]
    """The form; which statuses and accounts can be chosen is filled in per request."""

    class Meta:
        csrf = False

    name = StringField(_l("Campaign name"), render_kw={"maxlength": 160})
    account_id = SelectField(_l("SMTP account"))
    from_name = StringField(_l("Sender name"))
    from_email = StringField(_l("Sender address"))
    reply_to = StringField(_l("Reply address"))
    bcc = StringField(
        _l("Default BCC"), description=_l("A hidden copy of every mail goes to this address.")
    )
    subject = StringField(_l("Subject"), render_kw={"maxlength": 500})
    body_format = RadioField(
        _l("Body"),
        choices=[SelectChoice("html", "HTML"), SelectChoice("text", _l("plain text"))],
        default="html",
    )
    body_html = TextAreaField(_l("HTML body"))
    body_text = TextAreaField(_l("Plain text body"))
    delay_seconds = StringField(
        _l("Seconds of delay"), description=_l("Between one mail and the next.")
    )
    hours_on = BooleanField(
        _l("Only at certain hours"),
        description=_l("Outside them the mails wait, and go on by themselves."),
    )
    hours_from = StringField(_l("From (time)"), default="09:00")
    hours_to = StringField(_l("Until (time)"), default="18:00")
    hours_days = SelectMultipleField(
        _l("Days"),
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
        validate_choice=False,
        default=["0", "1", "2", "3", "4"],
    )
    hours_holidays = BooleanField(
        _l("Not on public holidays"),
        default=True,
        description=_l("Italy's; the office's own closed days are under Office."),
    )
    use_email1 = BooleanField("EMAIL1", default=True)
    use_email2 = BooleanField("EMAIL2", default=True)
    use_email3 = BooleanField("EMAIL3")
    use_contacts = BooleanField(_l("Addresses of the contacts"))
    track = BooleanField(_l("Count openings and clicks"), default=True)
    unsubscribe = BooleanField(
        _l("Let recipients remove themselves"),
        default=True,
        description=_l("The law asks for it in commercial mail."),
    )
    initial_status_id = SelectField(_l("At the beginning"))
    status_sent = SelectField(OUTCOME_LABELS[Outcome.SENT])
    status_read = SelectField(OUTCOME_LABELS[Outcome.READ])
    status_clicked = SelectField(OUTCOME_LABELS[Outcome.CLICKED])
    status_removed = SelectField(OUTCOME_LABELS[Outcome.REMOVED])
    status_failed = SelectField(OUTCOME_LABELS[Outcome.FAILED])
    status_bounced = SelectField(OUTCOME_LABELS[Outcome.BOUNCED])
    status_replied = SelectField(OUTCOME_LABELS[Outcome.REPLIED])


def _form(campaign: Campaign | None) -> EmailingForm:
    form = EmailingForm(obj=campaign)
    accounts = db.session.scalars(visible_accounts(current_user)).all()
    choices = [SelectChoice("", _("choose…"))]
    choices += [SelectChoice(str(a.id), f"{a.name} <{a.from_email}>") for a in accounts]
    own = campaign.account if campaign else None
    if own and own not in accounts:
        choices.append(SelectChoice(str(own.id), own.name))
    form.account_id.choices = choices
    statuses = db.session.scalars(
        select(ListStatus).order_by(ListStatus.position, ListStatus.name)
    ).all()
    known = [SelectChoice(str(status.id), status.name) for status in statuses]
    options = [SelectChoice("", _("leave as it is")), *known]
    form.initial_status_id.choices = [SelectChoice("", _("none")), *known]
    mapped = (
        {each.outcome: each.list_status_id for each in campaign.outcome_statuses}
        if campaign
        else {}
    )
    for outcome in OUTCOME_LABELS:
        field = form[f"status_{outcome}"]
        field.choices = options
        if request.method == "GET":
            field.data = str(mapped.get(outcome.value, ""))
    if request.method == "GET" and campaign:
        form.account_id.data = str(campaign.account_id or "")
        form.initial_status_id.data = str(campaign.initial_status_id or "")
        form.delay_seconds.data = format_decimal(campaign.delay_seconds, "0.###")
        _show_hours(form, campaign.hours)
    names = get_day_names(locale=get_locale())
    form.hours_days.choices = [SelectChoice(str(day), names[day]) for day in range(7)]
    return form


def _show_hours(form: EmailingForm, kept: dict[str, Any] | None) -> None:
    form.hours_on.data = kept is not None
    if kept is not None:
        form.hours_from.data = hours.time_text(kept["from"])
        form.hours_to.data = hours.time_text(kept["to"])
        form.hours_days.data = [str(day) for day in kept["days"]]
        form.hours_holidays.data = kept["holidays"]


def _typed_hours(form: EmailingForm) -> dict[str, Any] | None:
    if not form.hours_on.data:
        return None
    return {
        "from": form.hours_from.data,
        "to": form.hours_to.data,
        "days": form.hours_days.data,
        "holidays": form.hours_holidays.data,
    }


def _values(form: EmailingForm) -> dict[str, Any]:
    values = {
        field.name: field.data
        for field in form
        if not field.name.startswith(("status_", "hours_")) and field.name != "csrf_token"
    }
    values["hours"] = _typed_hours(form)
    values["statuses"] = {
        outcome.value: form[f"status_{outcome}"].data for outcome in OUTCOME_LABELS
    }
    if values["body_format"] == "text":
        del values["body_html"]
    else:
        del values["body_text"]
    return values


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CAMPAIGNS)
def create() -> Any:
    form = _form(None)
    if request.method == "POST":
        campaign = _save(form, None)
        if campaign is not None:
            flash(_("The campaign “%(name)s” is a draft now.", name=campaign.name), "good")
            return redirect(url_for("campaigns.emailing", campaign_id=campaign.id))
    return _page(form, None)


@bp.route("/<int:campaign_id>/emailing", methods=["GET", "POST"])
@requires(Permission.VIEW_CAMPAIGNS)
def emailing(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    form = _form(campaign)
    if request.method == "POST":
        return _post(form, campaign)
    return _page(form, campaign)


@requires(Permission.EDIT_CAMPAIGNS)
def _post(form: EmailingForm, campaign: Campaign) -> Any:
    if _save(form, campaign) is None:
        return _page(form, campaign)
    if request.form.get("then") == "preview":
        return redirect(url_for("campaigns.preview", campaign_id=campaign.id))
    return redirect(url_for("campaigns.emailing", campaign_id=campaign.id))


def _save(form: EmailingForm, campaign: Campaign | None) -> Campaign | None:
    """Save what was typed; None if something is wrong, which then stands beside its field."""
    if not form.validate():
        return None
    try:
        if campaign is None:
            return operations.create(_values(form), current_user)
        removed = operations.update(campaign, _values(form), current_user)
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
    flash(_("Saved."), "good")
    return campaign


def merge_fields() -> list[dict[str, str]]:
    """The merge fields for the editor's menu and the legend."""
    return [
        {
            "code": f"[{CLIENTS.name}.{field.name}]",
            "label": str(field.label),
            "group": str(CLIENTS.label),
            "type": field.type,
        }
        for field in CLIENTS.fields.values()
    ]


def _page(form: EmailingForm, campaign: Campaign | None) -> Any:
    images = [
        {
            "name": each.file.name,
            "cid": each.content_id,
            "url": url_for("campaigns.file", campaign_id=campaign.id, attachment_id=each.id),
        }
        for each in (campaign.attachments if campaign else [])
        if each.content_id and campaign
    ]
    return render_template(
        "campaigns/emailing.html",
        campaign=campaign,
        form=form,
        outcomes=OUTCOME_LABELS,
        merge_fields=merge_fields(),
        images=images,
        sending=bool(campaign and campaign.state in operations.FIXED_WHILE),
        deleting=bool(campaign and campaign.state == CampaignState.DELETING),
    )


@bp.post("/<int:campaign_id>/files")
@requires(Permission.EDIT_CAMPAIGNS)
def attach(campaign_id: int) -> Any:
    """Upload files; answers JSON to scripts, else goes back to the tab."""
    campaign = operations.get(campaign_id)
    try:
        for stored, inline in stored_files.uploaded():
            content_id = operations.free_content_id(campaign) if inline else ""
            operations.attach(campaign, stored, content_id)
    except CtmError as error:
        db.session.rollback()
        if request.accept_mimetypes.best == "application/json":
            return jsonify(error=str(error)), 400
        flash(str(error), "bad")
    if not stored_files.chosen():
        flash(_("Choose a file first."), "warning")
    return redirect(url_for("campaigns.emailing", campaign_id=campaign_id, _anchor="files"))


@bp.get("/<int:campaign_id>/files/<int:attachment_id>")
@requires(Permission.VIEW_CAMPAIGNS)
def file(campaign_id: int, attachment_id: int) -> Any:
    campaign = operations.get(campaign_id)
    found = next((each for each in campaign.attachments if each.id == attachment_id), None)
    if found is None:
        abort(404)
    return stored_files.give(found.file, show=True)


@bp.post("/<int:campaign_id>/files/<int:attachment_id>/delete")
@requires(Permission.EDIT_CAMPAIGNS)
def detach(campaign_id: int, attachment_id: int) -> Any:
    try:
        operations.detach(operations.get(campaign_id), attachment_id)
    except CtmError as error:
        flash(str(error), "bad")
    return redirect(url_for("campaigns.emailing", campaign_id=campaign_id, _anchor="files"))
