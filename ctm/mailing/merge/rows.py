"""The values of a module's rows, read in bounded batches: one statement for each batch.

Values are keyed ``clienti.nome``. A module that groups gives one set of values for each group, with
its rows as a list of such sets under the name of its block (``titoli``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from flask_babel import force_locale
from sqlalchemy import Select, select

from ctm import bulk, sql
from ctm.mailing.merge.catalogue import MergeField
from ctm.mailing.merge.declaration import Group, MergeModule
from ctm.mailing.merge.modules import MODULES

BATCH = 1000

Values = dict[str, object]
_Reader = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement and how its columns become values: key, column number, reader.

    The first two columns are the row's id and what it is grouped by.
    """

    statement: Select[Any]
    once: tuple[tuple[str, int, _Reader], ...]
    each: tuple[tuple[str, int, _Reader], ...]


def load(
    executor: sql.Executor,
    module: MergeModule | str,
    ids: Collection[int],
    keys: Collection[str],
    language: str,
) -> dict[int, Values]:
    """The values of ``keys`` for the rows that still exist, by the row's id.

    Of a module that groups, ``ids`` are those of the rows chosen and the values come by what they
    are grouped by (the client's id). Keys of no field of the module (``sql.…``) are left out.
    """
    module = _module(module)
    plan = _plan(module, frozenset(keys), sql.dialect_name(executor))
    found: dict[int, Values] = {}
    with force_locale(language):
        for some in _whole_batches(executor, module, ids):
            _read(executor, plan, module.grouping, some, found)
    if module.grouping:
        for values in found.values():
            _add_totals(module.grouping, values, keys)
    return found


def stream(
    executor: sql.Executor,
    module: MergeModule | str,
    ids: Iterable[int],
    keys: Collection[str],
    language: str,
) -> Iterator[tuple[int, Values]]:
    """The same for any number of rows with only a batch of them in memory.

    Groups stay whole and come in the order of their first row in ``ids``.
    """
    module = _module(module)
    if module.grouping is None:
        for some in _batches(ids):
            found = load(executor, module, some, keys, language)
            yield from ((each, found[each]) for each in some if each in found)
        return
    for members in _batched_groups(groups(executor, module, ids)):
        chosen = [each for rows in members.values() for each in rows]
        found = load(executor, module, chosen, keys, language)
        yield from ((each, found[each]) for each in members if each in found)


def groups(
    executor: sql.Executor, module: MergeModule | str, ids: Iterable[int]
) -> dict[int, list[int]]:
    """What rows are grouped by → the ids of its rows, both in the order of ``ids``.

    A module that does not group has one row in each.
    """
    module = _module(module)
    dialect = sql.dialect_name(executor)
    found: dict[int, list[int]] = {}
    for some in _batches(ids):
        rows = executor.execute(_membership(module, dialect), {"ids": bulk.listed(dialect, some)})
        owner = {row[0]: row[1] for row in rows}
        for each in some:
            if each in owner:
                found.setdefault(owner[each], []).append(each)
    return found


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail would go to. ``row_id`` is the row's id or, of a group, what it is grouped by.

    ``addresses``: place and address, the preferred one first; empty ones are left out.
    """

    row_id: int
    client_id: int
    name: str
    addresses: tuple[tuple[str, str], ...]
    active: bool
    row_ids: tuple[int, ...]


def addressees(
    executor: sql.Executor, module: MergeModule | str, ids: Iterable[int]
) -> Iterator[Addressee]:
    """Whom the chosen rows' mails would go to, one for each mail, in the order of ``ids``."""
    module = _module(module)
    dialect = sql.dialect_name(executor)
    statement = _recipient_rows(module, dialect)
    places = [name for name, _column in module.recipient.addresses]
    for members in _batched_groups(groups(executor, module, ids)):
        firsts = {rows[0]: (owner, rows) for owner, rows in members.items()}
        found = {
            row[0]: row
            for row in executor.execute(statement, {"ids": bulk.listed(dialect, firsts)})
        }
        for first, (owner, rows) in firsts.items():
            if first not in found:
                continue
            _id, client_id, name, active, *written = found[first]
            addresses = tuple(
                (place, address.strip())
                for place, address in zip(places, written, strict=True)
                if address and address.strip()
            )
            yield Addressee(owner, client_id, name, addresses, bool(active), tuple(rows))


def _module(module: MergeModule | str) -> MergeModule:
    return MODULES[module] if isinstance(module, str) else module


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while some := list(islice(rest, BATCH)):
        yield some


