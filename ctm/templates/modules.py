"""Which modules a template may be for, and the fields it may then use."""

from sqlalchemy import select

from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.merge import MODULES, Catalogue, Module
from ctm.mailing.merge import catalogue_of as merge_catalogue
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


def legend_of(module: str) -> list[dict[str, str]]:
    """The module's fields for the legend and the editor's menu: code, label, group, type.

    Fields of a list's rows stand in their own group: they go into a block.
    """
    catalogue = catalogue_of(module)
    found = [each for owner in catalogue.modules.values() for each in _codes(owner)]
    for name, owners in catalogue.lists.items():
        for owner in owners:
            group = _l("%(list)s: each row of the block “%(name)s”", list=owner.label, name=name)
            found += _codes(owner, group)
    found += [
        {
            "code": f"{{{{{name}}}}}",
            "label": each.label or name,
            "group": str(_l("SQL fields")),
            "type": "text",
        }
        for name, each in sql_fields().items()
    ]
    return found


def _codes(owner: Module, group: object = None) -> list[dict[str, str]]:
    return [
        {
            "code": f"[{owner.name}.{field.name}]",
            "label": str(field.label),
            "group": str(group or owner.label),
            "type": field.type,
        }
        for field in owner.fields.values()
    ]


def block_example(module: str) -> str:
    """How a list of rows is written in this module; empty where a mail has no list."""
    for owners in catalogue_of(module).lists.values():
        first = owners[0]
        names = list(first.fields)[:2]
        fields = [f"[{first.name}.{name}]" for name in names]
        return f"[{first.name}.{names[0]};block=tr] {' '.join(fields[1:])}"
    return ""
