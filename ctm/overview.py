"""Today: what needs attention and what is under way, in a handful of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import exists, func, select

from ctm import counters, jobruns, permissions, settings
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.jobruns import JobState
from ctm.mailing import returning, undecided
from ctm.models import (
    Campaign,
    CampaignState,
    Client,
    ListStatus,
    Message,
    Role,
    SmtpAccount,
    Task,
    TaskState,
    User,
    Worker,
)
from ctm.permissions import Permission, allows

CAP = 1000
SHOWN = 8
RECENT_FAILURES = timedelta(days=3)
WORKER_SILENT = timedelta(minutes=2)


@dataclass(frozen=True)
class Progress:
    """A campaign with the figures its line shows."""

    campaign: Campaign
    total: int
    queued: int
    sent: int
    failed: int
    uncertain: int
    read: int
    clicked: int
    removed: int

    @property
    def done(self) -> int:
        return self.total - self.queued


@dataclass(frozen=True)
class FirstSteps:
    """What an office that is new has done already."""

    accounts: bool
    clients: bool
    list_statuses: bool
    campaigns: bool

    @property
    def all_done(self) -> bool:
        return self.accounts and self.clients and self.list_statuses and self.campaigns


@dataclass(frozen=True)
class Today:
    """What the home page of one user shows."""

    stopped: list[SmtpAccount]
    undecided: int
    failed_tasks: list[Task]
    failing_jobs: list[JobState]
    no_public_url: bool
    no_worker: bool
    overdue: list[Progress]
    running: list[Progress]
    paused: list[Progress]
    scheduled: list[Progress]
    drafts: list[Progress]
    finished: list[Progress]
    first_steps: FirstSteps | None
    demo: bool
    restored: datetime | None = None

    @property
    def calm(self) -> bool:
        """Whether nothing waits for anybody."""
        return not (
            self.stopped
            or self.undecided
            or self.failed_tasks
            or self.failing_jobs
            or self.no_public_url
            or self.no_worker
            or self.overdue
            or self.restored
        )


def today(user: User) -> Today:
    """What needs this user's attention, and what is under way."""
    campaigns = _campaigns()
    running = campaigns[CampaignState.RUNNING]
    manages = allows(user, Permission.EDIT_CAMPAIGNS)
    system = allows(user, Permission.VIEW_SYSTEM)
    demo = settings.is_demo()
    return Today(
        stopped=_stopped(user),
        undecided=_undecided() if allows(user, Permission.DECIDE_MAIL) else 0,
        failed_tasks=_failed_tasks(user),
        failing_jobs=[state for state in jobruns.states() if state.failing] if system else [],
        no_public_url=manages and not demo and not current_app.config["CTM_PUBLIC_URL"],
        no_worker=bool(running) and not _worker_alive(),
        overdue=campaigns[CampaignState.OVERDUE],
        running=running,
        paused=campaigns[CampaignState.PAUSED],
        scheduled=campaigns[CampaignState.SCHEDULED],
        drafts=campaigns[CampaignState.DRAFT],
        finished=campaigns[CampaignState.FINISHED],
        first_steps=_first_steps() if manages else None,
        demo=demo,
        restored=returning.notice() if system else None,
    )


def _campaigns() -> dict[str, list[Progress]]:
    """The latest campaigns of every state, with their counters, in two queries."""
    order = func.coalesce(
        Campaign.finished_at, Campaign.started_at, Campaign.scheduled_at, Campaign.created_at
    )
    turn = func.row_number().over(partition_by=Campaign.state, order_by=(order.desc(), Campaign.id))
    ranked = select(Campaign.id, turn.label("turn")).subquery()
    query = (
        select(Campaign)
        .join(ranked, ranked.c.id == Campaign.id)
        .where(ranked.c.turn <= SHOWN)
        .order_by(Campaign.state, ranked.c.turn)
    )
    found = list(db.session.scalars(query))
    kept = counters.read_many([campaign.id for campaign in found])
    groups: dict[str, list[Progress]] = {state: [] for state in CampaignState}
    for campaign in found:
        groups[campaign.state].append(_progress(campaign, kept[campaign.id]))
    return groups


def _progress(campaign: Campaign, kept: dict[str, int]) -> Progress:
    names = ("total", "queued", "sent", "failed", "uncertain", "read", "clicked", "removed")
    return Progress(campaign, **{name: kept.get(name, 0) for name in names})


def _stopped(user: User) -> list[SmtpAccount]:
    query = permissions.visible_accounts(user).where(
        SmtpAccount.active, SmtpAccount.stopped_at.is_not(None)
    )
    return list(db.session.scalars(query.limit(SHOWN)))


def _undecided() -> int:
    waiting = select(Message.id).where(undecided.waiting()).limit(CAP)
    return db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def _failed_tasks(user: User) -> list[Task]:
    query = select(Task).where(
        Task.state == TaskState.FAILED, Task.finished_at > utcnow() - RECENT_FAILURES
    )
    if user.role != Role.ADMINISTRATOR:
        query = query.where(Task.owner_id == user.id)
    return list(db.session.scalars(query.order_by(Task.id.desc()).limit(SHOWN)))


def _worker_alive() -> bool:
    alive = exists().where(Worker.seen_at > utcnow() - WORKER_SILENT)
    return bool(db.session.scalar(select(alive)))


def _first_steps() -> FirstSteps | None:
    """What is still to do in a new office; ``None`` once there is nothing."""
    row = db.session.execute(
        select(
            exists().where(SmtpAccount.id.is_not(None)),
            exists().where(Client.id.is_not(None)),
            exists().where(ListStatus.id.is_not(None)),
            exists().where(Campaign.id.is_not(None)),
        )
    ).one()
    steps = FirstSteps(*(bool(value) for value in row))
    return None if steps.all_done else steps
