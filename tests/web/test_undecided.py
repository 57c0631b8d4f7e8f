"""The mails somebody has to decide: sent again or left, one, some, or all of a campaign."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from admin_views import undecided as page
from ctm import counters
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control, recipients
from ctm.models import AuditEntry, Campaign, Mailing, Message, User
from tests import factories

LogIn = Callable[[str], FlaskClient]


def broken_off(count: int = 3, **values: Any) -> Campaign:
    """A finished campaign whose mails are all uncertain."""
    campaign = factories.campaign(**values)
    for _ in range(count):
        factories.member(campaign, factories.customer())
    control.start(campaign)
    db.session.execute(
        db.update(Message)
        .where(Message.campaign_id == campaign.id)
        .values(
            state="uncertain",
            reason="no_answer",
            attempts=1,
            attempted_at=utcnow(),
            server_words="the server closed the connection",
        )
    )
    for model in (Mailing, Campaign):
        owner = Mailing.campaign_id if model is Mailing else Campaign.id
        db.session.execute(
            db.update(model)
            .where(owner == campaign.id)
            .values(state="finished", finished_at=utcnow())
        )
    counters.add(campaign.id, {"queued": -count, "uncertain": count})
    db.session.commit()
    return campaign


@pytest.fixture
def campaign(app: Any) -> Campaign:
    return broken_off()


def messages(campaign: Campaign) -> list[Message]:
    db.session.expire_all()
    query = db.select(Message).where(Message.campaign_id == campaign.id).order_by(Message.id)
    return list(db.session.scalars(query))


def figures(campaign: Campaign) -> dict[str, int]:
    """The kept counters, which must be what the messages say."""
    states = [message.state for message in messages(campaign)]
    kept = counters.read(campaign.id)
    found = {name: kept.get(name, 0) for name in ("queued", "uncertain")}
    assert found == {name: states.count(name) for name in found}
    assert kept["total"] == len(states)
    return found


def decide(browser: FlaskClient, action: str, **data: Any) -> str:
    answer = browser.post(f"/undecided/{action}", data=data)
    assert (answer.status_code, answer.location) == (302, "/undecided")
    return browser.get("/undecided").text


@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_who_runs_no_campaigns_decides_nothing(
    campaign: Campaign, login_as: LogIn, role: str
) -> None:
    browser = login_as(role)
    assert browser.get("/undecided").status_code == 403
    for action in ("resend", "leave"):
        answer = browser.post(f"/undecided/{action}", data={"campaign_id": campaign.id})
        assert answer.status_code == 403
    assert figures(campaign) == {"queued": 0, "uncertain": 3}


def test_an_anonymous_visitor_is_sent_to_the_login(
    campaign: Campaign, client: FlaskClient, people: dict[str, User]
) -> None:
    assert client.get("/undecided").location.startswith("/login")
    for action in ("resend", "leave"):
        answer = client.post(f"/undecided/{action}", data={"campaign_id": campaign.id})
        assert answer.location.startswith("/login")
    assert figures(campaign) == {"queued": 0, "uncertain": 3}


@pytest.mark.parametrize("action", ["resend", "leave"])
def test_a_decision_is_not_fetched(campaign: Campaign, login_as: LogIn, action: str) -> None:
    assert login_as("manager").get(f"/undecided/{action}").status_code == 405


def test_the_page_names_each_mail_and_what_happened(campaign: Campaign, login_as: LogIn) -> None:
    evil = "<script>alert(1)</script>"
    first = messages(campaign)[0]
    first.client.display_name = first.server_words = evil
    db.session.commit()
    shown = login_as("manager").get("/undecided").text
    assert shown.count('name="ids"') == 3
    for message in messages(campaign):
        assert message.to_address in shown
    assert "the server closed the connection" in shown
    assert evil not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_without_such_mails_the_page_says_so(app: Any, login_as: LogIn) -> None:
    assert "Nothing to decide" in login_as("manager").get("/undecided").text


def test_one_mail_leaves_again_as_the_same_mail(campaign: Campaign, login_as: LogIn) -> None:
    first, second, _third = messages(campaign)
    identity = first.message_id
    shown = decide(login_as("manager"), "resend", ids=first.id)
    assert "1 mail leaves again." in shown
    assert shown.count('name="ids"') == 2
    first, second, _third = messages(campaign)
    assert (first.state, first.message_id, first.attempts) == ("queued", identity, 0)
    assert second.state == "uncertain"
    assert figures(campaign) == {"queued": 1, "uncertain": 2}
    assert campaign.state == "running"
    assert db.session.scalars(db.select(Mailing.state)).all() == ["running"]
    assert db.session.scalar(
        db.select(AuditEntry).where(AuditEntry.action == "mail.resend_uncertain")
    )


def test_some_mails_leave_again(campaign: Campaign, login_as: LogIn) -> None:
    ids = [message.id for message in messages(campaign)[:2]]
    shown = decide(login_as("manager"), "resend", ids=ids)
    assert "2 mails leave again." in shown
    assert figures(campaign) == {"queued": 2, "uncertain": 1}


def test_all_of_one_campaign_leave_again_and_no_other(campaign: Campaign, login_as: LogIn) -> None:
    other = broken_off(2)
    shown = decide(login_as("manager"), "resend", campaign_id=campaign.id)
    assert "3 mails leave again." in shown
    assert figures(campaign) == {"queued": 3, "uncertain": 0}
    assert figures(other) == {"queued": 0, "uncertain": 2}
    assert other.state == "finished"


def test_a_left_mail_stays_uncertain_and_is_not_asked_about_again(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser = login_as("manager")
    first = messages(campaign)[0]
    shown = decide(browser, "leave", ids=first.id)
    assert "1 mail is left as it is." in shown
    assert shown.count('name="ids"') == 2
    assert messages(campaign)[0].reason == "left"
    assert figures(campaign) == {"queued": 0, "uncertain": 3}
    for action in ("leave", "resend"):
        shown = decide(browser, action, ids=first.id)
        assert "0 mails" in shown
    assert figures(campaign) == {"queued": 0, "uncertain": 3}
    decide(browser, "resend", campaign_id=campaign.id)
    assert figures(campaign) == {"queued": 2, "uncertain": 1}


def test_all_of_a_campaign_are_left(campaign: Campaign, login_as: LogIn) -> None:
    shown = decide(login_as("manager"), "leave", campaign_id=campaign.id)
    assert "3 mails are left as they are." in shown
    assert "Nothing to decide" in shown
    assert campaign.state == "finished"


def test_a_left_mail_is_not_queued_by_another_start(campaign: Campaign, login_as: LogIn) -> None:
    decide(login_as("manager"), "leave", campaign_id=campaign.id)
    assert recipients.tally(db.session, campaign).left_out == {"already_sent": 3}


def test_deciding_twice_decides_once(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    ids = [message.id for message in messages(campaign)]
    decide(browser, "resend", ids=ids)
    shown = decide(browser, "resend", ids=ids)
    assert "0 mails leave again." in shown
    assert figures(campaign) == {"queued": 3, "uncertain": 0}


def test_a_mail_of_a_paused_campaign_waits_with_the_others(
    campaign: Campaign, login_as: LogIn
) -> None:
    for model in (Mailing, Campaign):
        db.session.execute(db.update(model).values(state="paused"))
    db.session.commit()
    decide(login_as("manager"), "resend", campaign_id=campaign.id)
    assert figures(campaign) == {"queued": 3, "uncertain": 0}
    assert campaign.state == "paused"
    assert set(db.session.scalars(db.select(Mailing.state))) == {"paused"}


def test_a_mail_that_is_certain_is_never_sent_again(campaign: Campaign, login_as: LogIn) -> None:
    first = messages(campaign)[0]
    first.state = "sent"
    counters.add(campaign.id, {"uncertain": -1, "sent": 1})
    db.session.commit()
    shown = decide(login_as("manager"), "resend", ids=first.id)
    assert "0 mails leave again." in shown
    assert messages(campaign)[0].state == "sent"
    assert campaign.state == "finished"


@pytest.mark.parametrize("action", ["resend", "leave"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"ids": ""},
        {"ids": "one"},
        {"ids": "-1"},
        {"ids": "1.5"},
        {"ids": ["1", "2; DROP TABLE messages"]},
        {"ids": "9" * 30},
        {"ids": [str(n) for n in range(page.SHOWN + 1)]},
        {"campaign_id": "nonsense"},
        {"campaign_id": "9" * 30},
        {"campaign_id": "-1"},
        {"campaign_id": "999"},
    ],
)
def test_a_selection_that_cannot_be_read_decides_nothing(
    campaign: Campaign, login_as: LogIn, action: str, data: dict[str, Any]
) -> None:
    answer = login_as("manager").post(f"/undecided/{action}", data=data)
    assert figures(campaign) == {"queued": 0, "uncertain": 3}
    words = {400: "Choose", 404: "There is no such campaign."}
    assert words[answer.status_code] in answer.text
