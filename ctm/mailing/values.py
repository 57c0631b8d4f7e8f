"""Merge values: read from the client's row, kept with the message when it is sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select

from ctm import sql
from ctm.mailing.merge import CATALOGUE, CLIENTS
from ctm.models import Client


def of_clients(
    executor: sql.Executor, client_ids: Sequence[int], keys: Collection[str], language: str
) -> dict[int, dict[str, object]]:
    """The values of ``keys`` (``clienti.nome``) for each client that still exists, one query."""
    attributes = {
        CLIENTS.fields[key.partition(".")[2]].attribute
        for key in keys
        if key.startswith(f"{CLIENTS.name}.")
    } - {""}
    columns = [getattr(Client, attribute) for attribute in sorted(attributes)]
    query = select(Client.id, *columns).where(Client.id.in_(client_ids))
    rows = executor.execute(query).all()
    with force_locale(language):
        return {row.id: CATALOGUE.values(keys, {CLIENTS.name: row}) for row in rows}


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
