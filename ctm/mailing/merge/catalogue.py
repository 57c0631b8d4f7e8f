"""Which merge fields exist: modules, their fields, and where a value is read.

One declaration serves the parser, the legend beside the editor, the preview and the tests.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from flask_babel import LazyString

from ctm.mailing.merge.formats import (
    DEFAULT_AMOUNT,
    DEFAULT_DATE,
    Formatter,
    amount_formatter,
    date_formatter,
    plain_number,
)

FieldType = Literal["text", "date", "amount", "number"]


def _plain(name: str) -> str:
    """A name in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", name.lower())
    return "".join([letter for letter in decomposed if not unicodedata.combining(letter)])


@dataclass(frozen=True, slots=True)
class MergeField:
    """One field of a module.

    ``attribute`` is the attribute of the module's row that holds the value; where no column of the
    table is called so, ``column`` gives the SQL expression for it. ``read`` works the value out of
    the attribute's (of None without one). ``words`` turns stored codes into words.
    """

    name: str
    label: object
    type: FieldType = "text"
    sample: object = ""
    attribute: str = ""
    read: Callable[[object], object] | None = None
    words: Mapping[str, object] | None = None
    column: Callable[[], Any] | None = None

    def value_of(self, found: object) -> object:
        """This field's value from that of its attribute: text, a date, a number, or None."""
        if self.read:
            found = self.read(found)
        if self.words is not None and isinstance(found, str):
            return str(self.words.get(str(found), found))
        return found

    def formatter(self, picture: str | None, language: str) -> Formatter:
        """How to write a value of this type; raises ``PictureError``."""
        if self.type == "date":
            return date_formatter(picture or DEFAULT_DATE, language)
        if self.type == "amount":
            return amount_formatter(picture or DEFAULT_AMOUNT)
        if self.type == "number":
            return amount_formatter(picture, pad=True) if picture else plain_number
        return str


@dataclass(frozen=True, slots=True)
class Module:
    """A set of fields read from one kind of row; ``name`` is what users write before the dot."""

    name: str
    label: object
    fields: Mapping[str, MergeField]

    @classmethod
    def of(cls, name: str, label: object, fields: Iterable[MergeField]) -> "Module":
        return cls(name, label, {each.name: each for each in fields})


@dataclass(frozen=True, slots=True)
class Found:
    """A field as a template names it. ``of_list``: the list whose rows have it, or empty."""

    key: str
    field: MergeField
    of_list: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a template may use.

    ``modules``: the fields that a recipient has once. ``lists``: name of a list → the modules whose
    fields each of its rows has; a block repeats them. ``others``: modules that exist but cannot be
    used here. ``sql``: the declared names of ``{{name}}`` fields and whether they hold HTML; None:
    double braces are ordinary text.
    """

    modules: Mapping[str, Module] = field(default_factory=dict)
    lists: Mapping[str, tuple[Module, ...]] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    sql: Mapping[str, bool] | None = None

    @classmethod
    def of(cls, *modules: Module) -> "Catalogue":
        return cls({module.name: module for module in modules})

    def with_sql(self, fields: Mapping[str, bool]) -> "Catalogue":
        """The same with ``{{name}}`` fields: name → whether its value is HTML."""
        return replace(self, sql=dict(fields))

    def find(self, module: str, name: str) -> MergeField | None:
        """The field called ``module.name``, whatever its letters' case and accents (``città``)."""
        found = self.look_up(module, name)
        return found.field if found else None

    def look_up(self, module: str, name: str) -> Found | None:
        """The same with its key, and whether it is a field of a list's rows."""
        module, name = _plain(module), _plain(name)
        for owner, of_list in self._owners(module):
            if name in owner.fields:
                return Found(f"{module}.{name}", owner.fields[name], of_list)
        return None

    def _owners(self, module: str) -> Iterator[tuple[Module, str]]:
        """The modules of this name, each with the list it belongs to."""
        if module in self.modules:
            yield self.modules[module], ""
        for name, owners in self.lists.items():
            for owner in owners:
                if owner.name == module:
                    yield owner, name

    def list_named(self, name: str) -> str | None:
        """The name of a list as it is declared."""
        plain = _plain(name)
        return plain if plain in self.lists else None

    def near_misses(self, module: str, name: str) -> tuple[str, ...]:
        """Up to three fields that ``module.name`` may have been meant for, nearest first.

        Empty if the module is neither known nor nearly so: then the text is no field at all.
        """
        plain = _plain(module)
        names = self._module_names()
        if plain not in names:
            near = get_close_matches(plain, names, n=1, cutoff=0.75)
            if not near:
                return ()
            plain = near[0]
        fields = [each for owner, _list in self._owners(plain) for each in owner.fields]
        found = get_close_matches(_plain(name), fields, n=3, cutoff=0.55)
        return tuple(f"{plain}.{each}" for each in found)

    def _module_names(self) -> list[str]:
        rows = [owner.name for owners in self.lists.values() for owner in owners]
        return list(dict.fromkeys([*self.modules, *rows]))

    def is_elsewhere(self, module: str) -> bool:
        """Whether a module exists but cannot be used here."""
        return _plain(module) in self.others

    def knows_module(self, module: str) -> bool:
        plain = _plain(module)
        return plain in self.others or plain in self._module_names()

    def samples(self) -> dict[str, object]:
        """A believable value for every field, for a preview without a record, in the language
        of the moment. A list has two rows."""
        found = _samples(self.modules.values())
        for name, owners in self.lists.items():
            row = _samples(owners)
            found[name] = [row, row]
        for name in self.sql or ():
            found[f"sql.{name}"] = f"{{{{{name}}}}}"
        return found


def _samples(modules: Iterable[Module]) -> dict[str, object]:
    return {
        f"{module.name}.{each.name}": (
            str(each.sample) if isinstance(each.sample, LazyString) else each.sample
        )
        for module in modules
        for each in module.fields.values()
    }
