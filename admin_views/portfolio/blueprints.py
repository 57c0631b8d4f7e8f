"""The blueprints of policies and instalments, and what their lists have in common with others."""

from flask import Blueprint

from admin_views.lists.imports import ImportPages
from admin_views.lists.pages import ListPages
from ctm.i18n import _l
from ctm.portfolio.exporting import INSTALMENT_EXPORT, POLICY_EXPORT
from ctm.portfolio.filters import InstalmentFilter, PolicyFilter
from ctm.portfolio.importing import INSTALMENT_IMPORT, POLICY_IMPORT

policies_bp = Blueprint("policies", __name__, url_prefix="/policies")
instalments_bp = Blueprint("instalments", __name__, url_prefix="/instalments")

POLICIES = ListPages(policies_bp, PolicyFilter, POLICY_EXPORT, "number")
INSTALMENTS = ListPages(instalments_bp, InstalmentFilter, INSTALMENT_EXPORT, "due")
LISTS = {"policies": POLICIES, "instalments": INSTALMENTS}
IMPORTS = (
    ImportPages(
        POLICIES,
        POLICY_IMPORT,
        _l("Import policies"),
        _l("See the policies"),
        (
            _l(
                "A policy that is in the list already is recognised by its number, and by its "
                "insurer where the file says it, and updated; an empty cell leaves what is there."
            ),
            _l(
                "Its client must be in the registry: it is found by code, tax code, VAT number or "
                "e-mail."
            ),
        ),
    ),
    ImportPages(
        INSTALMENTS,
        INSTALMENT_IMPORT,
        _l("Import instalments"),
        _l("See the instalments"),
        (
            _l(
                "Instalments belong to the policy with their policy number; import the policies "
                "first."
            ),
            _l(
                "An instalment that is in the list already is recognised by its own number, or "
                "else by its due date, and updated."
            ),
        ),
    ),
)
for each in LISTS.values():
    each.add_routes()
for pages in IMPORTS:
    pages.add_routes()
