"""What a list is: its rows, fields, tabs and orders, declared once for everything that reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from ctm.lists.fields import Field

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Words:
    """How a list speaks of its rows."""

    rows: object
    unknown_field: Callable[[str], object]
    choose_again: object
    choose_one: object


@dataclass(frozen=True)
class Listing:
    """One list.

    ``tab(name, alone)`` is a tab's condition; it keeps so many rows that an index serves it only
    if it stands ``alone``. ``holds(words, hinted)`` is the quick search. ``serves(tab,
    sort)``: one index holds a tab's rows in this order. ``clean`` reads a field's value as it is
    kept.
    """

    name: str
    model: Any
    fields: tuple[Field, ...]
    tabs: Mapping[str, object]
    tab: Callable[[str, bool], Condition]
    holds: Callable[[list[str], bool], Condition]
    sorts: Mapping[str, InstrumentedAttribute[Any]]
    serves: Callable[[str, str], bool]
    clean: Callable[[Field, Any], Any]
    shown: tuple[InstrumentedAttribute[Any], ...]
    words: Words

    @property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @property
    def first_tab(self) -> str:
        return next(iter(self.tabs))
