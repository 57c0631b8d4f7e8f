"""The ``{{name}}`` fields (A20) of mail from lists: which it may use, and their values for rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from ctm import sqlfields
from ctm.extensions import db
from ctm.mailing.merge import Catalogue, LegendGroup
from ctm.templates.modules import catalogue_of, legend_of, sql_fields

PREFIX = "sql."


def catalogue(module: str) -> Catalogue:
    """What a mail from this module may use."""
    return catalogue_of(module)


def legend(module: str) -> list[LegendGroup]:
    """The same for the reader (A15)."""
    return legend_of(module)


def menu(groups: Iterable[LegendGroup]) -> list[dict[str, str]]:
    """The fields of a legend for the editor's menu."""
    return [
        {"code": each.text, "label": each.label, "group": group.label, "type": each.type}
        for group in groups
        for each in group.entries
        if each.type != "code"
    ]


def used(keys: Iterable[str]) -> dict[str, Any] | None:
    """The queries of the fields among ``keys`` as a mailing keeps them; None if there is none."""
    known = sql_fields()
    names = [key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX)]
    return {
        name: {"query": known[name].query, "html": known[name].is_html}
        for name in names
        if name in known
    } or None


def values(kept: dict[str, Any] | None, row_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The fields' values by row, keyed as in the mail."""
    if not kept or not row_ids:
        return {}
    queries = {name: str(each["query"]) for name, each in kept.items()}
    found = sqlfields.values(db.session, queries, row_ids)
    return {
        row_id: {PREFIX + name: text for name, text in given.items()}
        for row_id, given in found.items()
    }
