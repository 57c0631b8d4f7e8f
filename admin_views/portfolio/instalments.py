"""Instalments: the list, the card, the form."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from admin_views.portfolio.blueprints import INSTALMENTS
from admin_views.portfolio.blueprints import instalments_bp as bp
from admin_views.portfolio.forms import InstalmentForm, as_id, fill, mark, values
from admin_views.security import requires
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists.values import InvalidFields, today
from ctm.models import Instalment, Policy
from ctm.permissions import Permission
from ctm.portfolio import finding, operations
from ctm.portfolio.fields import INSTALMENT_STATES, INSTALMENT_STORED


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    return INSTALMENTS.show("portfolio/instalments.html", _beside)


def _beside(instalments: list[Instalment]) -> dict[str, Any]:
    """What the list shows beside the instalments' own fields."""
    return {
        "names": finding.names_of(each.client_id for each in instalments),
        "policies": finding.numbers_of(each.policy_id for each in instalments),
        "states": INSTALMENT_STATES,
        "today": today(),
    }


@bp.get("/<int:instalment_id>")
@requires(Permission.VIEW_CLIENTS)
def show(instalment_id: int) -> Any:
    return render_template(
        "portfolio/instalment.html",
        instalment=operations.get_instalment(instalment_id),
        states=INSTALMENT_STATES,
        today=today(),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def create() -> Any:
    form = InstalmentForm()
    if request.method == "POST":
        try:
            instalment = operations.create_instalment(
                _policy(form), values(form, INSTALMENT_STORED)
            )
        except InvalidFields as error:
            mark(form, error)
        else:
            flash(_("The instalment is kept."), "success")
            return redirect(url_for("instalments.show", instalment_id=instalment.id))
    else:
        form.policy_id.data = request.args.get("policy", "")
    return _page(form, None)


@bp.route("/<int:instalment_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit(instalment_id: int) -> Any:
    instalment = operations.get_instalment(instalment_id)
    form = InstalmentForm()
    if request.method == "POST":
        try:
            operations.update_instalment(instalment, values(form, INSTALMENT_STORED))
        except InvalidFields as error:
            mark(form, error)
        else:
            flash(_("The instalment is kept."), "success")
            return redirect(url_for("instalments.show", instalment_id=instalment.id))
    else:
        fill(form, instalment, INSTALMENT_STORED)
    return _page(form, instalment)


def _policy(form: Any) -> Policy | None:
    """The policy chosen in the form, if there is one."""
    policy_id = as_id(form.policy_id.data)
    return db.session.get(Policy, policy_id) if policy_id else None


def _page(form: Any, instalment: Instalment | None) -> Any:
    policy = instalment.policy if instalment else _policy(form)
    page = render_template(
        "portfolio/edit_instalment.html", form=form, instalment=instalment, policy=policy
    )
    return page, 422 if form.errors else 200
