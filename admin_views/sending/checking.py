"""The page before sending (X1): what will happen, in numbers and names, and the button."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_login import current_user

from admin_views.security import requires
from admin_views.sending.blueprint import MAY_SEND, bp, own_draft
from ctm.errors import CtmError, InvalidInput
from ctm.mailing.listmail import forecasting, letters, queueing
from ctm.mailing.listmail.recipients import REASONS


@bp.get("/<int:draft_id>/check")
@requires(MAY_SEND)
def check(draft_id: int) -> Any:
    draft = own_draft(draft_id)
    if draft.mailing_id is not None:
        return redirect(url_for("sending.progress", mailing_id=draft.mailing_id))
    letter = letters.read(draft)
    return render_template(
        "sending/check.html",
        draft=draft,
        letter=letter,
        expected=forecasting.forecast(letter),
        reasons=REASONS,
    )


@bp.post("/<int:draft_id>/send")
@requires(MAY_SEND)
def send(draft_id: int) -> Any:
    draft = own_draft(draft_id)
    try:
        mailing = queueing.send(draft, current_user)
    except InvalidInput as error:
        flash(str(error), "bad")
        return redirect(url_for("sending.check", draft_id=draft_id))
    except CtmError as error:
        flash(str(error), "bad")
        return redirect(url_for("sending.edit", draft_id=draft_id))
    return redirect(url_for("sending.progress", mailing_id=mailing.id))
