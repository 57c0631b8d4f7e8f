"""Text and files of sent mail go after the time the office keeps them."""

from datetime import timedelta

import pytest
from flask import Flask

from ctm import files, office
from ctm.clock import utcnow
from ctm.errors import InvalidInput, Unavailable
from ctm.extensions import db
from ctm.mailing import retention, sentmail
from ctm.mailing.listmail import drafts
from ctm.models import Mailing, Message
from tests import factories
from tests.mailing.listmail import office as writing


def finished(days: int, state: str = "finished") -> Mailing:
    sender, account = writing.sender_with_account()
    draft = writing.draft_of(sender, account, "clienti", [factories.customer(first_name="Anna")])
    drafts.attach(draft, files.store(b"price list", "list.txt"))
    mailing = writing.send(draft)
    mailing.state, mailing.created_at = state, utcnow() - timedelta(days=days)
    if state == "finished":
        db.session.execute(
            db.update(Message).where(Message.mailing_id == mailing.id).values(state="sent")
        )
    db.session.delete(draft)
    db.session.commit()
    return mailing


def test_old_mail_keeps_its_outcome_and_loses_its_text(app: Flask) -> None:
    old, fresh, waiting = finished(100), finished(20), finished(100, "running")
    assert retention.purge() == 0
    office.update("Office", "en", None, "3")
    assert retention.purge() == 1
    assert retention.purge() == 0
    db.session.expire_all()
    assert (old.html, old.attachments) == (None, [])
    assert fresh.html
    assert waiting.html
    assert files.path_of(fresh.attachments[0].file).exists()
    (mail,) = writing.mails(old)
    assert mail.state == "sent"
    with pytest.raises(Unavailable, match="deleted after the time"):
        sentmail.content(mail)


@pytest.mark.parametrize("text", ["-1", "three", "241", "1.5", "９"])
def test_a_number_of_months_that_is_none_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(InvalidInput, match="A number of months"):
        office.update("Office", "en", None, text)
