"""The office's own settings."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, StringField, TextAreaField

from admin_views.security import requires
from ctm import office, settings
from ctm.errors import InvalidInput
from ctm.i18n import LANGUAGES, _, _l
from ctm.mailing import hours, retention
from ctm.permissions import Permission

bp = Blueprint("office", __name__, url_prefix="/office")


class OfficeForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name of the office"), description=_l("Recipients see it, too."))
    language = SelectField(
        _l("Language of the mails"),
        choices=[SelectChoice(*pair) for pair in LANGUAGES.items()],
        description=_l("Month names, the remove line and the remove page speak it."),
    )
    closed_days = TextAreaField(
        _l("Closed days"),
        description=_l(
            "One a line, like 2026-12-07. On them, mails of campaigns with allowed hours wait."
        ),
    )
    keep_mail_months = StringField(
        _l("Months the text of sent mail is kept"),
        description=_l(
            "After them, text and attachments are deleted; who got a mail, when and with which "
            "outcome stays. 0 keeps them for ever."
        ),
    )


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.route("", methods=["GET", "POST"], strict_slashes=False)
@requires(Permission.MANAGE_USERS)
def index() -> Any:
    kept = {
        "name": settings.office_name(),
        "language": settings.office_language(),
        "keep_mail_months": str(retention.months()),
        "closed_days": "\n".join(day.isoformat() for day in hours.closed_days()),
    }
    form = OfficeForm(data=kept if request.method == "GET" else None)
    if request.method == "POST" and form.validate():
        try:
            office.update(
                form.name.data or "",
                form.language.data,
                form.closed_days.data or "",
                form.keep_mail_months.data,
            )
        except InvalidInput as error:
            field = error.field or "name"
            form[field].errors = [*form[field].errors, str(error)]
        else:
            flash(_("Saved."), "good")
            return redirect(url_for("office.index"))
    return render_template("office/index.html", form=form)
