"""The fields of a list's rows, as one table that forms, filters, imports and exports read."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from ctm.i18n import _


class FieldType(StrEnum):
    """How a field is read, checked and compared. ``CODE`` is text with an order (post codes)."""

    TEXT = "text"
    CODE = "code"
    EMAIL = "email"
    CHOICE = "choice"
    FLAG = "flag"
    DATE = "date"
    MOMENT = "moment"
    AMOUNT = "amount"
    CONSENT = "consent"


Words = Mapping[str, object]


@dataclass(frozen=True)
class Link:
    """How rows reach the record another list keeps: their column with its id, and the list."""

    key: InstrumentedAttribute[int]
    listing: Any
    noun: object


@dataclass(frozen=True)
class Field:
    """One field: its columns, its name for the user, its type, and how imports may call it.

    ``searched``: all its words are in the row's ``search_text``. ``source`` is the field of a
    linked list that this one stands for.
    """

    name: str
    label: object
    type: FieldType = FieldType.TEXT
    headers: tuple[str, ...] = ()
    choices: Words | Callable[[], Words] | None = None
    filter_only: bool = False
    columns: tuple[InstrumentedAttribute[Any], ...] = ()
    searched: bool = False
    link: Link | None = None
    source: "Field | None" = None

    @property
    def words(self) -> Words | None:
        """What the values of a choice are called."""
        return self.choices() if callable(self.choices) else self.choices

    @property
    def max_length(self) -> int | None:
        """Characters the column holds; ``None`` is no limit."""
        length = getattr(self.columns[0].type, "length", None)
        return int(length) if length else None

    @property
    def text(self) -> str:
        """The label, with the record it belongs to where that is another's."""
        if self.link is None:
            return str(self.label)
        words: str = _("%(record)s: %(field)s", record=self.link.noun, field=self.label)
        return words


def linked(link: Link, prefix: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Fields of another list, as those of rows that refer to it."""
    return tuple(
        replace(
            each, name=f"{prefix}.{each.name}", link=link, source=each, filter_only=True, headers=()
        )
        for each in fields
    )


def fold(text: str) -> str:
    """Text for searching: lower case, without accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(plain.split())


def search_words(text: str) -> list[str]:
    """The words to look for in ``search_text``; a phone number is looked for by its digits."""
    if re.fullmatch(r"[+\d][\d\s()./\-]{4,}", text.strip()):
        return [re.sub(r"\D", "", text)]
    return fold(text).split()


def header_key(text: str) -> str:
    """A column's title reduced to its words, so that ``P.IVA`` and ``p iva`` are one."""
    return " ".join(re.findall(r"[a-z0-9]+", fold(text)))
