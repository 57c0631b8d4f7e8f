"""Figures of the installation, from kept counters and a few short rows: cheap at any size."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from ctm import __version__, leases, machinery, schema
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.outbox import is_waiting
from ctm.models import (
    CampaignCounter,
    JobRun,
    Mailing,
    MailingState,
    Message,
    MessageState,
    SmtpAccount,
    Task,
    TaskState,
    Worker,
)

HITS = ("read", "clicked", "removed", "machine_read", "machine_clicked")
STATES = ("ready", "waiting", "stopped", "inactive")
MOST = 500
CAP = 100_000
FORGET_WORKERS = timedelta(days=1)


class Installation(Collector):
    """What the database says; ``ctm_up`` is 0 and the rest is missing while it does not answer."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("ctm_up", "Whether the database answers.")
        found: list[Metric] = []
        try:
            for part in (_build, _mails, _waiting, _hits, _workers, _accounts, _jobs, _database):
                found.extend(part())
            up.add_metric([], 1)
        except SQLAlchemyError:
            found = []
            up.add_metric([], 0)
        finally:
            _leave()
        return [up, *found]


def _leave() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


def _build() -> Iterable[Metric]:
    build = InfoMetricFamily("ctm_build", "Version of CTM, its database and its migration.")
    at = ",".join(sorted(schema.current(db.session.connection())))
    build.add_metric(
        [], {"version": __version__, "database": db.engine.dialect.name, "migration": at}
    )
    yield build


def _sums(names: Iterable[str]) -> dict[str, int]:
    query = (
        select(CampaignCounter.name, func.sum(CampaignCounter.value))
        .where(CampaignCounter.name.in_(tuple(names)))
        .group_by(CampaignCounter.name)
    )
    return {name: int(value or 0) for name, value in db.session.execute(query)}


def _mails() -> Iterable[Metric]:
    mails = GaugeMetricFamily(
        "ctm_messages", "Mails of all campaigns by state; queued holds deferred.", labels=["state"]
    )
    for state, count in machinery.queue().items():
        mails.add_metric([state], count)
    mails.add_metric(["deferred"], _deferred())
    yield mails


def _deferred() -> int:
    """Deferred mails of the campaigns that send now, up to a cap; only these are looked at."""
    sending = select(Mailing.campaign_id).where(
        Mailing.state.in_((MailingState.RUNNING, MailingState.PAUSED))
    )
    count = 0
    for campaign_id in db.session.scalars(sending.distinct().limit(MOST)).all():
        mine = select(Message.id).where(
            Message.campaign_id == campaign_id, Message.state == MessageState.DEFERRED
        )
        some = mine.limit(CAP - count).subquery()
        count += db.session.scalar(select(func.count()).select_from(some)) or 0
    return count


def _waiting() -> Iterable[Metric]:
    oldest = GaugeMetricFamily(
        "ctm_oldest_waiting_seconds", "Age of the oldest mail that a running mailing still holds."
    )
    running = select(Mailing.id).where(Mailing.state == MailingState.RUNNING).limit(MOST)
    first = [
        db.session.scalar(
            select(Message.created_at)
            .where(
                Message.mailing_id == mailing_id,
                is_waiting(),
            )
            .order_by(Message.id)
            .limit(1)
        )
        for mailing_id in db.session.scalars(running)
    ]
    made = [moment for moment in first if moment is not None]
    oldest.add_metric([], (utcnow() - min(made)).total_seconds() if made else 0)
    yield oldest
    tasks = GaugeMetricFamily("ctm_tasks", "Long work by state.", labels=["state"])
    for state in (TaskState.WAITING, TaskState.RUNNING):
        some = select(Task.id).where(Task.state == state).limit(MOST).subquery()
        tasks.add_metric([state], db.session.scalar(select(func.count()).select_from(some)) or 0)
    yield tasks


def _hits() -> Iterable[Metric]:
    hits = GaugeMetricFamily(
        "ctm_hits", "Mails read, clicked, removed by people; requests of machines.", labels=["kind"]
    )
    found = _sums(HITS)
    for kind in HITS:
        hits.add_metric([kind], found.get(kind, 0))
    yield hits


def _workers() -> Iterable[Metric]:
    ages = GaugeMetricFamily(
        "ctm_worker_seen_seconds_ago", "Seconds since a worker's last sign.", labels=["worker"]
    )
    now = utcnow()
    query = select(Worker).where(Worker.seen_at > now - FORGET_WORKERS).limit(MOST)
    for worker in db.session.scalars(query.order_by(Worker.seen_at.desc())):
        ages.add_metric([worker.name], (now - worker.seen_at).total_seconds())
    yield ages
    scheduler = GaugeMetricFamily("ctm_scheduler_up", "Whether a process runs the jobs.")
    scheduler.add_metric([], int(leases.holder("scheduler") is not None))
    yield scheduler


def _accounts() -> Iterable[Metric]:
    accounts = GaugeMetricFamily(
        "ctm_account", "1 for the state an SMTP account is in.", labels=["account", "state"]
    )
    now = utcnow()
    query = select(SmtpAccount).order_by(SmtpAccount.id).limit(MOST)
    for account in db.session.scalars(query):
        mine = machinery.account_state(account, now)
        for state in STATES:
            accounts.add_metric([account.name, state], int(state == mine))
    yield accounts


def _jobs() -> Iterable[Metric]:
    runs = CounterMetricFamily("ctm_job_runs", "Runs of a job.", labels=["job"])
    failures = CounterMetricFamily("ctm_job_failures", "Failed runs of a job.", labels=["job"])
    for run in db.session.scalars(select(JobRun).order_by(JobRun.job).limit(MOST)):
        runs.add_metric([run.job], run.runs)
        failures.add_metric([run.job], run.failures)
    yield runs
    yield failures


def _database() -> Iterable[Metric]:
    size = GaugeMetricFamily("ctm_database_bytes", "Size of the database.")
    if db.engine.dialect.name == "sqlite":
        path = Path(db.engine.url.database or "")
        parts = (path, path.with_name(f"{path.name}-wal"))
        size.add_metric([], sum(part.stat().st_size for part in parts if part.is_file()))
    else:
        bytes_used = db.session.scalar(text("SELECT pg_database_size(current_database())"))
        size.add_metric([], int(bytes_used or 0))
    yield size
