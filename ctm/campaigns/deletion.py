"""Deleting a campaign: a small one at once, a large one in the background and in steps.

From the first step on nothing else happens to the campaign (:attr:`CampaignState.DELETING`): one
that has forgotten who got its mails must never send. If the work is stopped half-way, what is left
can only be deleted too.
"""

from collections import Counter

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update

from ctm import counters, tasks
from ctm.campaigns import operations
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l, _n
from ctm.models import Campaign, CampaignMember, CampaignState, Message, Task, User
from ctm.tasks import Progress, task_kind

AT_ONCE = 20_000
STEP = 5_000
TASK = "campaign.delete"

_unsynchronized = {"synchronize_session": False}


def delete(campaign: Campaign, owner: User | None) -> Task | None:
    """Delete a campaign with its members, mails and statistics; the task that does it, if large.

    :raises Conflict: its mails are leaving, or it is being deleted already.
    """
    operations.require_deletable(campaign)
    if is_under_way(campaign):
        raise Conflict(_l("The campaign is being deleted already."))
    if not _is_large(campaign):
        operations.delete(campaign)
        return None
    params = {"campaign": campaign.id, "mails": operations.mail_count(campaign)}
    title = _("Delete the campaign “%(name)s”", name=campaign.name)
    return tasks.submit(TASK, title, params, owner)


def is_under_way(campaign: Campaign) -> bool:
    """Whether a task deletes it, or is about to."""
    return tasks.is_under_way(TASK, campaign=campaign.id)


def _is_large(campaign: Campaign) -> bool:
    return any(
        db.session.scalar(query.offset(AT_ONCE).limit(1)) is not None
        for query in (
            select(Message.id).where(Message.campaign_id == campaign.id),
            select(CampaignMember.id).where(CampaignMember.campaign_id == campaign.id),
        )
    )


@task_kind(TASK, repeatable=True)
def _delete(task: Task, progress: Progress) -> None:
    task_id, campaign_id, mails = task.id, task.params["campaign"], task.params["mails"]
    if db.session.get(Campaign, campaign_id) is None:
        return
    own = CampaignMember.campaign_id == campaign_id
    members = db.session.scalar(select(func.count()).select_from(CampaignMember).where(own)) or 0
    progress.set_total(members + mails)
    while (gone := _step(campaign_id)) is not None:
        progress.advance(gone)
    operations.delete(operations.get(campaign_id), mails)
    done = db.session.get_one(Task, task_id)
    words = _n(
        "The campaign and its %(num)s mail are deleted.",
        "The campaign and its %(num)s mails are deleted.",
        mails,
    )
    done.result = done.result | {"text": words}
    db.session.commit()


def _step(campaign_id: int) -> int | None:
    """Delete the next members; once all are gone, the next mails.

    Returns how many are gone; None if nothing was left.

    :raises Conflict: the campaign was started before the first step.
    """
    _take(campaign_id)
    own = CampaignMember.campaign_id == campaign_id
    ids = list(
        db.session.scalars(
            select(CampaignMember.id).where(own).order_by(CampaignMember.id).limit(STEP)
        )
    )
    if not ids:
        some = select(Message.id).where(Message.campaign_id == campaign_id).limit(STEP)
        mails = delete_rows(Message).where(Message.id.in_(some))
        gone = db.session.execute(mails, execution_options=_unsynchronized)
        return int(gone.rowcount) or None  # type: ignore[attr-defined]
    these = own & CampaignMember.id.between(ids[0], ids[-1])
    members = delete_rows(CampaignMember).where(these).returning(CampaignMember.list_status_id)
    statuses = Counter(db.session.execute(members, execution_options=_unsynchronized).scalars())
    deltas = {f"status:{status or 0}": -count for status, count in statuses.items()}
    counters.add(campaign_id, deltas | {"members": -statuses.total()})
    return len(ids)


def _take(campaign_id: int) -> None:
    """Let nothing else happen to the campaign from this transaction on.

    :raises Conflict: it is being sent.
    """
    at_rest = update(Campaign).where(
        Campaign.id == campaign_id, Campaign.state.not_in(operations.FIXED_WHILE)
    )
    statement = at_rest.values(state=CampaignState.DELETING.value, scheduled_at=None)
    taken = db.session.execute(statement, execution_options=_unsynchronized)
    if not taken.rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        raise Conflict(
            _l("The campaign was started before its deletion began. Stop it to delete it.")
        )
