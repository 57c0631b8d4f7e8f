"""The form with which a client's consent is recorded."""

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SelectField, StringField, TextAreaField

from ctm import consent
from ctm.consent import purposes
from ctm.consent.recording import BY_HAND
from ctm.i18n import _, _l


class ConsentForm(FlaskForm):  # type: ignore[misc]
    """What the client said, when and how."""

    class Meta:
        csrf = False

    purpose_id = SelectField(_l("Purpose"), validate_choice=False)
    state = RadioField(
        _l("Consent"),
        choices=[SelectChoice(state.value, word) for state, word in consent.STATES.items()],
        default="given",
        validate_choice=False,
    )
    source = SelectField(
        _l("How"),
        choices=[SelectChoice(*pair) for pair in BY_HAND.items()],
        validate_choice=False,
    )
    day = StringField(_l("Day"), description=_l("Empty: today."))
    address = StringField(_l("From the address"), description=_l("Of an e-mail or a form."))
    wording = TextAreaField(_l("Wording"), description=_l("Empty: the wording of the purpose."))
    note = StringField(_l("Note"), description=_l("For example where the paper is kept."))


def fresh_form() -> ConsentForm:
    form = ConsentForm()
    form.purpose_id.choices = [SelectChoice("", _("choose…"))]
    form.purpose_id.choices += [SelectChoice(str(p.id), p.name) for p in purposes.active()]
    return form
