"""What the system page shows: workers, the queue, accounts in plain words, the machine."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from flask import current_app
from sqlalchemy import func, select

from ctm import __version__, leases, practice
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import (
    CampaignCounter,
    Message,
    MessageState,
    SmtpAccount,
    Suppression,
    Worker,
)

WORKER_SILENT = timedelta(minutes=2)
LOW_DISK = 500 * 1024 * 1024
CAP = 100_000
COUNTED = ("queued", "sent", "failed", "uncertain", "skipped", "cancelled")


@dataclass(frozen=True)
class WorkerState:
    worker: Worker
    alive: bool


@dataclass(frozen=True)
class AccountState:
    """An account: ``ready``, ``stopped``, ``waiting`` (until ``account.retry_at``), ``inactive``.

    ``waiting`` counts the mails in its queue, up to a cap.
    """

    account: SmtpAccount
    state: str
    waiting: int


@dataclass(frozen=True)
class Machine:
    """The installation: versions, database, disk (bytes), who holds the scheduler's lease."""

    release: str
    versions: dict[str, str]
    database: str
    instance: str
    disk_free: int
    disk_total: int
    database_size: int | None
    scheduler: str | None
    practice_port: int
    practice_mails: int
    suppressions: int

    @property
    def disk_low(self) -> bool:
        return self.disk_free < LOW_DISK


def queue() -> dict[str, int]:
    """The mails of all campaigns by state, from the kept counters."""
    query = (
        select(CampaignCounter.name, func.sum(CampaignCounter.value))
        .where(CampaignCounter.name.in_(COUNTED))
        .group_by(CampaignCounter.name)
    )
    found = {name: int(value or 0) for name, value in db.session.execute(query)}
    return {name: found.get(name, 0) for name in COUNTED}


def workers() -> list[WorkerState]:
    """The sending workers, the latest sign of life first."""
    limit = utcnow() - WORKER_SILENT
    query = select(Worker).order_by(Worker.seen_at.desc()).limit(50)
    return [WorkerState(worker, worker.seen_at > limit) for worker in db.session.scalars(query)]


def accounts(now: datetime | None = None) -> list[AccountState]:
    """Every account with its state and the length of its queue."""
    now = now or utcnow()
    waiting_ids = (
        select(Message.account_id)
        .where(Message.state.in_((MessageState.QUEUED, MessageState.DEFERRED)))
        .limit(CAP)
        .subquery()
    )
    counts = select(waiting_ids.c.account_id, func.count()).group_by(waiting_ids.c.account_id)
    waiting = {row[0]: int(row[1]) for row in db.session.execute(counts)}
    query = select(SmtpAccount).order_by(SmtpAccount.name)
    return [
        AccountState(account, account_state(account, now), waiting.get(account.id, 0))
        for account in db.session.scalars(query)
    ]


def account_state(account: SmtpAccount, now: datetime) -> str:
    """``ready``, ``stopped``, ``waiting`` or ``inactive``."""
    if not account.active:
        return "inactive"
    if account.stopped_at is not None:
        return "stopped"
    if account.retry_at is not None and account.retry_at > now:
        return "waiting"
    return "ready"


def machine() -> Machine:
    """The installation in numbers."""
    folder = Path(current_app.instance_path)
    disk = shutil.disk_usage(folder)
    engine = db.engine
    path = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
    size = path.stat().st_size if path and path.is_file() else None
    removed = select(func.count()).select_from(Suppression)
    names = ("Flask", "SQLAlchemy", "Flask-Admin", "APScheduler")
    number = ".".join(str(part) for part in engine.dialect.server_version_info or ())
    return Machine(
        release=__version__,
        versions={name: version(name) for name in names},
        database=f"{engine.dialect.name} {number}".strip(),
        instance=str(folder),
        disk_free=disk.free,
        disk_total=disk.total,
        database_size=size,
        scheduler=leases.holder("scheduler"),
        practice_port=practice.port(),
        practice_mails=practice.count(),
        suppressions=db.session.scalar(removed) or 0,
    )
