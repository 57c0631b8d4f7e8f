"""Policies: the list, the card, the form, the type-ahead that finds one."""

from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for

from admin_views.portfolio.blueprints import POLICIES
from admin_views.portfolio.blueprints import policies_bp as bp
from admin_views.portfolio.forms import PolicyForm, as_id, fill, mark, values
from admin_views.security import requires
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists.values import InvalidFields, today
from ctm.models import Client, Instalment, Policy
from ctm.permissions import Permission
from ctm.portfolio import finding, operations
from ctm.portfolio.fields import FREQUENCIES, INSTALMENT_STATES, POLICY_STATES, POLICY_STORED

SHOWN = 200


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    return POLICIES.show("portfolio/policies.html", _beside)


def _beside(policies: list[Policy]) -> dict[str, Any]:
    """What the list shows beside the policies' own fields."""
    names = finding.names_of(policy.client_id for policy in policies)
    return {"names": names, "states": POLICY_STATES, "today": today()}


@bp.get("/<int:policy_id>")
@requires(Permission.VIEW_CLIENTS)
def show(policy_id: int) -> Any:
    policy = operations.get_policy(policy_id)
    return render_template(
        "portfolio/policy.html",
        policy=policy,
        instalments=finding.instalments_of(Instalment.policy_id, policy.id, SHOWN),
        open_amount=finding.open_amount(Instalment.policy_id, policy.id),
        states=POLICY_STATES,
        instalment_states=INSTALMENT_STATES,
        today=today(),
        shown=SHOWN,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def create() -> Any:
    form = PolicyForm()
    if request.method == "POST":
        try:
            policy = operations.create_policy(_client(form), values(form, POLICY_STORED))
        except InvalidFields as error:
            mark(form, error)
        else:
            flash(_("The policy “%(name)s” is kept.", name=policy.number), "success")
            return redirect(url_for("policies.show", policy_id=policy.id))
    else:
        form.client_id.data = request.args.get("client", "")
    return _page(form, None)


@bp.route("/<int:policy_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit(policy_id: int) -> Any:
    policy = operations.get_policy(policy_id)
    form = PolicyForm()
    if request.method == "POST":
        try:
            client = _client(form)
            if client is None:
                raise InvalidFields({"client_id": _("Choose the client first.")})
            operations.update_policy(policy, values(form, POLICY_STORED), client)
        except InvalidFields as error:
            mark(form, error)
        else:
            flash(_("The policy “%(name)s” is kept.", name=policy.number), "success")
            return redirect(url_for("policies.show", policy_id=policy.id))
    else:
        fill(form, policy, POLICY_STORED)
        form.client_id.data = str(policy.client_id)
    return _page(form, policy)


def _client(form: Any) -> Client | None:
    """The client chosen in the form, if there is one."""
    client_id = as_id(form.client_id.data)
    return db.session.get(Client, client_id) if client_id else None


def _page(form: Any, policy: Policy | None) -> Any:
    client = _client(form)
    page = render_template(
        "portfolio/edit_policy.html",
        form=form,
        policy=policy,
        client_name=client.display_name if client else "",
        frequencies=FREQUENCIES,
    )
    return page, 422 if form.errors else 200


@bp.get("/lookup")
@requires(Permission.VIEW_CLIENTS)
def lookup() -> Any:
    """Policies for a type-ahead field: ``[{id, label, detail}]``, at most twenty."""
    rows = finding.policies(request.args.get("q", "")[:200], 20)
    return jsonify([{"id": p.id, "label": p.number, "detail": _detail(p)} for p in rows])


def _detail(policy: Policy) -> str:
    parts = (policy.client.display_name, policy.company, policy.branch)
    return " · ".join(part for part in parts if part)
