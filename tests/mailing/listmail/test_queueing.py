"""Queueing in the background: cut short and done again, stopped, and by two at once."""

import pytest
from flask import Flask
from sqlalchemy import delete, update

from ctm import tasks
from ctm.errors import Conflict, InvalidInput, NotAllowed
from ctm.extensions import db
from ctm.mailing.listmail import drafts, progress, queueing
from ctm.models import Mailing, MailingState, Message, Task, TaskState
from tests import factories
from tests.mailing.listmail import office


def test_after_a_crash_the_rest_is_queued_and_nobody_gets_two(app: Flask) -> None:
    sender = office.sender_with_account()
    due = office.instalments(factories.customer(), *["10"] * 9)
    mailing = office.send(office.draft_of(*sender, "titoli", due))
    kept = [each.id for each in office.mails(mailing)][:4]
    db.session.execute(delete(Message).where(Message.id.not_in(kept)))
    db.session.execute(update(Mailing).values(state=MailingState.QUEUEING.value))
    db.session.execute(update(Task).values(state=TaskState.WAITING.value))
    db.session.commit()
    tasks.run_waiting()
    db.session.expire_all()
    found = office.mails(mailing)
    assert [each.id for each in found][:4] == kept
    assert [each.row_id for each in found] == [each.id for each in due]
    assert mailing.state == MailingState.RUNNING


def test_stopped_while_it_is_prepared_nothing_leaves(app: Flask) -> None:
    sender = office.sender_with_account()
    draft = office.draft_of(*sender, "clienti", [factories.customer()])
    mailing = queueing.send(draft, draft.owner)
    assert progress.stop(mailing) == 0
    tasks.run_waiting()
    db.session.expire_all()
    assert mailing.state == MailingState.STOPPED
    assert {each.state for each in office.mails(mailing)} <= {"cancelled", "skipped"}


def test_a_draft_is_sent_once(app: Flask) -> None:
    sender = office.sender_with_account()
    draft = office.draft_of(*sender, "clienti", [factories.customer()])
    queueing.send(draft, draft.owner)
    with pytest.raises(Conflict):
        queueing.send(draft, draft.owner)
    with pytest.raises(Conflict):
        drafts.change(draft, {"subject": "another"})
    with pytest.raises(Conflict):
        drafts.discard(draft)
    db.session.rollback()
    assert len(db.session.scalars(db.select(Mailing)).all()) == 1


def test_nobody_else_sends_it(app: Flask) -> None:
    sender = office.sender_with_account()
    draft = office.draft_of(*sender, "clienti", [factories.customer()])
    with pytest.raises(NotAllowed):
        queueing.send(draft, factories.user(role="administrator"))


def test_an_account_taken_away_meanwhile_sends_nothing(app: Flask) -> None:
    user, account = office.sender_with_account()
    draft = office.draft_of(user, account, "clienti", [factories.customer()])
    account.users = []
    db.session.commit()
    with pytest.raises(InvalidInput, match="Choose the sender"):
        queueing.send(draft, user)


def test_with_nobody_to_send_to_the_work_says_so(app: Flask) -> None:
    sender = office.sender_with_account()
    draft = office.draft_of(*sender, "clienti", [factories.customer(email1="")])
    mailing = office.send(draft)
    assert mailing.state == MailingState.STOPPED
    (task,) = db.session.scalars(db.select(Task))
    assert "nobody to send to" in task.error


def test_rows_that_went_meanwhile_get_nothing(app: Flask) -> None:
    sender = office.sender_with_account()
    gone, stays = factories.customer(), factories.customer()
    draft = office.draft_of(*sender, "clienti", [gone, stays])
    db.session.delete(gone)
    db.session.commit()
    assert [each.client_id for each in office.mails(office.send(draft))] == [stays.id]


def test_more_rows_than_a_list_sends_to_are_refused(app: Flask) -> None:
    with pytest.raises(InvalidInput, match="use a campaign"):
        drafts.create("clienti", range(drafts.MOST_ROWS + 1), factories.user())
