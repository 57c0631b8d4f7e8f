"""Merge values: read from the rows, kept with the message when it is sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from ctm import sql
from ctm.mailing.merge import CATALOGUE, CLIENTS, rows


def of_clients(
    executor: sql.Executor, client_ids: Sequence[int], keys: Collection[str], language: str
) -> dict[int, dict[str, object]]:
    """The values of ``keys`` (``clienti.nome``) for each client that still exists."""
    return rows.load(executor, CLIENTS.name, client_ids, keys, language)


def freeze(values: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON keeps them: dates as ISO text, amounts as text, lists of rows alike."""
    return {key: _frozen(value) for key, value in values.items()}


def _frozen(value: object) -> Any:
    if isinstance(value, date):  # datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return [freeze(row) for row in value]
    return value


def thaw(kept: Mapping[str, Any]) -> dict[str, object]:
    """What :func:`freeze` made, as values again."""
    return {key: _thawed(key, value) for key, value in kept.items()}


def _thawed(key: str, value: Any) -> object:
    if isinstance(value, list):
        return [thaw(row) for row in value]
    if not isinstance(value, str) or not value:
        return value
    kind = _types().get(key)
    if kind == "date":
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return Decimal(value) if kind == "amount" else value


@cache
def _types() -> dict[str, str]:
    """The type of every field of every module by its key."""
    return {
        f"{module.name}.{each.name}": each.type
        for module in CATALOGUE.modules.values()
        for each in module.fields.values()
    }
