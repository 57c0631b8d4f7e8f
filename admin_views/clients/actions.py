"""What is done to many clients: delete, mark active or not."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.clients.blueprint import LIST, bp, list_url
from admin_views.security import requires
from ctm.clients import selection
from ctm.errors import Conflict
from ctm.i18n import _n
from ctm.models import Task
from ctm.permissions import Permission, require

NEEDED = {
    "delete": Permission.DELETE_CLIENTS,
    "deactivate": Permission.EDIT_CLIENTS,
    "activate": Permission.EDIT_CLIENTS,
}


@bp.post("/do/<action>")
@requires(Permission.VIEW_CLIENTS)
def act(action: str) -> Any:
    """Ask in numbers first; do it once ``confirmed`` holds the number that was shown."""
    if action not in NEEDED:
        abort(404)
    require(current_user, NEEDED[action])
    form = request.form
    chosen = LIST.selected()
    numbers = selection.consequences(chosen, action)
    if form.get("confirmed") != str(numbers.clients) or not numbers.clients:
        return render_template(
            "clients/confirm.html",
            action=action,
            title=selection.TITLES[action],
            numbers=numbers,
            chosen=chosen,
            changed="confirmed" in form,
            back=list_url(chosen.found),
        )
    try:
        done = selection.apply(action, chosen, current_user)
    except Conflict as error:
        flash(str(error), "error")
        return redirect(list_url(chosen.found))
    if isinstance(done, Task):
        return redirect(url_for("tasks.show", task_id=done.id))
    flash(_done_words(action, done), "success")
    if "back" in form and chosen.ids:
        return redirect(url_for("clients.show", client_id=chosen.ids[0]))
    return redirect(list_url(chosen.found))


def _done_words(action: str, count: int) -> str:
    if action == "delete":
        return str(_n("%(num)s client deleted.", "%(num)s clients deleted.", count))
    if action == "deactivate":
        return str(
            _n("%(num)s client is not active now.", "%(num)s clients not active now.", count)
        )
    return str(_n("%(num)s client is active now.", "%(num)s clients are active now.", count))
