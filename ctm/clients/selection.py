"""What is done to many clients at once: the chosen ones, or all that match a search."""

from collections.abc import Iterable
from dataclasses import dataclass

from ctm.clients import operations
from ctm.clients.filters import ClientFilter
from ctm.i18n import _l, _n
from ctm.lists import selection
from ctm.lists.selection import Action, Selection
from ctm.models import CampaignMember, Contact, Message, Task, User
from ctm.tasks import Progress, task_kind

__all__ = ["ACTIONS", "TITLES", "Selection", "apply", "consequences", "read"]

TASK = "clients.bulk"


def read(ids: Iterable[str], all_matching: str, query: str) -> Selection:
    """A selection as the list posts it (see :func:`ctm.lists.selection.read`).

    :raises InvalidInput: nothing is chosen, or part of it cannot be read.
    """
    return selection.read(ClientFilter, ids, all_matching, query)


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


ACTIONS: dict[str, Action] = {
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
    return selection.apply(TASK, action, TITLES[action], ACTIONS[action], chosen, owner)


@task_kind(TASK, repeatable=True)
def _apply_all(task: Task, progress: Progress) -> None:
    selection.work(task, progress, ACTIONS, _changed)


def _changed(count: int) -> str:
    return str(_n("%(num)s client changed.", "%(num)s clients changed.", count))
