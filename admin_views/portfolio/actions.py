"""What is done to many policies or instalments: delete, mark paid or to be paid."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.portfolio.blueprints import INSTALMENTS, POLICIES, instalments_bp, policies_bp
from admin_views.security import requires, safe_next
from ctm.lists.selection import Selection
from ctm.models import Instalment, Task
from ctm.permissions import Permission, require
from ctm.portfolio import bulk

NEEDED = {
    "delete": Permission.DELETE_CLIENTS,
    "paid": Permission.EDIT_CLIENTS,
    "open": Permission.EDIT_CLIENTS,
}


@policies_bp.post("/do/<action>", endpoint="act")
@requires(Permission.VIEW_CLIENTS)
def act_on_policies(action: str) -> Any:
    return _act("policies", action)


@instalments_bp.post("/do/<action>", endpoint="act")
@requires(Permission.VIEW_CLIENTS)
def act_on_instalments(action: str) -> Any:
    return _act("instalments", action)


def _act(name: str, action: str) -> Any:
    """Ask in numbers first; do it once ``confirmed`` holds the number that was shown."""
    if action not in bulk.ACTIONS[name]:
        abort(404)
    require(current_user, NEEDED[action])
    pages = POLICIES if name == "policies" else INSTALMENTS
    chosen, form = pages.selected(), request.form
    number = chosen.count()
    if form.get("confirmed") != str(number) or not number:
        return render_template(
            "portfolio/confirm.html",
            list=pages,
            name=name,
            action=action,
            title=bulk.TITLES[name][action],
            number=number,
            along=_along(name, action, chosen),
            chosen=chosen,
            changed="confirmed" in form,
            back=pages.url(chosen.found),
        )
    done = bulk.apply(action, chosen, current_user)
    if isinstance(done, Task):
        return redirect(url_for("tasks.show", task_id=done.id))
    flash(bulk.changed(name, done), "success")
    return redirect(safe_next(form.get("back"), pages.url(chosen.found)))


def _along(name: str, action: str, chosen: Selection) -> int:
    """How many instalments are deleted along with policies."""
    if (name, action) != ("policies", "delete"):
        return 0
    return chosen.count_of(Instalment.policy_id)
