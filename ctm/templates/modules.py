"""Which modules a template may be for, and the fields it may then use."""

from sqlalchemy import select

from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.merge import MODULES, Catalogue
from ctm.mailing.merge import catalogue_of as merge_catalogue
from ctm.mailing.merge.legend import LegendGroup, legend
from ctm.models import SqlField


def module_labels() -> dict[str, object]:
    return {name: module.label for name, module in MODULES.items()}


def check_module(name: str) -> str:
    """
    :raises InvalidInput: no module is called so.
    """
    if name not in MODULES:
        raise InvalidInput(_l("Choose the list the mail is sent from."), "module")
    return name


def sql_fields() -> dict[str, SqlField]:
    """The ``{{name}}`` fields that can be used, by name."""
    query = select(SqlField).where(SqlField.active).order_by(SqlField.name)
    return {each.name: each for each in db.session.scalars(query)}


def catalogue_of(module: str) -> Catalogue:
    """The fields that a template of this module may use, ``{{name}}`` fields included."""
    return merge_catalogue(module, {name: each.is_html for name, each in sql_fields().items()})


def legend_of(module: str) -> list[LegendGroup]:
    """All that can be pasted into a template of this module, ``{{name}}`` fields included."""
    fields = sql_fields().values()
    return legend(module, [(each.name, each.label, each.is_html) for each in fields])
