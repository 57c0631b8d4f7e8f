"""Putting clients into a campaign: a few at once, many in the background and in steps."""

from typing import Any

from sqlalchemy import Select, func, select

from ctm.campaigns import members
from ctm.campaigns.members import Added
from ctm.clients.selection import Selection
from ctm.extensions import db
from ctm.i18n import _, _n
from ctm.models import Campaign, Client, Task, User
from ctm.tasks import Progress, submit, task_kind

AT_ONCE = 20_000
STEP = 20_000
TASK = "campaign.join"


def join(campaign: Campaign, chosen: Selection | None, owner: User | None) -> Added | Task:
    """Add a selection, or (None) all active clients; many are added by a task."""
    found = _clients(chosen)
    if db.session.scalar(found.offset(AT_ONCE).limit(1)) is None:
        return members.add_clients(campaign, found)
    params: dict[str, Any] = {"campaign": campaign.id}
    params["chosen"] = chosen.to_dict() if chosen is not None else None
    title = _("Add clients to “%(name)s”", name=campaign.name)
    return submit(TASK, title, params, owner)


def _clients(chosen: Selection | None) -> Select[int]:
    return select(Client.id).where(Client.active) if chosen is None else chosen.select_ids()


@task_kind(TASK, repeatable=True)
def _join(task: Task, progress: Progress) -> None:
    task_id, campaign_id = task.id, task.params["campaign"]
    kept = task.params["chosen"]
    found = _clients(Selection.from_dict(kept) if kept is not None else None)
    progress.set_total(db.session.scalar(select(func.count()).select_from(found.subquery())) or 0)
    added = after = 0
    while True:
        span = select(Client.id).where(Client.id > after).order_by(Client.id).limit(STEP)
        upto = db.session.scalar(select(func.max(span.subquery().c.id)))
        campaign = db.session.get(Campaign, campaign_id)
        if upto is None or campaign is None:
            break
        result = members.add_clients(campaign, found.where(Client.id.between(after + 1, upto)))
        added, after = added + result.added, upto
        progress.advance(result.added + result.already)
    words = _n("%(num)s client added.", "%(num)s clients added.", added)
    done = db.session.get_one(Task, task_id)
    done.result = done.result | {"text": words}
    db.session.commit()
