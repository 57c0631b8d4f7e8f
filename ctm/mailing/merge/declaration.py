"""What a merge module is: one declaration that everything else reads.

The send form, the templates, the legend, documents and the tests know a module by this alone. Its
rows are records of ``model``; ``sources`` say which tables a row's fields come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ctm.mailing.merge.catalogue import Catalogue, MergeField, Module
from ctm.models.base import Base


@dataclass(frozen=True, slots=True)
class Source:
    """The fields of one table. ``on`` joins it to the sources before it (the first has none)."""

    fields: Module
    model: type[Base]
    on: Any = None

    def column(self, field: MergeField) -> Any:
        """The SQL expression of a field's attribute."""
        return field.column() if field.column else getattr(self.model, field.attribute)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a row's mail goes to, as SQL expressions over the module's sources.

    ``addresses``: name of the place (``email1``) and its column, the preferred one first.
    ``active``: whether mail may go at all. ``source`` names the fields of the table that these
    columns are of, so that it is joined.
    """

    source: str
    client_id: Any
    name: Any
    addresses: tuple[tuple[str, Any], ...]
    active: Any


@dataclass(frozen=True, slots=True)
class Total:
    """A field worked out of all rows of a group: ``reduce`` gets the values of ``key`` that are
    not empty."""

    field: MergeField
    key: str
    reduce: Callable[[Sequence[Any]], object]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that share ``by`` make one mail.

    Fields of the sources in ``once`` are the same for all of them; those of the others belong to
    the rows and are repeated by a block named ``block``, in the order of ``order``. ``totals`` are
    fields beside them: ``[block.total]``.
    """

    by: Any
    block: str
    once: frozenset[str]
    order: tuple[Any, ...]
    totals: tuple[Total, ...]
    label: object


@dataclass(frozen=True, slots=True, eq=False)
class MergeModule:
    """One kind of mail from the lists. ``name`` is what templates and mailings keep.

    ``list_name``: the list in which its rows are chosen, a name of ``ctm.lists``.
    """

    name: str
    label: object
    list_name: str
    model: type[Base]
    sources: tuple[Source, ...]
    recipient: Recipient
    grouping: Group | None = None

    @property
    def group(self) -> bool:
        """Whether several rows make one mail."""
        return self.grouping is not None

    @property
    def fields(self) -> dict[str, MergeField]:
        """Every field by its key: ``clienti.nome``, those of rows and totals too."""
        found = {
            f"{source.fields.name}.{each.name}": each
            for source in self.sources
            for each in source.fields.fields.values()
        }
        if self.grouping:
            block = self.grouping.block
            found |= {f"{block}.{each.field.name}": each.field for each in self.grouping.totals}
        return found

    def flat_catalogue(self) -> Catalogue:
        """All its fields without a list: those of a table's line, where each line is a row."""
        found: dict[str, dict[str, MergeField]] = {}
        for key, declared in self.fields.items():
            owner, _dot, name = key.partition(".")
            found.setdefault(owner, {})[name] = declared
        labels = {each.fields.name: each.fields.label for each in self.sources}
        return Catalogue({name: Module(name, labels[name], found[name]) for name in found})

    def catalogue(self, others: frozenset[str] = frozenset()) -> Catalogue:
        """What a template of this module may use; ``others`` are the modules it may not."""
        group = self.grouping
        modules = [each.fields for each in self.sources]
        if group is None:
            own = {each.name: each for each in modules}
            return Catalogue(own, others=others - own.keys())
        own = {each.name: each for each in modules if each.name in group.once}
        own[group.block] = Module.of(
            group.block, group.label, [each.field for each in group.totals]
        )
        rows = tuple(each for each in modules if each.name not in group.once)
        taken = own.keys() | {each.name for each in rows}
        return Catalogue(own, {group.block: rows}, others - taken)
