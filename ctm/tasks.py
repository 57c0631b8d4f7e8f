"""Long work outside the request: with progress, a way to stop, and recovery after a crash.

A kind of work is a function registered with :func:`task_kind`. It works in chunks and calls
``progress.advance(n)`` after each: that commits the chunk together with the progress, and
raises :class:`Cancelled` when its owner wants it stopped.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select, update

from ctm import audit, files, logs
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Role, Task, TaskState, User

log = logging.getLogger(__name__)

STALE = timedelta(minutes=5)
MAX_ATTEMPTS = 3
FINISHED = (TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED)


class Cancelled(Exception):
    """The task is to stop; what was committed stays."""


Handler = Callable[[Task, "Progress"], None]


@dataclass(frozen=True)
class Kind:
    """How a kind of task is run; a ``repeatable`` one may start over after a crash."""

    run: Handler
    repeatable: bool


_kinds: dict[str, Kind] = {}


def task_kind(name: str, repeatable: bool = False) -> Callable[[Handler], Handler]:
    """Register a function as the work of tasks of this kind."""

    def register(handler: Handler) -> Handler:
        _kinds[name] = Kind(handler, repeatable)
        return handler

    return register


class Progress:
    """What a running task tells of itself, and hears."""

    def __init__(self, task_id: int, started_at: datetime) -> None:
        self._task_id = task_id
        self._started_at = started_at
        self.done = 0

    def set_total(self, total: int) -> None:
        """Say how much there is to do; commits."""
        self._write(total=total)

    def advance(self, count: int = 1) -> None:
        """Say that ``count`` more are done; commits what the task has changed so far.

        :raises Cancelled: its owner wants it stopped, or another process took it over.
        """
        self.done += count
        self._write(done=self.done)

    def _write(self, **values: int) -> None:
        alive = (
            update(Task)
            .where(
                Task.id == self._task_id,
                Task.state == TaskState.RUNNING,
                Task.started_at == self._started_at,
            )
            .values(beat_at=utcnow(), **values)
            .execution_options(synchronize_session=False)
        )
        if not db.session.execute(alive).rowcount:  # type: ignore[attr-defined]
            db.session.rollback()
            raise Cancelled
        wanted = select(Task.cancel_requested).where(Task.id == self._task_id)
        stop = db.session.scalar(wanted)
        db.session.commit()
        if stop:
            raise Cancelled


def submit(kind: str, title: str, params: dict[str, Any], owner: User | None) -> Task:
    """Put work in the queue; commits. ``title`` is shown to its owner."""
    if kind not in _kinds:
        raise LookupError(kind)
    owner_id = owner.id if owner else None
    task = Task(kind=kind, title=title[:255], params=params, owner_id=owner_id)
    db.session.add(task)
    db.session.commit()
    return task


def is_under_way(kind: str, **params: Any) -> bool:
    """Whether a task of this kind with these parameters waits or runs."""
    states = [TaskState.WAITING, TaskState.RUNNING]
    going = db.session.scalars(select(Task.params).where(Task.kind == kind, Task.state.in_(states)))
    return any(params.items() <= each.items() for each in going)


def get(task_id: int, user: User) -> Task:
    """
    :raises NotFound: there is none, or it belongs to another and the user is no administrator.
    """
    task = db.session.get(Task, task_id)
    if task is None or not (task.owner_id == user.id or user.role == Role.ADMINISTRATOR):
        raise NotFound(_("There is no such work, or it belongs to somebody else."))
    return task


def recent(user: User, limit: int = 50) -> list[Task]:
    """The user's latest tasks; an administrator sees everybody's."""
    query = select(Task).order_by(Task.id.desc()).limit(limit)
    if user.role != Role.ADMINISTRATOR:
        query = query.where(Task.owner_id == user.id)
    return list(db.session.scalars(query))


def cancel(task: Task) -> None:
    """Stop a task: at once if it waits, after its current chunk if it runs.

    :raises Conflict: it has already ended.
    """
    waiting = (
        update(Task)
        .where(Task.id == task.id, Task.state == TaskState.WAITING)
        .values(state=TaskState.CANCELLED, finished_at=utcnow(), cancel_requested=True)
    )
    running = (
        update(Task)
        .where(Task.id == task.id, Task.state == TaskState.RUNNING)
        .values(cancel_requested=True)
    )
    for statement in (waiting, running):
        if db.session.execute(statement).rowcount:  # type: ignore[attr-defined]
            audit.record("task.cancel", task)
            db.session.commit()
            return
    db.session.rollback()
    raise Conflict(_("This work has already ended."))


def run_waiting(limit: int = 100) -> int:
    """Run the tasks that wait, one after the other; returns how many ended."""
    recover()
    ran = 0
    while ran < limit and (claimed := _claim()) is not None:
        _run(*claimed)
        ran += 1
    return ran


def recover() -> int:
    """Take back tasks whose process died: repeatable ones start over, others are failed."""
    gone = select(Task).where(Task.state == TaskState.RUNNING, Task.beat_at < utcnow() - STALE)
    found = list(db.session.scalars(gone))
    for task in found:
        attempts = int(task.result.get("attempts", 0)) + 1
        kind = _kinds.get(task.kind)
        task.result = task.result | {"attempts": attempts}
        if kind and kind.repeatable and attempts < MAX_ATTEMPTS and not task.cancel_requested:
            task.state, task.done = TaskState.WAITING, 0
        else:
            task.state, task.finished_at = TaskState.FAILED, utcnow()
            with force_locale(_language(task)):
                task.error = _(
                    "The server was stopped while this was under way. What was done up to then "
                    "stays; start it again for the rest."
                )
    db.session.commit()
    return len(found)


def delete_old(older_than: timedelta) -> int:
    """Forget the tasks that ended before then, with the files they made; returns how many."""
    old = select(Task).where(Task.state.in_(FINISHED), Task.finished_at < utcnow() - older_than)
    tasks = list(db.session.scalars(old.limit(500)))
    made = [task.file_id for task in tasks if task.file_id]
    for task in tasks:
        db.session.delete(task)
    db.session.commit()
    files.discard(made)
    return len(tasks)


def _claim() -> tuple[Task, datetime] | None:
    """Take the oldest waiting task, unless another process is faster."""
    while True:
        oldest = select(Task.id).where(Task.state == TaskState.WAITING).order_by(Task.id).limit(1)
        task_id = db.session.scalar(oldest)
        if task_id is None:
            db.session.rollback()
            return None
        now = utcnow()
        mine = (
            update(Task)
            .where(Task.id == task_id, Task.state == TaskState.WAITING)
            .values(state=TaskState.RUNNING, started_at=now, beat_at=now)
        )
        taken = db.session.execute(mine).rowcount  # type: ignore[attr-defined]
        db.session.commit()
        if taken:
            return db.session.get_one(Task, task_id), now


def _run(task: Task, started_at: datetime) -> None:
    task_id, kind = task.id, _kinds.get(task.kind)
    audit.act_as(task.owner)
    belongs = logs.bind(task=task.kind, task_id=task_id, user_id=task.owner_id)
    with force_locale(_language(task)), belongs:
        state, error = TaskState.DONE, ""
        try:
            if kind is None:
                raise CtmError(_l("This version of CTM does not know this work."))
            kind.run(task, Progress(task_id, started_at))
            db.session.commit()
        except Cancelled:
            state = TaskState.CANCELLED
        except CtmError as problem:
            state, error = TaskState.FAILED, problem.message
        except Exception as problem:
            reference = uuid.uuid4().hex[:8]
            log.error("task %s failed, reference %s", task_id, reference, exc_info=problem)
            state = TaskState.FAILED
            error = _(
                "This work met an unexpected error. Tell the administrator the reference "
                "%(reference)s; what was done up to then stays.",
                reference=reference,
            )
        db.session.rollback()
        _finish(task_id, started_at, state, error)
    audit.act_as(None)


def _finish(task_id: int, started_at: datetime, state: TaskState, error: str) -> None:
    ended = (
        update(Task)
        .where(Task.id == task_id, Task.state == TaskState.RUNNING, Task.started_at == started_at)
        .values(state=state, error=error, finished_at=utcnow())
    )
    db.session.execute(ended)
    db.session.commit()


def _language(task: Task) -> str:
    return task.owner.language if task.owner else "it"
