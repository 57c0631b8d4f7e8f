"""What is done to many policies or instalments at once."""

from ctm.i18n import _l, _n
from ctm.lists import selection
from ctm.lists.selection import Action, Selection
from ctm.models import Task, User
from ctm.portfolio import operations
from ctm.tasks import Progress, task_kind

TASKS = {"policies": "policies.bulk", "instalments": "instalments.bulk"}
ACTIONS: dict[str, dict[str, Action]] = {
    "policies": {"delete": operations.delete_policies},
    "instalments": {
        "delete": operations.delete_instalments,
        "paid": operations.mark_paid,
        "open": operations.mark_open,
    },
}
TITLES: dict[str, dict[str, object]] = {
    "policies": {"delete": _l("Delete policies")},
    "instalments": {
        "delete": _l("Delete instalments"),
        "paid": _l("Mark instalments paid"),
        "open": _l("Mark instalments to be paid"),
    },
}


def apply(action: str, chosen: Selection, owner: User) -> int | Task:
    """Do it at once and return how many changed, or, for many rows, as a task."""
    name = chosen.found.listing.name
    do, title = ACTIONS[name][action], TITLES[name][action]
    return selection.apply(TASKS[name], action, title, do, chosen, owner)


def changed(name: str, count: int) -> str:
    """How many rows of a list changed, in words."""
    if name == "policies":
        return str(_n("%(num)s policy changed.", "%(num)s policies changed.", count))
    return str(_n("%(num)s instalment changed.", "%(num)s instalments changed.", count))


@task_kind(TASKS["policies"], repeatable=True)
def _policies(task: Task, progress: Progress) -> None:
    selection.work(task, progress, ACTIONS["policies"], lambda count: changed("policies", count))


@task_kind(TASKS["instalments"], repeatable=True)
def _instalments(task: Task, progress: Progress) -> None:
    selection.work(
        task, progress, ACTIONS["instalments"], lambda count: changed("instalments", count)
    )
