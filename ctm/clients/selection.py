"""What is done to many clients at once: the chosen ones, or all that match a search."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from ctm.clients import operations
from ctm.clients.filters import ClientFilter, parse_query_string
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l, _n
from ctm.models import CampaignMember, Client, Contact, Message, Task, User
from ctm.tasks import Progress, submit, task_kind

MAX_IDS = 1000
AT_ONCE = 1000
CHUNK = 200
TASK = "clients.bulk"


@dataclass(frozen=True)
class Selection:
    """Either ``ids`` or all that match ``found``."""

    found: ClientFilter
    ids: tuple[int, ...] | None

    def select_ids(self) -> Select[int]:
        if self.ids is None:
            return self.found.select_ids()
        return select(Client.id).where(Client.id.in_(self.ids))

    def count(self) -> int:
        return db.session.scalar(select(func.count()).select_from(self._subquery())) or 0

    def count_of(self, column: Any) -> int:
        """How many distinct rows another table has for these clients, by their client column."""
        query = select(func.count()).where(column.in_(self.select_ids()))
        return db.session.scalar(query) or 0

    def _subquery(self) -> Any:
        return self.select_ids().subquery()

    def to_dict(self) -> dict[str, Any]:
        ids = None if self.ids is None else list(self.ids)
        return {"filter": self.found.to_dict(), "ids": ids}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Selection":
        ids = None if kept["ids"] is None else tuple(kept["ids"])
        return cls(ClientFilter.from_dict(kept["filter"]), ids)


def read(ids: Iterable[str], all_matching: str, query: str) -> Selection:
    """A selection as the list posts it: ``ids`` repeated, or ``all_matching=1`` and the list's
    ``query`` string.

    :raises InvalidInput: nothing is chosen, or part of it cannot be read.
    """
    found = parse_query_string(query)
    if all_matching == "1":
        return Selection(found, None)
    given = list(ids)
    if all_matching or len(given) > MAX_IDS or not all(_is_id(each) for each in given):
        raise InvalidInput(_l("The selection cannot be read. Choose the clients again."))
    if not given:
        raise InvalidInput(_l("Choose at least one client first."))
    return Selection(found, tuple(dict.fromkeys(int(each) for each in given)))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


@dataclass(frozen=True)
class Consequences:
    """What deleting a selection takes along, in numbers."""

    clients: int
    contacts: int
    places: int
    mails: int


def consequences(chosen: Selection, action: str) -> Consequences:
    """How many clients it is; what goes with them is counted where it does go."""
    if action != "delete":
        return Consequences(chosen.count(), 0, 0, 0)
    return Consequences(
        chosen.count(),
        chosen.count_of(Contact.client_id),
        chosen.count_of(CampaignMember.client_id),
        chosen.count_of(Message.client_id),
    )


ACTIONS: dict[str, Callable[[list[int]], int]] = {
    "delete": operations.delete,
    "deactivate": operations.deactivate,
    "activate": lambda ids: operations.set_active(ids, True),
}
TITLES: dict[str, object] = {
    "delete": _l("Delete clients"),
    "deactivate": _l("Mark clients not active"),
    "activate": _l("Mark clients active"),
}


def apply(action: str, chosen: Selection, owner: User) -> int | Task:
    """Do it at once and return how many changed, or, for many clients, as a task.

    :raises Conflict: a client cannot be deleted now.
    """
    ids = list(db.session.scalars(chosen.select_ids().limit(AT_ONCE + 1)))
    if len(ids) <= AT_ONCE:
        return ACTIONS[action](ids)
    params = chosen.to_dict() | {"action": action}
    return submit(TASK, str(TITLES[action]), params, owner)


@task_kind(TASK, repeatable=True)
def _apply_all(task: Task, progress: Progress) -> None:
    task_id, action = task.id, ACTIONS[task.params["action"]]
    chosen = Selection.from_dict(task.params)
    ids = list(db.session.scalars(chosen.select_ids().order_by(Client.id)))
    progress.set_total(len(ids))
    changed = 0
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        changed += action(some)
        progress.advance(len(some))
    kept = db.session.get_one(Task, task_id)
    words = _n("%(num)s client changed.", "%(num)s clients changed.", changed)
    kept.result = kept.result | {"text": words}
    db.session.commit()
