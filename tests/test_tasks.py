"""Long work: progress, stopping, crashes, and who may see it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from ctm import tasks
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.models import OfficeSetting, Role, Task, TaskState
from tests import factories

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def _kinds(app: Flask) -> Iterator[None]:
    before = dict(tasks._kinds)
    yield
    tasks._kinds.clear()
    tasks._kinds.update(before)


def note(name: str) -> None:
    db.session.add(OfficeSetting(name=name, value={}))


def notes() -> list[str]:
    return sorted(db.session.scalars(select(OfficeSetting.name)))


def test_work_is_done_once_with_its_progress() -> None:
    @tasks.task_kind("test.count")
    def count(task: Task, progress: tasks.Progress) -> None:
        progress.set_total(3)
        for n in range(task.params["n"]):
            note(str(n))
            progress.advance()

    task = tasks.submit("test.count", "Count", {"n": 3}, factories.user())
    assert tasks.run_waiting() == 1
    assert tasks.run_waiting() == 0
    db.session.refresh(task)
    assert (task.state, task.done, task.total) == (TaskState.DONE, 3, 3)
    assert notes() == ["0", "1", "2"]


def test_a_stopped_task_keeps_what_it_committed() -> None:
    @tasks.task_kind("test.stop")
    def work(task: Task, progress: tasks.Progress) -> None:
        note("kept")
        progress.advance()
        tasks.cancel(task)
        note("kept too")
        progress.advance()
        raise AssertionError("it went on")

    task = tasks.submit("test.stop", "Stop", {}, factories.user())
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.CANCELLED
    assert task.done == 2
    assert notes() == ["kept", "kept too"]


def test_a_waiting_task_is_stopped_at_once_and_an_ended_one_cannot_be() -> None:
    @tasks.task_kind("test.never")
    def never(task: Task, progress: tasks.Progress) -> None:
        raise AssertionError("it ran")

    task = tasks.submit("test.never", "Never", {}, None)
    tasks.cancel(task)
    assert tasks.run_waiting() == 0
    with pytest.raises(Conflict, match="already ended"):
        tasks.cancel(task)


def test_a_refusal_is_shown_in_its_words_and_a_fault_by_reference() -> None:
    @tasks.task_kind("test.refuse")
    def refuse(task: Task, progress: tasks.Progress) -> None:
        note("undone")
        raise InvalidInput("The file is not a table.")

    @tasks.task_kind("test.break")
    def broken(task: Task, progress: tasks.Progress) -> None:
        raise RuntimeError("SELECT secret FROM table")

    refused = tasks.submit("test.refuse", "A", {}, factories.user())
    failed = tasks.submit("test.break", "B", {}, factories.user())
    assert tasks.run_waiting() == 2
    db.session.refresh(refused)
    db.session.refresh(failed)
    assert (refused.state, refused.error) == (TaskState.FAILED, "The file is not a table.")
    assert failed.state == TaskState.FAILED
    assert "reference" in failed.error
    assert "secret" not in failed.error
    assert notes() == []


def crashed(kind: str) -> Task:
    task = tasks.submit(kind, "Crash", {}, factories.user())
    task.state, task.started_at = TaskState.RUNNING, utcnow() - timedelta(hours=1)
    task.beat_at = utcnow() - timedelta(minutes=6)
    db.session.commit()
    return task


def test_after_a_crash_repeatable_work_starts_over_but_not_for_ever() -> None:
    runs = []

    @tasks.task_kind("test.again", repeatable=True)
    def again(task: Task, progress: tasks.Progress) -> None:
        runs.append(1)

    task = crashed("test.again")
    tasks.run_waiting()
    db.session.refresh(task)
    assert (task.state, len(runs)) == (TaskState.DONE, 1)

    poison = crashed("test.again")
    poison.result = {"attempts": tasks.MAX_ATTEMPTS - 1}
    db.session.commit()
    tasks.run_waiting()
    db.session.refresh(poison)
    assert (poison.state, len(runs)) == (TaskState.FAILED, 1)


def test_after_a_crash_other_work_is_failed_with_a_clear_text() -> None:
    @tasks.task_kind("test.once")
    def once(task: Task, progress: tasks.Progress) -> None:
        raise AssertionError("it ran twice")

    task = crashed("test.once")
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.FAILED
    assert "server was stopped" in task.error


def test_a_task_that_is_alive_is_left_alone() -> None:
    @tasks.task_kind("test.alive", repeatable=True)
    def alive(task: Task, progress: tasks.Progress) -> None:
        raise AssertionError("it was taken")

    task = crashed("test.alive")
    task.beat_at = utcnow()
    db.session.commit()
    assert tasks.recover() == 0
    assert tasks.run_waiting() == 0


def test_a_task_taken_over_by_another_process_stops_here() -> None:
    @tasks.task_kind("test.lost")
    def lost(task: Task, progress: tasks.Progress) -> None:
        task.started_at = utcnow() + timedelta(seconds=1)
        db.session.commit()
        note("not mine any more")
        progress.advance()
        raise AssertionError("it went on")

    task = tasks.submit("test.lost", "Lost", {}, factories.user())
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.state == TaskState.RUNNING
    assert notes() == []


def test_only_its_owner_and_administrators_see_a_task() -> None:
    @tasks.task_kind("test.see")
    def see(task: Task, progress: tasks.Progress) -> None:
        pass

    owner, stranger = factories.user(), factories.user(role=Role.MANAGER)
    administrator = factories.user(role=Role.ADMINISTRATOR)
    task = tasks.submit("test.see", "Mine", {}, owner)
    assert tasks.get(task.id, owner) == task
    assert tasks.get(task.id, administrator) == task
    with pytest.raises(NotFound):
        tasks.get(task.id, stranger)
    assert tasks.recent(stranger) == []
    assert tasks.recent(administrator) == [task]
