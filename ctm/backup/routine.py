"""The daily backup, the button, and what the system page says of them."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import func, select

from ctm import audit, settings, tasks
from ctm.backup import making
from ctm.backup.making import Made
from ctm.clock import utcnow
from ctm.errors import CtmError, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Task, User

log = logging.getLogger(__name__)

KIND = "backup"
KEPT = "backup"
AGAIN_AFTER = timedelta(hours=1)
OLD = timedelta(hours=50)


@dataclass(frozen=True)
class Archive:
    """A backup in the folder."""

    name: str
    size: int
    made_at: datetime


@dataclass(frozen=True)
class Status:
    """The last good backup, the last problem since then, and whether there is reason to worry."""

    made_at: datetime | None
    name: str
    size: int
    missing: int
    problem: str
    problem_at: datetime | None
    folder: str
    time: str
    old: bool


def back_up(to: Path | None = None, keep: int | None = None, report: Any = None) -> Made:
    """Make a backup and remember how it went; the same for button, job and command line.

    :raises CtmError: it cannot be made; that is remembered too.
    """
    try:
        made = making.make(to, keep, report or (lambda _percent: None))
    except CtmError as error:
        db.session.rollback()
        settings.put(KEPT, _kept() | {"problem": str(error), "problem_at": utcnow().isoformat()})
        db.session.commit()
        raise
    kept = {
        "made_at": made.manifest.made_at.isoformat(),
        "name": made.path.name,
        "size": made.size,
        "missing": len(made.manifest.missing),
    }
    settings.put(KEPT, kept)
    audit.record("office.backup", None, name=made.path.name, size=made.size)
    db.session.commit()
    if made.manifest.missing:
        log.error("backup %s lacks %s files", made.path.name, len(made.manifest.missing))
    log.info("backup %s made, %s bytes", made.path, made.size)
    return made


def _kept() -> dict[str, Any]:
    return dict(settings.get(KEPT) or {})


def status(now: datetime | None = None) -> Status:
    """What is known of the backups."""
    kept, now = _kept(), now or utcnow()
    made_at, problem_at = (
        datetime.fromisoformat(kept[name]) if kept.get(name) else None
        for name in ("made_at", "problem_at")
    )
    return Status(
        made_at=made_at,
        name=kept.get("name", ""),
        size=int(kept.get("size", 0)),
        missing=int(kept.get("missing", 0)),
        problem=kept.get("problem", ""),
        problem_at=problem_at,
        folder=str(making.folder()),
        time=current_app.config["CTM_BACKUP_TIME"],
        old=made_at is None or now - made_at > OLD,
    )


def due(now: datetime) -> bool:
    """Whether the daily backup is to be made: its time has passed since the last one, there was
    something to keep by then, and it did not fail within the hour."""
    wanted = current_app.config["CTM_BACKUP_TIME"]
    if not wanted:
        return False
    moment = _latest(now, wanted)
    oldest = db.session.scalar(select(func.min(User.created_at)))
    known = status(now)
    if oldest is None or oldest > moment:
        return False
    if known.problem_at is not None and now - known.problem_at < AGAIN_AFTER:
        return False
    return known.made_at is None or known.made_at < moment


def _latest(now: datetime, wanted: str) -> datetime:
    """The last time the clock on the wall showed ``wanted``, in naive UTC."""
    zone = ZoneInfo(current_app.config["CTM_TIMEZONE"])
    here = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
    hour, minute = (int(part) for part in wanted.split(":"))
    moment = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if moment > here:
        moment -= timedelta(days=1)
    return moment.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def run_due() -> None:
    """The scheduled job: the daily backup, if it is due. What goes wrong stands on the page."""
    if not due(utcnow()):
        return
    try:
        back_up()
    except CtmError as error:
        log.error("no backup: %s", error)


def submit(user: User) -> Task:
    """Back up now, as a task with its progress."""
    return tasks.submit(KIND, _("Backup"), {}, user)


@tasks.task_kind(KIND)
def _run(task: Task, progress: tasks.Progress) -> None:
    task_id = task.id
    progress.set_total(100)
    made = back_up(report=lambda percent: progress.advance(percent - progress.done))
    task = db.session.get_one(Task, task_id)
    text = _("Backup “%(name)s” made and verified.", name=made.path.name)
    if made.manifest.missing:
        text += " " + incomplete(len(made.manifest.missing))
    task.result = task.result | {"text": text}


def incomplete(count: int) -> str:
    """What to say when files of the database are gone from the disk."""
    text = _(
        "%(count)s files that the database names are missing or damaged on the disk and could not "
        "be backed up.",
        count=count,
    )
    return str(text)


def archives() -> list[Archive]:
    """The backups in this installation's folder, the newest first."""
    found = []
    for path in making.existing():
        made_at = datetime.strptime(path.name, "ctm-%Y-%m-%d-%H%M%S.tar.gz")
        found.append(Archive(path.name, path.stat().st_size, made_at))
    return found


def archive_path(name: str) -> Path:
    """
    :raises NotFound: no backup of this installation is called so.
    """
    for path in making.existing():
        if path.name == name:
            return path
    raise NotFound(_l("This backup is no longer there."))
