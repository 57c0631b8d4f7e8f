"""Recording what a client agreed to."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user

from admin_views.clients.blueprint import bp
from admin_views.clients.card import render_card
from admin_views.clients.consent_form import fresh_form
from admin_views.security import requires
from ctm.clients import operations
from ctm.consent import by_hand
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.permissions import Permission


@bp.post("/<int:client_id>/consents")
@requires(Permission.EDIT_CLIENTS)
def record_consent(client_id: int) -> Any:
    client = operations.get(client_id)
    form = fresh_form()
    try:
        by_hand.enter(client, request.form, current_user)
    except InvalidInput as error:
        db.session.rollback()
        form[error.field if error.field in form else "purpose_id"].errors = [str(error)]
        return render_card(client, "consents", form=form), 422
    flash(_("What the client said is recorded."), "good")
    return redirect(url_for("clients.show", client_id=client.id, section="consents"))
