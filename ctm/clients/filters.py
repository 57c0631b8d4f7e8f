"""The list of clients: its tabs, orders and searches (see :mod:`ctm.lists.filters`)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, false, true

from ctm import sql
from ctm.clients import checks
from ctm.clients.fields import BY_NAME, EMAILS, FIELDS
from ctm.extensions import db
from ctm.i18n import _l, _lp
from ctm.lists import words
from ctm.lists.conditions import OPERATIONS_OF, WITHOUT_VALUE, Condition
from ctm.lists.filters import Search
from ctm.lists.listing import Listing, Words
from ctm.models import Client, ClientKind

__all__ = [
    "BY_NAME",
    "OPERATIONS_OF",
    "TABS",
    "WITHOUT_VALUE",
    "ClientFilter",
    "Condition",
    "parse_query",
    "parse_query_string",
]

TABS: dict[str, object] = {
    "active": _lp("clients", "Active"),
    "prospects": _l("Prospects"),
    "inactive": _l("Not active"),
    "all": _l("All"),
}
SORTS = {
    "name": Client.display_name,
    "email": Client.email1,
    "profession": Client.profession,
    "city": Client.city,
    "kind": Client.kind,
    "created": Client.created_at,
}
SHOWN = ("display_name", "tax_code", "vat_number", "profession", "city", "kind", "active", *EMAILS)


def _tab(name: str, alone: bool) -> ColumnElement[bool]:
    if name == "all":
        return true()
    active, kind = Client.active.expression, Client.kind.expression
    if not alone:
        active, kind = (sql.unindexed(db.session, column) for column in (active, kind))
    if name == "inactive":
        return active == false()
    prospects = name == "prospects"
    wanted = kind == ClientKind.PROSPECT if prospects else kind != ClientKind.PROSPECT
    return and_(active == true(), wanted)


def _holds(wanted: list[str], hinted: bool) -> ColumnElement[bool]:
    return words.matches(Client, wanted, hinted)


def _serves(tab: str, sort: str) -> bool:
    return tab == "prospects" and sort == "name"


LISTING = Listing(
    name="clients",
    model=Client,
    fields=FIELDS,
    tabs=TABS,
    tab=_tab,
    holds=_holds,
    sorts=SORTS,
    serves=_serves,
    clean=checks.clean_field,
    shown=tuple(getattr(Client, name) for name in SHOWN),
    words=Words(
        rows=_l("Clients"),
        unknown_field=lambda name: _l("Clients have no field “%(field)s”.", field=name),
        choose_again=_l("The selection cannot be read. Choose the clients again."),
        choose_one=_l("Choose at least one client first."),
    ),
)


class ClientFilter(Search):
    """A search over the clients."""

    listing = LISTING


def parse_query_string(query: str) -> ClientFilter:
    """Read a search from a query string, with or without the ``?``.

    :raises InvalidInput: something in it is unknown or cannot be read.
    """
    return ClientFilter.read_query(query)


def parse_query(args: Mapping[str, Any]) -> ClientFilter:
    """Read a search from a mapping.

    :raises InvalidInput: something in it is unknown or cannot be read.
    """
    return ClientFilter.read_args(args)
