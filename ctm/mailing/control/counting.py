"""Who would get a large campaign's mail, counted in the background and kept for a while."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from ctm import counters, tasks
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing import recipients
from ctm.mailing.recipients import Tally
from ctm.models import Campaign, CampaignCounter, Task, User
from ctm.tasks import Progress, task_kind

TASK = "campaign.count"
KEPT_FOR = timedelta(minutes=15)
_PREFIX = "counted:"
_EPOCH = datetime(2020, 1, 1)


def kept(campaign: Campaign, now: datetime) -> Tally | None:
    """What was counted a short while ago, unless clients came or went since."""
    found = counters.read(campaign.id)
    counts = {name.removeprefix(_PREFIX): n for name, n in found.items() if _PREFIX in name}
    at = _EPOCH + timedelta(minutes=counts.pop("at", 0))
    if now - at > KEPT_FOR or counts.pop("members", -1) != found.get("members", 0):
        return None
    left_out = {reason: counts[reason] for reason in recipients.REASONS if counts.get(reason)}
    return Tally(counts.get("go", 0), counts.get("clients", 0), left_out)


def count_later(campaign: Campaign, user: User | None) -> None:
    """Let it be counted in the background, unless that is under way; commits."""
    if not is_counting(campaign):
        title = _("Count the recipients of “%(name)s”", name=campaign.name)
        tasks.submit(TASK, title, {"campaign": campaign.id}, user)


def is_counting(campaign: Campaign) -> bool:
    """Whether the campaign's recipients are being counted."""
    return tasks.is_under_way(TASK, campaign=campaign.id)


@task_kind(TASK, repeatable=True)
def _count(task: Task, _progress: Progress) -> None:
    campaign = db.session.get(Campaign, task.params["campaign"])
    if campaign is None:
        return
    members = counters.read(campaign.id).get("members", 0)
    tally = recipients.tally(db.session, campaign)
    figures = {"go": tally.will_go, "clients": tally.clients, "members": members} | tally.left_out
    figures["at"] = (utcnow() - _EPOCH) // timedelta(minutes=1)
    old = (CampaignCounter.campaign_id == campaign.id) & CampaignCounter.name.startswith(_PREFIX)
    db.session.execute(delete(CampaignCounter).where(old))
    counters.add(campaign.id, {_PREFIX + name: number for name, number in figures.items()})
    db.session.commit()
