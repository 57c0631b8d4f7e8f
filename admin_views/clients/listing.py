"""The list of clients, and the type-ahead that finds one."""

from typing import Any

from flask import jsonify, request
from flask_login import current_user
from sqlalchemy import select

from admin_views.clients.blueprint import LIST, bp
from admin_views.security import requires
from ctm.clients import search
from ctm.clients.fields import KIND_WORDS
from ctm.extensions import db
from ctm.models import Campaign, CampaignState, Client
from ctm.permissions import Permission, allows

CAMPAIGNS_OFFERED = 200


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    return LIST.show("clients/list.html", _beside)


def _beside(clients: list[Client]) -> dict[str, Any]:
    """What the list shows beside the clients' own fields."""
    return {
        "kinds": KIND_WORDS,
        "last": search.last_mails(clients),
        "removed": search.removed_addresses(clients),
        "campaigns": _campaigns(),
    }


def _campaigns() -> list[Campaign]:
    """The latest campaigns, to add clients to."""
    if not allows(current_user, Permission.EDIT_CAMPAIGNS):
        return []
    query = select(Campaign).where(Campaign.state != CampaignState.DELETING.value)
    latest = query.order_by(Campaign.id.desc()).limit(CAMPAIGNS_OFFERED)
    return list(db.session.scalars(latest))


@bp.get("/lookup")
@requires(Permission.VIEW_CLIENTS)
def lookup() -> Any:
    """Clients for a type-ahead field: ``[{id, label, detail}]``, at most twenty."""
    limit = request.args.get("limit", 20, type=int) or 20
    rows = search.search(request.args.get("q", "")[:200], max(1, min(limit, 20)))
    return jsonify([_as_choice(client) for client in rows])


def _as_choice(client: Client) -> dict[str, Any]:
    parts = [client.email1 or client.email2 or client.email3, client.tax_code, client.city]
    return {
        "id": client.id,
        "label": client.display_name,
        "detail": " · ".join(part for part in parts if part),
    }
