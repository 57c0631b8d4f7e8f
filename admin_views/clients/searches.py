"""Searches kept by name."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user

from admin_views.clients.blueprint import bp, list_url
from admin_views.security import requires
from ctm.clients import filters, saved_filters
from ctm.errors import InvalidInput
from ctm.i18n import _
from ctm.permissions import Permission


@bp.post("/searches")
@requires(Permission.VIEW_CLIENTS)
def save_search() -> Any:
    form = request.form
    found = filters.parse_query_string(form.get("query", ""))
    try:
        saved = saved_filters.save(
            current_user, form.get("name", ""), found, form.get("shared") == "1"
        )
    except InvalidInput as error:
        flash(str(error), "error")
        return redirect(list_url(found))
    flash(_("The search “%(name)s” is kept.", name=saved.name), "success")
    return redirect(list_url(found, saved=saved.id))


@bp.post("/searches/<int:saved_id>/delete")
@requires(Permission.VIEW_CLIENTS)
def delete_search(saved_id: int) -> Any:
    saved = saved_filters.get(saved_id, current_user)
    name = saved.name
    saved_filters.delete(saved, current_user)
    flash(_("The search “%(name)s” is deleted.", name=name), "success")
    return redirect(url_for("clients.index_view"))
