"""A client's rights: all its data handed out, and erased."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField

from admin_views.clients.blueprint import bp
from admin_views.security import requires
from ctm import privacy, users
from ctm.clients import operations
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import limiter
from ctm.i18n import _l
from ctm.permissions import Permission


class ErasureForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False

    never_again = BooleanField(
        _l("The person asked never to be written to again"),
        description=_l(
            "Its addresses then stay on the list of those that get no more mail, and for nothing "
            "else. Without it nothing of them is kept, unless they are on that list already at "
            "the person's own wish."
        ),
    )
    old = PasswordField(_l("Your password"))


@bp.post("/<int:client_id>/hand-out")
@requires(Permission.CLIENT_RIGHTS)
def hand_out(client_id: int) -> Any:
    task = privacy.start_handing_out(operations.get(client_id), current_user)
    return redirect(url_for("tasks.show", task_id=task.id))


@bp.route("/<int:client_id>/erase", methods=["GET", "POST"])
@requires(Permission.CLIENT_RIGHTS)
@limiter.limit(
    "10 per 15 minutes",
    methods=["POST"],
    key_func=lambda: f"erase:{current_user.get_id()}",
    deduct_when=lambda answer: answer.status_code == 422,
)
def erase(client_id: int) -> Any:
    """Only with the password typed here and now."""
    client, form = operations.get(client_id), ErasureForm()
    if request.method == "GET":
        return render_template("clients/erase.html", client=client, form=form)
    try:
        users.check_password(current_user, form.old.data or "")
        task = privacy.start_erasure(client, bool(form.never_again.data), current_user)
    except InvalidInput as error:
        form.old.errors = [str(error)]
        return render_template("clients/erase.html", client=client, form=form), 422
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("clients.show", client_id=client.id, section="consents"))
    return redirect(url_for("tasks.show", task_id=task.id))
