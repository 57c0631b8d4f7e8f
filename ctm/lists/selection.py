"""What is done to many rows of a list at once: the chosen ones, or all that match a search."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.lists.filters import SEARCHES, Search
from ctm.models import Task, User
from ctm.tasks import Progress, submit

MAX_IDS = 2000
AT_ONCE = 1000
CHUNK = 200

Action = Callable[[list[int]], int]


@dataclass(frozen=True)
class Selection:
    """Either ``ids`` or all that match ``found``."""

    found: Search
    ids: tuple[int, ...] | None

    def select_ids(self) -> Select[int]:
        if self.ids is None:
            return self.found.select_ids()
        model = self.found.listing.model
        return select(model.id).where(model.id.in_(self.ids))

    def count(self) -> int:
        return db.session.scalar(select(func.count()).select_from(self._subquery())) or 0

    def count_of(self, column: Any) -> int:
        """How many rows another table has for these, by its column that refers to them."""
        query = select(func.count()).where(column.in_(self.select_ids()))
        return db.session.scalar(query) or 0

    def _subquery(self) -> Any:
        return self.select_ids().subquery()

    def to_dict(self) -> dict[str, Any]:
        ids = None if self.ids is None else list(self.ids)
        return {"list": self.found.listing.name, "filter": self.found.to_dict(), "ids": ids}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Selection":
        """
        :raises InvalidInput: it was written by another version and cannot be read.
        """
        ids = None if kept["ids"] is None else tuple(kept["ids"])
        return cls(SEARCHES[kept.get("list", "clients")].from_dict(kept["filter"]), ids)


def read(search: type[Search], ids: Iterable[str], all_matching: str, query: str) -> Selection:
    """A selection as a list posts it: ``ids`` repeated, or ``all_matching=1`` and the list's
    ``query`` string.

    :raises InvalidInput: nothing is chosen, or part of it cannot be read.
    """
    found = search.read_query(query)
    if all_matching == "1":
        return Selection(found, None)
    given = list(ids)
    if all_matching or len(given) > MAX_IDS or not all(_is_id(each) for each in given):
        raise InvalidInput(search.listing.words.choose_again)
    if not given:
        raise InvalidInput(search.listing.words.choose_one)
    return Selection(found, tuple(dict.fromkeys(int(each) for each in given)))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def apply(
    kind: str, action: str, title: object, do: Action, chosen: Selection, owner: User
) -> int | Task:
    """Do it at once and return how many changed, or, for many rows, as a task of this kind.

    :raises CtmError: the action refuses it.
    """
    ids = list(db.session.scalars(chosen.select_ids().limit(AT_ONCE + 1)))
    if len(ids) <= AT_ONCE:
        return do(ids)
    return submit(kind, str(title), chosen.to_dict() | {"action": action}, owner)


def work(
    task: Task, progress: Progress, actions: dict[str, Action], say: Callable[[int], str]
) -> None:
    """The body of such a task: the action, on a few rows at a time."""
    task_id, do = task.id, actions[task.params["action"]]
    chosen = Selection.from_dict(task.params)
    ids = sorted(db.session.scalars(chosen.select_ids()))
    progress.set_total(len(ids))
    changed = 0
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        changed += do(some)
        progress.advance(len(some))
    kept = db.session.get_one(Task, task_id)
    kept.result = kept.result | {"text": say(changed)}
    db.session.commit()
