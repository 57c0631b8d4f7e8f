"""Documents of a client and of the chosen rows of a list, outside of mailing (A23)."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.documents.blueprint import bp, module_labels, send
from admin_views.security import requires, safe_next
from ctm.clients import operations
from ctm.documents import generating, library
from ctm.errors import CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists import selection
from ctm.lists.filters import SEARCHES
from ctm.mailing.merge import MODULES
from ctm.models import DocumentTemplate
from ctm.permissions import Permission


@bp.get("/of-client/<int:client_id>")
@requires(Permission.GENERATE_DOCUMENTS)
def of_client(client_id: int) -> Any:
    """Which documents can be made of a client, its policies and its instalments."""
    client = operations.get(client_id)
    counts = {name: len(generating.rows_of_client(name, client.id)) for name in MODULES}
    return render_template(
        "documents/of_client.html",
        client=client,
        templates=library.every(only_active=True),
        counts=counts,
        modules=module_labels(),
        kinds=library.KIND_WORDS,
    )


@bp.post("/of-client/<int:client_id>/<int:template_id>")
@requires(Permission.GENERATE_DOCUMENTS)
def generate_of_client(client_id: int, template_id: int) -> Any:
    client, template = operations.get(client_id), library.get(template_id)
    ids = generating.rows_of_client(template.module, client.id)
    return _generate(template, ids, url_for("documents.of_client", client_id=client.id))


@bp.post("/of-list/<list_name>")
@requires(Permission.GENERATE_DOCUMENTS)
def of_list(list_name: str) -> Any:
    """Choose a template for the rows chosen in a list; with one chosen, make the documents."""
    modules = [name for name, each in MODULES.items() if each.list_name == list_name]
    if not modules or list_name not in SEARCHES:
        abort(404)
    form = request.form
    chosen = selection.read(
        SEARCHES[list_name],
        form.getlist("ids"),
        form.get("all_matching", ""),
        form.get("query", ""),
    )
    templates = [each for each in library.every(only_active=True) if each.module in modules]
    picked = next((each for each in templates if str(each.id) == form.get("template_id")), None)
    if picked is not None:
        ids = list(db.session.scalars(chosen.select_ids().limit(generating.MOST + 1)))
        return _generate(picked, ids, form.get("origin", ""))
    return render_template(
        "documents/of_list.html",
        chosen=chosen,
        count=chosen.count(),
        most=generating.MOST,
        templates=templates,
        list_name=list_name,
        modules=module_labels(),
        kinds=library.KIND_WORDS,
        query=form.get("query", ""),
        origin=safe_next(form.get("origin")),
        in_one_file=generating.in_one_file,
    )


def _generate(template: DocumentTemplate, ids: list[int], back: str) -> Any:
    try:
        document, task = generating.generate(template, ids, current_user)
    except CtmError as error:
        db.session.rollback()
        flash(str(error), "bad")
        return redirect(safe_next(back))
    if document is not None:
        return send(document)
    if task is None:
        raise InvalidInput(_("There is nothing to make a document of."))
    return redirect(url_for("tasks.show", task_id=task.id))
