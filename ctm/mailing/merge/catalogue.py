"""Which merge fields exist: modules, their fields, and where a value is read.

One declaration serves the parser, the legend beside the editor, the preview and the tests.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

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

    ``attribute`` is the attribute of the module's row that holds the value; ``read`` works the
    value out where it is not just that. ``words`` turns stored codes into words.
    """

    name: str
    label: object
    type: FieldType = "text"
    sample: object = ""
    attribute: str = ""
    read: Callable[[object], object] | None = None
    words: Mapping[str, object] | None = None

    def value(self, row: object) -> object:
        """This field's value for a row: text, a date, a number, or None."""
        found = self.read(row) if self.read else getattr(row, self.attribute)
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
class Catalogue:
    """The modules a template may use."""

    modules: Mapping[str, Module] = field(default_factory=dict)

    @classmethod
    def of(cls, *modules: Module) -> "Catalogue":
        return cls({module.name: module for module in modules})

    def find(self, module: str, name: str) -> MergeField | None:
        """The field called ``module.name``, whatever its letters' case and accents (``città``)."""
        owner = self.modules.get(_plain(module))
        return owner.fields.get(_plain(name)) if owner else None

    def near_misses(self, module: str, name: str) -> tuple[str, ...]:
        """Up to three fields that ``module.name`` may have been meant for, nearest first.

        Empty if the module is neither known nor nearly so: then the text is no field at all.
        """
        owner = self.modules.get(_plain(module))
        if owner is None:
            near = get_close_matches(_plain(module), self.modules, n=1, cutoff=0.75)
            if not near:
                return ()
            owner = self.modules[near[0]]
        names = get_close_matches(_plain(name), owner.fields, n=3, cutoff=0.55)
        return tuple(f"{owner.name}.{each}" for each in names)

    def knows_module(self, module: str) -> bool:
        return _plain(module) in self.modules

    def values(self, keys: Iterable[str], rows: Mapping[str, object]) -> dict[str, object]:
        """Read the values of ``keys`` (``clienti.nome``) from the rows, one per module name."""
        found: dict[str, object] = {}
        for key in keys:
            module, _dot, name = key.partition(".")
            found[key] = self.modules[module].fields[name].value(rows[module])
        return found

    def samples(self) -> dict[str, object]:
        """A believable value for every field, for a preview without a record, in the language
        of the moment."""
        return {
            f"{module.name}.{each.name}": (
                str(each.sample) if isinstance(each.sample, LazyString) else each.sample
            )
            for module in self.modules.values()
            for each in module.fields.values()
        }
