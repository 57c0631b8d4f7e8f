"""The doctor as work in the background, for the page."""

from sqlalchemy import select

from ctm import audit, doctor, tasks
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Task, TaskState, User

KIND = "system.doctor"


def submit(user: User | None) -> Task:
    """Have everything looked at; the examination under way already, if there is one."""
    last = latest()
    if last is not None and last.state in (TaskState.WAITING, TaskState.RUNNING):
        return last
    audit.record("system.doctor")
    return tasks.submit(KIND, _("Examination of the installation"), {}, user)


def latest() -> Task | None:
    """The last examination."""
    task: Task | None = db.session.scalar(
        select(Task).where(Task.kind == KIND).order_by(Task.id.desc()).limit(1)
    )
    return task


@tasks.task_kind(KIND)
def _run(task: Task, progress: tasks.Progress) -> None:
    task_id = task.id
    progress.set_total(doctor.PARTS)
    checks = doctor.examine(step=progress.advance)
    done = db.session.get_one(Task, task_id)
    done.result = {
        "level": doctor.worst(checks),
        "checks": [check.to_dict() for check in checks],
    }
