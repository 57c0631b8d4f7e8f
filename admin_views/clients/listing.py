"""The list of clients, and the type-ahead that finds one."""

from dataclasses import dataclass, replace
from typing import Any

from flask import flash, jsonify, redirect, render_template, request
from flask_login import current_user
from sqlalchemy import select

from admin_views.clients.blueprint import bp, list_url
from admin_views.security import requires
from ctm.clients import filters, saved_filters, search
from ctm.clients.fields import EMAILS, FIELDS, KIND_WORDS
from ctm.clients.filters import ClientFilter
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Campaign, Client, SavedFilter
from ctm.permissions import Permission, allows

SIZES = (50, 100, 500, search.PAGE_MAX)
CAMPAIGNS_OFFERED = 200


@dataclass(frozen=True)
class Paging:
    """Where a page of the list begins (see :mod:`ctm.paging`), how long it is, in which order."""

    at: str
    size: int
    sort: str
    desc: bool

    def extra(self, **changes: Any) -> dict[str, Any]:
        """What the address says of it, left out where it is the usual."""
        now = replace(self, **changes)
        return {
            "at": now.at or None,
            "size": now.size if now.size != SIZES[0] else None,
            "sort": now.sort if (now.sort, now.desc) != ("name", False) else None,
            "desc": 1 if now.desc else None,
        }


def read_paging() -> Paging:
    args = request.args
    size, sort = args.get("size", str(SIZES[0])), args.get("sort")
    if size not in map(str, SIZES):
        raise InvalidInput(_("A page of the list shows 50, 100, 500 or 1000 clients."))
    if (sort or "name") not in search.SORTS or args.get("desc", "0") not in {"0", "1"}:
        raise InvalidInput(_("The list cannot be sorted like this."))
    return Paging(args.get("at", ""), int(size), sort or "name", args.get("desc") == "1")


@bp.get("/", endpoint="index_view")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    saved = _saved()
    if saved is not None and set(request.args) == {"saved"}:
        return redirect(list_url(saved_filters.load(saved), saved=saved.id))
    found, paging = filters.parse_query(request.args), read_paging()
    count, page = search.page(found, paging.sort, paging.desc, paging.at, paging.size)
    total = search.count()

    def url(**changes: Any) -> str:
        return list_url(found, **paging.extra(**changes), saved=saved.id if saved else None)

    return render_template(
        "clients/list.html",
        found=found,
        paging=paging,
        url=url,
        previous_url=url(at=page.previous) if page.previous else None,
        next_url=url(at=page.next) if page.next else None,
        sort_url=lambda key, desc: url(at="", sort=key, desc=desc),
        tab_items=_tabs(found, paging),
        chips=[(chip, list_url(chip.without)) for chip in found.describe()],
        plain_url=list_url(ClientFilter(found.tab)),
        hidden=[*found.to_pairs()],
        clients=page.rows,
        emails=EMAILS,
        kinds=KIND_WORDS,
        last=search.last_mails(page.rows),
        removed=search.removed_addresses(page.rows),
        count=count,
        total=total,
        sizes=SIZES,
        saved=saved,
        saved_filters=saved_filters.visible(current_user),
        campaigns=_campaigns(),
        fields=FIELDS,
        filters=filters,
    )


def _saved() -> SavedFilter | None:
    text = request.args.get("saved", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise InvalidInput(_("The search in this address cannot be read."))
    return saved_filters.get(int(text), current_user)


def _tabs(found: ClientFilter, paging: Paging) -> list[tuple[str, str, bool]]:
    return [
        (str(label), list_url(replace(found, tab=tab), **paging.extra(at="")), tab == found.tab)
        for tab, label in filters.TABS.items()
    ]


def _campaigns() -> list[Campaign]:
    """The latest campaigns, to add clients to."""
    if not allows(current_user, Permission.EDIT_CAMPAIGNS):
        return []
    query = select(Campaign).order_by(Campaign.id.desc()).limit(CAMPAIGNS_OFFERED)
    return list(db.session.scalars(query))


@bp.get("/narrow")
@requires(Permission.VIEW_CLIENTS)
def narrow() -> Any:
    """Add the condition chosen in the filter panel to the search."""
    args = request.args
    found = filters.parse_query_string(args.get("query", ""))
    field = next((each for each in FIELDS if each.name == args.get("field")), None)
    if field is None:
        raise InvalidInput(_("Choose a field for the filter."))
    operation = args.get(f"operation-{field.type}", "")
    choice = field.name if field.words else str(field.type)
    value = args.get(f"value-{choice}", "").strip()
    if operation == "between":
        value = f"{value}{filters.RANGE}{args.get(f'to-{field.type}', '').strip()}"
    if operation in filters.WITHOUT_VALUE:
        value = ""
    try:
        found = found.narrowed(filters.Condition(field.name, operation, value))
    except InvalidInput as error:
        flash(f"{field.label}: {error}", "error")
    return redirect(list_url(found))


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