def _whole_batches(
    executor: sql.Executor, module: MergeModule, ids: Collection[int]
) -> Iterator[list[int]]:
    """Batches that part no group, so that its rows come in their order."""
    if module.grouping is None or len(ids) <= BATCH:
        yield from _batches(ids)
        return
    for members in _batched_groups(groups(executor, module, ids)):
        yield [each for rows in members.values() for each in rows]


def _batched_groups(found: Mapping[int, list[int]]) -> Iterator[dict[int, list[int]]]:
    """Whole groups of about ``BATCH`` rows together; one group may be larger."""
    some: dict[int, list[int]] = {}
    count = 0
    for owner, rows in found.items():
        if some and count + len(rows) > BATCH:
            yield some
            some, count = {}, 0
        some[owner] = rows
        count += len(rows)
    if some:
        yield some


@lru_cache(200)
def _membership(module: MergeModule, dialect: str) -> Select[Any]:
    row_id = module.model.id  # type: ignore[attr-defined]
    owner = module.grouping.by if module.grouping else row_id
    return _from(module, select(row_id, owner), (), dialect)


@lru_cache(200)
def _recipient_rows(module: MergeModule, dialect: str) -> Select[Any]:
    to = module.recipient
    columns = [to.client_id, to.name, to.active, *(column for _name, column in to.addresses)]
    statement = select(module.model.id, *columns)  # type: ignore[attr-defined]
    return _from(module, statement, (to.source,), dialect)


@lru_cache(200)
def _plan(module: MergeModule, keys: frozenset[str], dialect: str) -> _Plan:
    group = module.grouping
    wanted = set(keys)
    if group:
        wanted |= {each.key for each in group.totals if f"{group.block}.{each.field.name}" in keys}
    columns: dict[tuple[str, str], int] = {}
    chosen: list[Any] = [module.model.id, group.by if group else module.model.id]  # type: ignore[attr-defined]
    once: list[tuple[str, int, _Reader]] = []
    each: list[tuple[str, int, _Reader]] = []
    for source in module.sources:
        for declared in source.fields.fields.values():
            key = f"{source.fields.name}.{declared.name}"
            if key not in wanted:
                continue
            place = (source.fields.name, declared.attribute)
            if declared.attribute and place not in columns:
                columns[place] = len(chosen)
                chosen.append(source.column(declared).label(f"c{len(chosen)}"))
            of_row = group is not None and source.fields.name not in group.once
            entry = (key, columns.get(place, 0), _reader(declared))
            (each if of_row else once).append(entry)
    used = {name for name, _attribute in columns}
    statement = _from(module, select(*chosen), used, dialect)
    if group:
        statement = statement.order_by(*group.order)
    return _Plan(statement, tuple(once), tuple(each))


def _reader(declared: MergeField) -> _Reader:
    """How a column's value becomes the field's; a field without a column reads nothing."""
    if not declared.attribute:
        return lambda _column: declared.value_of(None)
    plain = declared.read is None and declared.words is None
    return _as_it_is if plain else declared.value_of


def _as_it_is(value: Any) -> object:
    return value


def _from(
    module: MergeModule, statement: Select[Any], used: Collection[str], dialect: str
) -> Select[Any]:
    """The statement over the chosen rows and the tables that are used."""
    statement = statement.select_from(module.model)
    for source in module.sources:
        if source.on is not None and source.fields.name in used:
            statement = statement.join(source.model, source.on)
    return statement.where(bulk.among(dialect, module.model.id, "ids"))  # type: ignore[attr-defined]


def _read(
    executor: sql.Executor,
    plan: _Plan,
    group: Group | None,
    ids: Sequence[int],
    found: dict[int, Values],
) -> None:
    """Put the values of some rows into ``found``."""
    dialect = sql.dialect_name(executor)
    for row in executor.execute(plan.statement, {"ids": bulk.listed(dialect, ids)}):
        values = found.get(row[1]) if group else None
        if values is None:
            values = {key: read(row[at]) for key, at, read in plan.once}
            found[row[1]] = values
        if group:
            rows: Any = values.setdefault(group.block, [])
            rows.append({key: read(row[at]) for key, at, read in plan.each})


def _add_totals(group: Group, values: Values, keys: Collection[str]) -> None:
    """Work the totals that are wanted out of a group's rows; drop rows that nobody wants."""
    rows: Any = values[group.block]
    for total in group.totals:
        key = f"{group.block}.{total.field.name}"
        if key in keys:
            held = [row[total.key] for row in rows if row[total.key] is not None]
            values[key] = total.reduce(held) if held else None
    once = group.once
    totals = {f"{group.block}.{total.field.name}" for total in group.totals}
    if all(key.partition(".")[0] in once or key in totals for key in keys):
        del values[group.block]
