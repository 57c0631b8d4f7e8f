"""The blueprint that the pages of clients share, and what their list has in common with others."""

from flask import Blueprint

from admin_views.lists.imports import ImportPages
from admin_views.lists.pages import ListPages
from ctm.clients.exporting import EXPORT
from ctm.clients.filters import ClientFilter
from ctm.clients.import_tasks import IMPORT
from ctm.i18n import _l

bp = Blueprint("clients", __name__, url_prefix="/clients")
LIST = ListPages(bp, ClientFilter, EXPORT, "name")
list_url = LIST.url
IMPORTS = ImportPages(
    LIST,
    IMPORT,
    _l("Import clients"),
    _l("See the clients"),
    (
        _l(
            "Clients that are in the registry already are recognised by a field you choose, and "
            "updated; an empty cell leaves what is there."
        ),
    ),
)
LIST.add_routes()
IMPORTS.add_routes()
