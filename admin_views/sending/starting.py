"""SEND MAIL in a list, on a card or among the contacts: opens the form (A3, A4, A18)."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user

from admin_views.security import requires, safe_next
from admin_views.sending.blueprint import MAY_SEND, bp
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.lists import selection
from ctm.lists.filters import SEARCHES
from ctm.mailing.listmail import drafts, sources
from ctm.models import Contact

FEW = 1000


@bp.post("/start")
@requires(MAY_SEND)
def start() -> Any:
    """Open the form for ``ids`` of a ``module``'s rows, or ``all_matching`` a list's ``query``.

    If none of a few rows has an address it says so instead.
    """
    origin = safe_next(request.form.get("origin"), url_for("clients.index_view"))
    try:
        module = sources.module_of(request.form.get("module", ""))
        ids = _chosen(module.list_name)
        nameless = _without_address(module.name, ids)
        draft = None if nameless else drafts.create(module.name, ids, current_user, origin)
    except InvalidInput as error:
        flash(str(error), "bad")
        return redirect(origin)
    if draft is None:
        names = ", ".join(nameless[:5])
        words = _("Not sent: %(names)s has no e-mail address. Enter one first.", names=names)
        flash(words, "warning")
        return redirect(origin)
    return redirect(url_for("sending.edit", draft_id=draft.id))


def _chosen(list_name: str) -> list[int]:
    """The ids of the chosen rows, at most one more than can be sent to."""
    form = request.form
    ids, all_matching = form.getlist("ids"), form.get("all_matching", "")
    if list_name == "contacts":
        return _contacts(ids)
    search = SEARCHES[list_name]
    chosen = selection.read(search, ids, all_matching, form.get("query", ""))
    if chosen.ids is not None:
        return list(chosen.ids)
    return list(db.session.scalars(chosen.select_ids().limit(drafts.MOST_ROWS + 1)))


def _contacts(ids: list[str]) -> list[int]:
    """Contacts of one client (A18)."""
    if not ids:
        raise InvalidInput(_l("Choose at least one contact first."))
    if not all(each.isascii() and each.isdigit() and len(each) < 10 for each in ids):
        raise InvalidInput(_l("The selection cannot be read. Choose the contacts again."))
    numbers = [int(each) for each in ids[:FEW]]
    clients = db.session.scalars(
        db.select(Contact.client_id).where(Contact.id.in_(numbers)).distinct()
    )
    if len(clients.all()) > 1:
        raise InvalidInput(_l("Choose contacts of one client."))
    return numbers


def _without_address(module: str, ids: list[int]) -> list[str]:
    """The names behind a few rows if none of them has an address."""
    if not ids or len(ids) > FEW:
        return []
    names = []
    for group in sources.addressed(module, ids):
        for each in group:
            if each.addresses:
                return []
            names.append(each.name)
    return list(dict.fromkeys(names))
