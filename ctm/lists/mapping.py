"""Which column of a file is which field: guessed from the headers, then chosen by a person."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Given
from dataclasses import dataclass
from typing import Any

from ctm.errors import InvalidInput
from ctm.i18n import _
from ctm.lists.fields import header_key

Columns = dict[int, str]
Fields = Given[str, tuple[object, tuple[str, ...]]]


def _none() -> Fields:
    return {}


@dataclass(frozen=True)
class Mapping:
    """What an import knows: its fields' names, labels and headers, and the keys among them.

    ``more`` gives those that the office has made.
    """

    fields: Fields
    keys: tuple[str, ...]
    noun: object
    choose_key: object
    recognised_by: object
    more: Callable[[], Fields] = _none

    def every(self) -> Fields:
        return {**self.fields, **self.more()}

    def label(self, name: str) -> str:
        if name in self.fields:
            return str(self.fields[name][0])
        more = self.more()
        return str(more[name][0]) if name in more else name

    def _known(self) -> dict[str, str]:
        """Every header that is understood, and its field; labels in the reader's language too."""
        words: dict[str, str] = {}
        for name, (label, headers) in self.every().items():
            for header in (name, str(label), *headers):
                words.setdefault(header_key(header), name)
        return words

    def guess(self, headers: Iterable[str]) -> Columns:
        """Columns (from 0) that are understood; each field is given to its first column."""
        known = self._known()
        found: Columns = {}
        for column, header in enumerate(headers):
            name = known.get(header_key(header))
            if name and name not in found.values():
                found[column] = name
        return found

    def guess_key(self, mapping: Columns) -> str:
        """The best key among the mapped columns, or the empty text."""
        return next((key for key in self.keys if key in mapping.values()), "")

    def check(self, mapping: Given[Any, str], key: str, columns: int) -> Columns:
        """A mapping that can be used with a file of so many columns.

        :raises InvalidInput: a column or field is unknown or used twice, or the key has none.
        """
        found: Columns = {}
        fields = self.every()
        for column, name in mapping.items():
            if not str(column).isdecimal() or int(column) >= columns:
                raise InvalidInput(
                    _("The file has no column %(column)s.", column=column), "mapping"
                )
            if name not in fields:
                raise InvalidInput(
                    _("%(noun)s have no field “%(field)s”.", noun=self.noun, field=name), "mapping"
                )
            if name in found.values():
                raise InvalidInput(
                    _("“%(field)s” is given to two columns; choose one.", field=self.label(name)),
                    "mapping",
                )
            found[int(column)] = name
        if key not in self.keys:
            raise InvalidInput(self.choose_key, "key")
        if key not in found.values():
            raise InvalidInput(
                _(
                    "Say which column holds “%(field)s”: %(noun)s are recognised by it.",
                    field=self.label(key),
                    noun=str(self.noun).lower(),
                ),
                "key",
            )
        return found

    def field_choices(self) -> list[tuple[str, str]]:
        """What a column may be, for the mapping page."""
        return [(name, str(label)) for name, (label, _headers) in self.every().items()]

    def key_choices(self) -> list[tuple[str, str]]:
        return [(name, self.label(name)) for name in self.keys]
