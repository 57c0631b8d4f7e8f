"""Queueing a campaign's failed mails again: a few at once, many in the background and in steps.

The steps follow the mails' numbers, so a mail that fails once more meanwhile is not tried a third
time by the same wish.
"""

from sqlalchemy import case, select, update

from ctm import audit, counters, tasks
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing.control.states import move
from ctm.mailing.requeue import queue_again
from ctm.models import Campaign, CampaignState, Message, MessageState, Task, User
from ctm.tasks import Progress, task_kind

STEP = 20_000
TASK = "campaign.retry"
_BEFORE = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.RUNNING)
_GOING_ON = (CampaignState.FINISHED, CampaignState.RUNNING, CampaignState.PAUSED)


def retry_failed(campaign: Campaign) -> int:
    """Queue the failed mails of a campaign again; returns how many, and how many soon will be.

    :raises Conflict: none has failed, or that is under way.
    """
    if is_retrying(campaign):
        raise Conflict(_l("The failed mails are being queued again already."))
    move(campaign, _BEFORE, CampaignState.RUNNING, finished_at=None)
    again, last = _step(campaign.id, 0)
    if not again:
        db.session.rollback()
        raise Conflict(_l("No mail of this campaign has failed."))
    left = counters.read(campaign.id).get("failed", 0)
    audit.record("campaign.retry_failed", campaign, mails=again + left)
    if left:
        _submit(campaign, last, left)
    db.session.commit()
    return again + left


def is_retrying(campaign: Campaign) -> bool:
    """Whether its failed mails are being queued again in the background."""
    return tasks.is_under_way(TASK, campaign=campaign.id)


def _submit(campaign: Campaign, after: int, left: int) -> Task:
    user_id = audit.actor().user_id
    owner = db.session.get(User, user_id) if user_id else None
    title = _("Queue the failed mails of “%(name)s” again", name=campaign.name)
    params = {"campaign": campaign.id, "after": after, "left": left}
    return tasks.submit(TASK, title, params, owner)


@task_kind(TASK, repeatable=True)
def _retry(task: Task, progress: Progress) -> None:
    campaign_id, after, left = (task.params[name] for name in ("campaign", "after", "left"))
    progress.set_total(left)
    while True:
        _keep_running(campaign_id)
        again, last = _step(campaign_id, after)
        progress.advance(again)
        if last == after:
            return
        after = last


def _keep_running(campaign_id: int) -> None:
    """Let a campaign go on whose first mails have left meanwhile; until the transaction ends
    nobody stops it.

    :raises Conflict: it has been stopped, or is gone.
    """
    state = case(
        (Campaign.state == CampaignState.FINISHED.value, CampaignState.RUNNING.value),
        else_=Campaign.state,
    )
    going_on = update(Campaign).where(Campaign.id == campaign_id, Campaign.state.in_(_GOING_ON))
    statement = going_on.values(state=state, finished_at=None)
    kept = db.session.execute(statement, execution_options={"synchronize_session": False})
    if not kept.rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        raise Conflict(_l("The campaign was stopped: the rest of its failed mails stay failed."))


def _step(campaign_id: int, after: int) -> tuple[int, int]:
    """Queue the next failed mails again; how many, and the number of the last."""
    failed = (Message.campaign_id == campaign_id) & (Message.state == MessageState.FAILED.value)
    query = select(Message.id).where(failed, Message.id > after).order_by(Message.id).limit(STEP)
    ids = db.session.scalars(query).all()
    if not ids:
        return 0, after
    these = Message.id.between(ids[0], ids[-1])
    return queue_again(failed & these, MessageState.FAILED), ids[-1]
