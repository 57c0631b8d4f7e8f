"""Merge values: read from the client's row, kept with the message when it is sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from flask_babel import force_locale
from sqlalchemy import Select, select

from ctm import bulk, sql
from ctm.mailing.merge import CATALOGUE, CLIENTS
from ctm.models import Client


def of_clients(
    executor: sql.Executor, client_ids: Sequence[int], keys: Collection[str], language: str
) -> dict[int, dict[str, object]]:
    """The values of ``keys`` (``clienti.nome``) for each client that still exists, one query."""
    dialect = sql.dialect_name(executor)
    wanted = tuple(key for key in keys if key.startswith(f"{CLIENTS.name}."))
    fields = [(key, CLIENTS.fields[key.partition(".")[2]]) for key in wanted]
    rows = executor.execute(
        _client_rows(dialect, frozenset(each.attribute for _, each in fields)),
        {"ids": bulk.listed(dialect, client_ids)},
    )
    with force_locale(language):
        return {row.id: {key: each.value(row) for key, each in fields} for row in rows}


@lru_cache(200)
def _client_rows(dialect: str, attributes: frozenset[str]) -> Select[Any]:
    columns = [getattr(Client, attribute) for attribute in sorted(attributes - {""})]
    return select(Client.id, *columns).where(bulk.among(dialect, Client.id, "ids"))


def freeze(values: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON keeps them; dates as ISO text."""
    return {
        key: value.isoformat() if isinstance(value, date) else value  # datetime is a date
        for key, value in values.items()
    }


def thaw(kept: Mapping[str, Any]) -> dict[str, object]:
    """What :func:`freeze` made, as values again."""
    found: dict[str, object] = {}
    for key, value in kept.items():
        module, _dot, name = key.partition(".")
        declared = CATALOGUE.find(module, name)
        if declared and declared.type == "date" and isinstance(value, str) and value:
            read = datetime if "T" in value else date
            found[key] = read.fromisoformat(value)
        else:
            found[key] = value
    return found
