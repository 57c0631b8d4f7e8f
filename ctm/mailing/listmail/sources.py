"""The rows a mail from a list is made for. Of a module that groups, each client's rows are one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import select

from ctm import bulk, sql
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.merge import MODULES, MergeModule
from ctm.mailing.merge.rows import Addressee, addressees

Item = TypeVar("Item")

CHUNK = 1000


def module_of(name: str) -> MergeModule:
    """
    :raises InvalidInput: no list has this name.
    """
    if name not in MODULES:
        raise InvalidInput(_l("There is no such list to send from."))
    return MODULES[name]


def alternatives(name: str) -> list[MergeModule]:
    """The modules a selection of this one can be sent with: rows one by one or grouped (A17)."""
    chosen = MODULES[name]
    return [each for each in MODULES.values() if each.list_name == chosen.list_name]


def existing(name: str, ids: Iterable[int]) -> list[int]:
    """Those of the ids that are rows of the module, in the order given, each once."""
    model, wanted = MODULES[name].model, list(dict.fromkeys(ids))
    dialect = sql.dialect_name(db.session)
    column = model.id  # type: ignore[attr-defined]
    query = select(column).where(bulk.among(dialect, column, "ids"))
    found: set[int] = set()
    for some in chunks(wanted):
        found.update(db.session.scalars(query, {"ids": bulk.listed(dialect, some)}))
    return [each for each in wanted if each in found]


def addressed(name: str, ids: Sequence[int]) -> Iterator[list[Addressee]]:
    """Whom the mails go to, in bounded groups."""
    some: list[Addressee] = []
    for each in addressees(db.session, name, ids):
        some.append(each)
        if len(some) >= CHUNK:
            yield some
            some = []
    if some:
        yield some


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
