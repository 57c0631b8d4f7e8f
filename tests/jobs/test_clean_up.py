"""Old tasks go, with the files they made, unless something still uses those."""

from datetime import datetime, timedelta

from flask import Flask

from ctm import files, tasks
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.listmail import drafts
from ctm.models import MailDraft, StoredFile, Task, TaskState
from tests import factories
from tests.mailing.listmail import office


def ended(at: datetime, file: StoredFile | None = None) -> Task:
    task = Task(kind="x", state=TaskState.DONE, finished_at=at, file_id=file.id if file else None)
    db.session.add(task)
    db.session.commit()
    return task


def stored(content: bytes) -> StoredFile:
    file = files.store(content, "export.csv")
    db.session.commit()
    return file


def test_old_tasks_and_their_files_go_and_fresh_ones_stay(app: Flask) -> None:
    old, fresh = stored(b"old"), stored(b"fresh")
    old_path, fresh_path = files.path_of(old), files.path_of(fresh)
    ended(utcnow() - timedelta(days=40), old)
    kept = ended(utcnow(), fresh).id
    db.session.add(Task(kind="x", state=TaskState.RUNNING))
    db.session.commit()
    assert tasks.delete_old(timedelta(days=30)) == 1
    assert db.session.get(Task, kept) is not None
    assert db.session.query(Task).count() == 2
    assert not old_path.exists()
    assert fresh_path.exists()


def test_a_file_whose_content_another_row_shares_stays_on_the_disk(app: Flask) -> None:
    one, two = stored(b"same"), stored(b"same")
    path = files.path_of(two)
    ended(utcnow() - timedelta(days=40), one)
    tasks.delete_old(timedelta(days=30))
    assert db.session.query(StoredFile).count() == 1
    assert path.exists()


def test_a_file_that_another_task_shows_stays(app: Flask) -> None:
    file = stored(b"shown")
    ended(utcnow() - timedelta(days=40), file)
    ended(utcnow(), file)
    tasks.delete_old(timedelta(days=30))
    assert db.session.query(StoredFile).count() == 1
    assert files.read(file) == b"shown"


def test_forms_nobody_touched_go_with_their_files_and_sent_ones_keep_theirs(app: Flask) -> None:
    sender, account = office.sender_with_account()
    long_ago = utcnow() - timedelta(days=61)
    old, sent, fresh = (
        office.draft_of(sender, account, "clienti", [factories.customer()]) for _ in range(3)
    )
    lost, used = stored(b"lost"), stored(b"used")
    drafts.attach(old, lost)
    drafts.attach(sent, used)
    office.send(sent)
    for each in (old, sent):
        each.updated_at = long_ago
    db.session.commit()
    lost_path, used_path = files.path_of(lost), files.path_of(used)
    assert drafts.forget_old(timedelta(days=60)) == 2
    assert db.session.scalars(db.select(MailDraft.id)).all() == [fresh.id]
    assert (lost_path.exists(), used_path.exists()) == (False, True)
