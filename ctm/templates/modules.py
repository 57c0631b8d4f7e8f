"""Which modules a template may be for, and the fields it may then use."""

from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.mailing.merge import CATALOGUE, Catalogue

_LABELS: dict[str, object] = {
    "clienti": _l("Clients"),
}


def module_labels() -> dict[str, object]:
    return dict(_LABELS)


def check_module(name: str) -> str:
    """
    :raises InvalidInput: no module is called so.
    """
    if name not in module_labels():
        raise InvalidInput(_l("Choose the list the mail is sent from."), "module")
    return name


def catalogue_of(module: str) -> Catalogue:
    """The fields that a template of this module may use."""
    return CATALOGUE


def legend_of(module: str) -> list[dict[str, str]]:
    """The module's fields for the legend and the editor's menu: code, label, group, type."""
    return [
        {
            "code": f"[{each.name}.{field.name}]",
            "label": str(field.label),
            "group": str(each.label),
            "type": field.type,
        }
        for each in catalogue_of(module).modules.values()
        for field in each.fields.values()
    ]
