"""Searches over a list: tab, quick search, conditions on fields, groups of them.

A search is written in the list's address (``tab=active&q=rossi&f=city:equals:Milano``). Its
conditions must all hold, or any of them with ``match=any``; those of a group (``f1=…&f1=…``,
``f2=…``) are joined the other way round and count as one. What cannot be read is refused: a
condition that was dropped would widen the set, and the set is what mails go to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, Select, and_, or_, select, true

from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.lists import conditions as cond
from ctm.lists import words
from ctm.lists.conditions import Condition
from ctm.lists.listing import Listing

LIST_KEYS = {"at", "size", "sort", "desc", "saved"}
MATCHES: dict[str, object] = {"all": _l("all of these"), "any": _l("any of these")}
MAX_CONDITIONS = 20
MAX_GROUPS = 9
_GROUP_KEYS = tuple(f"f{number}" for number in range(1, MAX_GROUPS + 1))

Group = tuple[Condition, ...]
SEARCHES: dict[str, "type[Search]"] = {}
"""The searches over every list that is loaded, by the list's name."""


@dataclass(frozen=True)
class Chip:
    """A condition in words, and the search without it."""

    label: str
    operation: str
    value: str
    without: "Search"


@dataclass(frozen=True)
class Search:
    """A search over the list of its class that has been read and holds no mistake."""

    listing: ClassVar[Listing]

    tab: str = ""
    text: str = ""
    conditions: Group = ()
    groups: tuple[Group, ...] = ()
    match: str = "all"

    def __init_subclass__(cls) -> None:
        SEARCHES[cls.listing.name] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "tab", self.tab or self.listing.first_tab)

    @property
    def asked(self) -> bool:
        """Whether anything is asked for beside the tab."""
        return bool(self.text or self.conditions or self.groups)

    def where(self, hinted: bool = True, alone: bool | None = None) -> ColumnElement[bool]:
        """The condition; ``hinted`` names the index of words too, which finds few among many.

        ``alone``: the tab's index may serve; of itself where nothing else is asked.
        """
        parts = [self.listing.tab(self.tab, not self.asked if alone is None else alone)]
        if self.text:
            parts.append(self.listing.holds(words.read(self.text), hinted))
        outer, inner = (and_, or_) if self.match == "all" else (or_, and_)
        asked = [self._sql(each, hinted) for each in self.conditions]
        asked += [inner(*(self._sql(each, hinted) for each in group)) for group in self.groups]
        if asked:
            parts.append(outer(*asked))
        return and_(true(), *parts)

    def _sql(self, condition: Condition, hinted: bool) -> ColumnElement[bool]:
        return cond.to_sql(self.listing, condition, hinted)

    def select_ids(self) -> Select[int]:
        """The ids of all rows that match, in no special order."""
        return select(self.listing.model.id).where(self.where())

    def narrowed(self, condition: Condition, group: int | None = None) -> Self:
        """This search with one more condition, in a group if one is given (0 is a new one).

        :raises InvalidInput: the condition cannot be read, there are too many, or no such group.
        """
        if group is None:
            kept = tuple(each for each in self.conditions if each != condition)
            return replace(self, conditions=(*kept, condition))._checked()
        if not 0 <= group <= len(self.groups):
            raise InvalidInput(_l("The search has no such group of filters."), "group")
        if group == 0:
            return replace(self, groups=(*self.groups, (condition,)))._checked()
        groups = list(self.groups)
        groups[group - 1] = (*groups[group - 1], condition)
        return replace(self, groups=tuple(groups))._checked()

    def describe(self) -> list[Chip]:
        """The conditions outside groups in words, for the chips above the list."""
        return [
            self._chip(
                each, replace(self, conditions=tuple(c for c in self.conditions if c != each))
            )
            for each in self.conditions
        ]

    def describe_groups(self) -> list[list[Chip]]:
        """The conditions of each group in words."""
        return [
            [self._chip(each, self._without(number, each)) for each in group]
            for number, group in enumerate(self.groups)
        ]

    def _without(self, number: int, condition: Condition) -> Self:
        kept = tuple(each for each in self.groups[number] if each != condition)
        groups = (*self.groups[:number], kept, *self.groups[number + 1 :])
        return replace(self, groups=tuple(group for group in groups if group))

    def _chip(self, condition: Condition, without: "Search") -> Chip:
        label = self.listing.by_name[condition.field].text
        how, value = str(cond.OPERATIONS[condition.operation]), cond.shown(self.listing, condition)
        if condition.operation in cond.DAYS:
            how, value = how.replace("…", value), ""
        return Chip(label, how, value, without)

    def to_pairs(self) -> list[tuple[str, str]]:
        pairs = [("tab", self.tab)]
        if self.text:
            pairs.append(("q", self.text))
        if self.match != "all":
            pairs.append(("match", self.match))
        pairs += [("f", str(each)) for each in self.conditions]
        for key, group in zip(_GROUP_KEYS, self.groups, strict=False):
            pairs += [(key, str(each)) for each in group]
        return pairs

    def to_query(self) -> str:
        """The search as a query string; :meth:`read_query` reads it back."""
        return urlencode(self.to_pairs())

    def to_dict(self) -> dict[str, Any]:
        return {
            "tab": self.tab,
            "text": self.text,
            "conditions": [_kept(each) for each in self.conditions],
            "groups": [[_kept(each) for each in group] for group in self.groups],
            "match": self.match,
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """
        :raises InvalidInput: it was written by another version and cannot be read.
        """
        try:
            if set(kept) - {"tab", "text", "conditions", "groups", "match"}:
                raise ValueError(kept)
            conditions = tuple(Condition(*map(str, each)) for each in kept["conditions"])
            groups = tuple(
                tuple(Condition(*map(str, each)) for each in group)
                for group in kept.get("groups", [])
            )
            match = str(kept.get("match", "all"))
            return cls(
                str(kept["tab"]) or "–", str(kept["text"]), conditions, groups, match
            )._checked()
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(_l("This saved search cannot be read; make it again.")) from None

    @classmethod
    def read_query(cls, query: str) -> Self:
        """Read a search from a query string, with or without the ``?``.

        :raises InvalidInput: something in it is unknown or cannot be read.
        """
        query = query.removeprefix("?")
        try:
            pairs = parse_qsl(
                query,
                keep_blank_values=True,
                strict_parsing=bool(query),
                errors="strict",
                max_num_fields=100,
            )
        except ValueError:
            raise InvalidInput(_l("The search in this address cannot be read.")) from None
        return cls.read_pairs(pairs)

    @classmethod
    def read_args(cls, args: Mapping[str, Any]) -> Self:
        """Read a search from a mapping; a ``MultiDict`` or lists may hold a key several times.

        :raises InvalidInput: something in it is unknown or cannot be read.
        """
        lists: Callable[[str], list[Any]] | None = getattr(args, "getlist", None)
        pairs: list[tuple[str, str]] = []
        for key in args:
            value = lists(key) if lists else args[key]
            values = value if isinstance(value, list | tuple) else [value]
            pairs += [(key, str(each)) for each in values]
        return cls.read_pairs(pairs)

    @classmethod
    def read_pairs(cls, pairs: list[tuple[str, str]]) -> Self:
        found: dict[str, str] = {}
        asked: dict[str, list[Condition]] = {}
        for key, value in pairs:
            if key == "f" or key in _GROUP_KEYS:
                asked.setdefault(key, []).append(cond.parse(value))
            elif key not in {"tab", "q", "match"} | LIST_KEYS:
                raise InvalidInput(
                    _l("The list does not know the search “%(key)s”.", key=key[:40]), key
                )
            elif key in found:
                raise InvalidInput(_l("The search gives “%(key)s” twice.", key=key), key)
            else:
                found[key] = value
        groups = tuple(tuple(asked[key]) for key in _GROUP_KEYS if key in asked)
        given = cls(
            found.get("tab", cls.listing.first_tab) or "–",
            found.get("q", ""),
            tuple(asked.get("f", ())),
            groups,
            found.get("match", "all"),
        )
        return given._checked()

    def _checked(self) -> Self:
        if self.tab not in self.listing.tabs:
            raise InvalidInput(_l("There is no tab “%(tab)s”.", tab=self.tab[:40]), "tab")
        if self.match not in MATCHES:
            raise InvalidInput(_l("Filters hold together or one by one: all or any."), "match")
        text = " ".join(self.text.split())
        if len(text) > cond.MAX_TEXT or not text.isprintable():
            raise InvalidInput(_l("The text to search is too long or cannot be read."), "q")
        own = self._read(self.conditions)
        groups = tuple(group for group in map(self._read, self.groups) if group)
        if len(own) + sum(map(len, groups)) > MAX_CONDITIONS or len(groups) > MAX_GROUPS:
            raise InvalidInput(
                _l("A search may hold %(max)s conditions; take some away.", max=MAX_CONDITIONS)
            )
        return replace(self, text=text, conditions=own, groups=groups)

    def _read(self, given: Group) -> Group:
        return tuple(dict.fromkeys(cond.check(self.listing, each) for each in given))


def _kept(condition: Condition) -> list[str]:
    return [condition.field, condition.operation, condition.value]
