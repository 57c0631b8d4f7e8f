"""Making mails from claimed messages."""

from collections.abc import Callable

from flask import Flask

from ctm.clock import SystemClock
from ctm.extensions import db
from ctm.mailing import claiming, control, outbox
from ctm.mailing.engine.desk import MailDesk
from ctm.mailing.engine.session import Job
from ctm.models import Campaign


def desk_with_two(
    app: Flask, big_campaign: Callable[..., Campaign]
) -> tuple[MailDesk, list[outbox.Claimed]]:
    """A desk that expects the two mails of a campaign."""
    mailing = control.start(big_campaign(2, 25))
    clock = SystemClock()
    with db.engine.connect() as connection:
        (opened,) = outbox.open_mailings(connection)
    claimed = claiming.claim(db.engine, opened, "w", 2, clock.now(), lambda _ids: None)
    desk = MailDesk(db.engine, clock, app.extensions["ctm.tracking_key"])
    desk.expect(mailing.id, claimed)
    return desk, claimed


def test_a_mail_made_ahead_is_the_one_that_leaves_and_is_forgotten_with_its_values(
    app: Flask, big_campaign: Callable[..., Campaign]
) -> None:
    desk, (first, second) = desk_with_two(app, big_campaign)
    desk.make_ahead([first, second])
    made = dict(desk._made)
    desk.make_ahead([first, second])
    assert desk.make(first) is made[first.id]
    again = desk.make(first)
    assert isinstance(again, Job)
    assert again is not made[first.id]
    desk.forget(second)
    assert not desk._made


def test_a_mail_given_back_before_its_body_is_made_again(
    app: Flask, big_campaign: Callable[..., Campaign]
) -> None:
    desk, (first, second) = desk_with_two(app, big_campaign)
    made = [desk.make(first), desk.make(second), desk.make(first)]
    assert all(isinstance(each, Job) for each in made)
    assert b"Name1" in made[2].data  # type: ignore[union-attr]
    assert desk._values.keys() == {first.id, second.id}
    desk.forget(first)
    desk.forget(second)
    desk.keep(set())
    assert not desk._values
    assert not desk._mailings
