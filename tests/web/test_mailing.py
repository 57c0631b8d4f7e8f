"""The MAILING page: what it says before a start, what it does, and what it refuses in words."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ctm import settings as office_settings
from ctm import suppressions
from ctm.campaigns import members
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.tracking import statistics
from ctm.models import Campaign, CampaignState, Client, Mailing, Message, SmtpAccount, User
from tests import factories

LogIn = Callable[[str], FlaskClient]
ACTIONS = ("start", "pause", "resume", "stop", "schedule", "unschedule", "retry")


@pytest.fixture(autouse=True)
def fresh_figures() -> Iterator[None]:
    """Figures are kept for a second: not from one test to the next."""
    statistics._cache.clear()
    yield
    statistics._cache.clear()


@pytest.fixture
def campaign(app: Any, people: dict[str, User]) -> Campaign:
    """A campaign with three clients, of an account the manager may send from."""
    account = factories.account(tested_at=utcnow(), users=[people["manager"]])
    made = factories.campaign(account=account)
    for _ in range(3):
        add(made)
    return made


def add(campaign: Campaign, **values: Any) -> Client:
    client = factories.customer(**values)
    members.add_clients(campaign, db.select(Client.id).where(Client.id == client.id))
    return client


def press(browser: FlaskClient, campaign: Campaign, action: str, **data: str) -> str:
    """Press a button of the page; returns the page it leads to."""
    answer = browser.post(f"/campaigns/{campaign.id}/mailing/{action}", data=data)
    assert answer.status_code == 302
    assert answer.location == f"/campaigns/{campaign.id}/mailing"
    db.session.expire_all()
    return browser.get(answer.location).text


def page_of(browser: FlaskClient, campaign: Campaign) -> str:
    return browser.get(f"/campaigns/{campaign.id}/mailing").text


def value(page: str, label: str) -> str:
    found = re.search(rf"<dt>{label}</dt>\s*<dd[^>]*>(.*?)</dd>", page, re.S)
    assert found, label
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def mails(campaign: Campaign) -> list[str]:
    query = db.select(Message.state).where(Message.campaign_id == campaign.id)
    return sorted(db.session.scalars(query))


# -- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["mailing", "live.json", "left-out/invalid", "statistics.json"])
def test_an_anonymous_visitor_is_sent_to_the_login(
    campaign: Campaign, client: FlaskClient, people: dict[str, User], page: str
) -> None:
    answer = client.get(f"/campaigns/{campaign.id}/{page}")
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_anonymous_visitor_starts_nothing(
    campaign: Campaign, client: FlaskClient, people: dict[str, User], action: str
) -> None:
    answer = client.post(f"/campaigns/{campaign.id}/mailing/{action}")
    assert answer.location.startswith("/login")
    assert mails(campaign) == []


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_only_managers_run_a_mailing(
    campaign: Campaign, login_as: LogIn, action: str, role: str
) -> None:
    answer = login_as(role).post(f"/campaigns/{campaign.id}/mailing/{action}")
    assert answer.status_code == 403
    assert campaign.state == CampaignState.DRAFT
    assert mails(campaign) == []


@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_who_only_watches_is_shown_no_buttons(
    campaign: Campaign, login_as: LogIn, role: str
) -> None:
    page = page_of(login_as(role), campaign)
    assert value(page, "Mails that leave") == "3"
    assert "/mailing/start" not in page


@pytest.mark.parametrize("action", ACTIONS)
def test_an_address_that_changes_something_is_not_fetched(
    campaign: Campaign, login_as: LogIn, action: str
) -> None:
    answer = login_as("manager").get(f"/campaigns/{campaign.id}/mailing/{action}")
    assert answer.status_code == 405
    assert mails(campaign) == []


@pytest.mark.parametrize("path", ["mailing/explode", "mailing/", "mailing/START"])
def test_an_unknown_action_is_not_found(campaign: Campaign, login_as: LogIn, path: str) -> None:
    assert login_as("manager").post(f"/campaigns/{campaign.id}/{path}").status_code == 404


@pytest.mark.parametrize("identity", ["999", str(2**31), str(10**30)])
@pytest.mark.parametrize("page", ["mailing", "live.json", "left-out/invalid"])
def test_a_campaign_that_does_not_exist_is_not_found(
    campaign: Campaign, login_as: LogIn, identity: str, page: str
) -> None:
    assert login_as("manager").get(f"/campaigns/{identity}/{page}").status_code == 404


# -- the forecast --------------------------------------------------------------------------------


def test_the_forecast_says_who_gets_it_and_who_does_not(
    campaign: Campaign, login_as: LogIn
) -> None:
    first = db.session.scalars(db.select(Client).order_by(Client.id)).first()
    add(campaign, email2="second@example.com")
    add(campaign, email1="")
    add(campaign, active=False)
    add(campaign, email1="not an address")
    add(campaign, email1="gone@example.com")
    add(campaign, email1="bounced@example.com")
    add(campaign, email1=first.email1.upper())
    suppressions.suppress("gone@example.com")
    suppressions.suppress("bounced@example.com", "bounced")
    browser = login_as("manager")
    page = page_of(browser, campaign)
    assert value(page, "Mails that leave") == "5"
    assert value(page, "Clients who get one") == "4"
    shown = re.findall(r'left-out/(\w+)">([^<]+)</a></td><td class="r">(.*?)</td>', page)
    counts = {name: re.sub(r"<[^>]+>", "", count).strip() for name, _words, count in shown}
    reasons = ("no_address", "inactive", "invalid", "removed", "suppressed", "duplicate")
    assert counts == dict.fromkeys(reasons, "1")
    for name, words, _count in shown:
        listed = browser.get(f"/campaigns/{campaign.id}/left-out/{name}").text
        assert f"Left out: {words}" in listed
        assert listed.count('<td class="lead"') == 1


def test_who_has_had_the_mail_is_left_out_of_the_next_start(
    campaign: Campaign, login_as: LogIn
) -> None:
    control.start(campaign)
    db.session.execute(db.update(Message).values(state="sent"))
    db.session.execute(db.update(Mailing).values(state="finished"))
    db.session.execute(db.update(Campaign).values(state="finished"))
    db.session.commit()
    browser = login_as("manager")
    page = page_of(browser, campaign)
    assert value(page, "Mails that leave") == "0"
    assert "There is nobody to send to." in page
    assert "/mailing/start" not in page
    listed = browser.get(f"/campaigns/{campaign.id}/left-out/already_sent").text
    assert listed.count('<td class="lead"') == 3


@pytest.mark.parametrize("reason", ["weather", "INVALID", "", "invalid'--"])
def test_an_unknown_reason_is_not_found(campaign: Campaign, login_as: LogIn, reason: str) -> None:
    answer = login_as("manager").get(f"/campaigns/{campaign.id}/left-out/{reason}")
    assert answer.status_code == 404


@pytest.mark.parametrize("number", ["-1", "x", "1e9", str(10**30), "9999"])
def test_a_page_of_the_left_out_that_is_not_there_is_empty_or_the_first(
    campaign: Campaign, login_as: LogIn, number: str
) -> None:
    add(campaign, email1="bad")
    answer = login_as("manager").get(f"/campaigns/{campaign.id}/left-out/invalid?page={number}")
    assert answer.status_code == 200


def test_a_long_list_of_left_out_is_shown_page_by_page(campaign: Campaign, login_as: LogIn) -> None:
    for n in range(51):
        add(campaign, email1=f"bad {n}", email2=f"worse {n}")
    browser = login_as("manager")
    first = browser.get(f"/campaigns/{campaign.id}/left-out/invalid").text
    assert first.count('<td class="lead"') == 100
    assert "page=1" in first
    second = browser.get(f"/campaigns/{campaign.id}/left-out/invalid?page=1").text
    assert second.count('<td class="lead"') == 2
    assert "page=2" not in second


def test_the_forecast_warns_of_a_missing_public_address_and_an_untested_account(
    campaign: Campaign, login_as: LogIn, app: Any
) -> None:
    app.config["CTM_PUBLIC_URL"] = ""
    campaign.account.tested_at = None
    db.session.commit()
    page = page_of(login_as("manager"), campaign)
    assert "CTM_PUBLIC_URL is not set" in page
    assert "The SMTP account has never been tested." in page


# -- start, pause, resume, stop, retry -----------------------------------------------------------


def test_a_mailing_is_started_paused_resumed_and_stopped(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser = login_as("manager")
    page = press(browser, campaign, "start")
    assert "3 mails are leaving." in page
    assert campaign.state == "running"
    assert mails(campaign) == ["queued"] * 3
    page = press(browser, campaign, "pause")
    assert "Paused. Resume whenever you like: nothing is lost." in page
    assert campaign.state == "paused"
    assert db.session.scalars(db.select(Mailing.state)).all() == ["paused"]
    page = press(browser, campaign, "resume")
    assert "3 mails are leaving." in page
    assert db.session.scalars(db.select(Mailing.state)).all() == ["running"]
    page = press(browser, campaign, "stop")
    assert "Stopped: 3 mails cancelled." in page
    assert campaign.state == "stopped"
    assert mails(campaign) == ["cancelled"] * 3
    page = press(browser, campaign, "start")
    assert "3 mails are leaving." in page
    assert mails(campaign) == ["queued"] * 3


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("draft", ("pause", "resume", "stop", "unschedule", "retry")),
        ("running", ("start", "resume", "schedule", "unschedule")),
        ("paused", ("start", "pause", "schedule", "unschedule", "retry")),
        ("stopped", ("pause", "resume", "stop", "unschedule")),
        ("finished", ("pause", "resume", "stop", "unschedule")),
        ("scheduled", ("pause", "resume", "stop", "retry")),
    ],
)
def test_what_does_not_fit_the_state_is_refused_in_words(
    campaign: Campaign, login_as: LogIn, state: str, refused: tuple[str, ...]
) -> None:
    campaign.state = state
    db.session.commit()
    browser = login_as("manager")
    for action in refused:
        page = press(browser, campaign, action, at="2099-01-01T10:00")
        assert "not in a state that allows this any more" in page, action
        assert campaign.state == state
        assert mails(campaign) == []


def test_a_second_start_is_refused(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    press(browser, campaign, "start")
    page = press(browser, campaign, "start")
    assert "not in a state that allows this any more" in page
    assert mails(campaign) == ["queued"] * 3


def test_a_start_with_nobody_to_send_to_is_refused(campaign: Campaign, login_as: LogIn) -> None:
    db.session.execute(db.update(Client).values(email1=""))
    db.session.commit()
    page = press(login_as("manager"), campaign, "start")
    assert "There is nobody to send to: see who is left out and why." in page
    assert campaign.state == "draft"
    assert campaign.started_at is None
    assert db.session.scalars(db.select(Mailing.id)).all() == []


def test_the_failed_are_tried_again(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    press(browser, campaign, "start")
    page = press(browser, campaign, "retry")
    assert "No mail of this campaign has failed." in page
    assert campaign.state == "running"
    db.session.execute(db.update(Message).values(state="failed", attempts=3))
    db.session.execute(db.update(Mailing).values(state="finished"))
    db.session.execute(db.update(Campaign).values(state="finished"))
    db.session.commit()
    press(browser, campaign, "retry")
    assert campaign.state == "running"
    assert mails(campaign) == ["queued"] * 3
    assert db.session.scalars(db.select(Mailing.state)).all() == ["running"]


def no_account(campaign: Campaign) -> None:
    campaign.account_id = None


def inactive_account(campaign: Campaign) -> None:
    db.session.get_one(SmtpAccount, campaign.account_id).active = False


def demo(_campaign: Campaign) -> None:
    office_settings.put("demo", "1")


def no_subject(campaign: Campaign) -> None:
    campaign.subject = "  "


def no_text(campaign: Campaign) -> None:
    campaign.body_html = ""


def unknown_field(campaign: Campaign) -> None:
    campaign.body_html = "<p>[clienti.nomme]</p>"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_account, "Choose the SMTP account"),
        (inactive_account, "The SMTP account of the campaign is not active."),
        (demo, "In the demo office only the practice account sends"),
        (no_subject, "The mail has no subject."),
        (no_text, "The mail has no text."),
        (unknown_field, "clienti.nomme"),
    ],
)
def test_a_mail_that_cannot_be_sent_is_not_started(
    campaign: Campaign, login_as: LogIn, spoil: Callable[[Campaign], None], words: str
) -> None:
    spoil(campaign)
    db.session.commit()
    page = press(login_as("manager"), campaign, "start")
    assert words in page
    assert campaign.state == "draft"
    assert mails(campaign) == []


# -- a start at a date ---------------------------------------------------------------------------


def test_a_start_is_planned_and_given_up(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("manager")
    page = press(browser, campaign, "schedule", at="2030-07-01T10:00")
    assert "The campaign starts by itself on" in page
    assert campaign.state == "scheduled"
    assert campaign.scheduled_at.isoformat() == "2030-07-01T08:00:00"
    page = press(browser, campaign, "schedule", at="2030-07-01T12:00")
    assert campaign.scheduled_at.isoformat() == "2030-07-01T10:00:00"
    page = press(browser, campaign, "unschedule")
    assert "The planned start is given up." in page
    assert (campaign.state, campaign.scheduled_at) == ("draft", None)


@pytest.mark.parametrize(
    "at",
    [
        "",
        "tomorrow",
        "2099-13-45T10:00",
        "2099-02-30T10:00",
        "10:00",
        "0001-01-01T00:00",
        "2001-01-01T10:00",
        "99999-01-01T00:00",
        "9999-12-31T23:59-14:00",
    ],
)
def test_a_moment_that_makes_no_sense_is_refused(
    campaign: Campaign, login_as: LogIn, at: str
) -> None:
    page = press(login_as("manager"), campaign, "schedule", at=at)
    assert re.search("Choose a day and a time|This moment has passed", page)
    assert (campaign.state, campaign.scheduled_at) == ("draft", None)


def test_the_last_moment_there_is_can_be_planned_and_shown(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser = login_as("manager")
    page = press(browser, campaign, "schedule", at="9999-12-31T23:59")
    assert "Starts by itself on" in page
    assert "9999" in page
    assert browser.get("/campaigns/").status_code == 200
    assert browser.get("/").status_code == 200


def test_a_planned_campaign_starts_when_its_moment_comes(campaign: Campaign) -> None:
    at = utcnow() + timedelta(hours=1)
    control.schedule(campaign, at)
    assert control.start_due(at - timedelta(seconds=1)) == 0
    assert mails(campaign) == []
    assert control.start_due(at + timedelta(seconds=30)) == 1
    assert campaign.state == "running"
    assert mails(campaign) == ["queued"] * 3
    assert control.start_due(at + timedelta(seconds=60)) == 0


def test_a_start_that_was_missed_asks_and_does_not_fire(
    campaign: Campaign, login_as: LogIn
) -> None:
    at = utcnow() + timedelta(hours=1)
    control.schedule(campaign, at)
    assert control.start_due(at + timedelta(minutes=6)) == 0
    assert (campaign.state, mails(campaign)) == ("overdue", [])
    assert control.start_due(at + timedelta(minutes=7)) == 0
    browser = login_as("manager")
    page = page_of(browser, campaign)
    assert "was missed" in page
    assert "Nothing has left" in page
    page = press(browser, campaign, "start")
    assert "3 mails are leaving." in page
    assert campaign.scheduled_at is None


def test_a_planned_start_that_is_refused_waits_for_a_person(campaign: Campaign) -> None:
    at = utcnow() + timedelta(hours=1)
    other = factories.campaign(account=factories.account())
    add(other)
    control.schedule(campaign, at)
    control.schedule(other, at)
    inactive_account(campaign)
    db.session.commit()
    assert control.start_due(at) == 1
    assert (campaign.state, mails(campaign)) == ("overdue", [])
    assert (other.state, mails(other)) == ("running", ["queued"])


# -- live ----------------------------------------------------------------------------------------


def test_the_figures_are_sent_again_only_when_they_change(
    campaign: Campaign, login_as: LogIn
) -> None:
    browser = login_as("supervisor")
    path = f"/campaigns/{campaign.id}/live.json?part=mailing"
    first = browser.get(path)
    assert first.status_code == 200
    assert first.json["total"] == 0
    assert first.headers["Cache-Control"] == "no-cache, private"
    same = browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    control.start(campaign)
    statistics._cache.clear()
    changed = browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert (changed.json["total"], changed.json["queued"]) == (3, 3)
    assert changed.json["state"] == "running"


def test_the_page_says_why_nothing_leaves(campaign: Campaign, login_as: LogIn) -> None:
    control.start(campaign)
    account = db.session.get_one(SmtpAccount, campaign.account_id)
    account.stopped_at, account.stopped_reason = utcnow(), "535 <b>wrong</b> password"
    db.session.commit()
    browser = login_as("supervisor")
    page = page_of(browser, campaign)
    assert "The account is stopped: 535 &lt;b&gt;wrong&lt;/b&gt; password" in page
    live = browser.get(f"/campaigns/{campaign.id}/live.json").json
    assert live["account"] == "The account is stopped: 535 <b>wrong</b> password"
    account.stopped_at, account.active = None, False
    db.session.commit()
    assert "The account is not active: no mail leaves." in page_of(browser, campaign)
    account.active, account.retry_at = True, utcnow() + timedelta(minutes=2)
    account.last_error = "421 too many"
    db.session.commit()
    assert "421 too many" in page_of(browser, campaign)


EVIL = "<script>alert('x')</script>"


def test_markup_in_names_and_in_the_servers_words_is_shown_as_text(
    campaign: Campaign, login_as: LogIn
) -> None:
    add(campaign, display_name=EVIL, email1="evil@example.com")
    add(campaign, display_name=EVIL, email1=EVIL)
    campaign.name = f"Spring {EVIL}"
    db.session.commit()
    control.start(campaign)
    db.session.execute(
        db.update(Message).values(state="deferred", attempted_at=utcnow(), server_words=EVIL)
    )
    db.session.commit()
    browser = login_as("manager")
    for path in ("mailing", "left-out/invalid", "statistics", "statistics?table=failed"):
        page = browser.get(f"/campaigns/{campaign.id}/{path}").text
        assert EVIL not in page, path
        assert "&lt;script&gt;alert" in page, path
    live = browser.get(f"/campaigns/{campaign.id}/live.json?part=mailing").json
    assert EVIL not in live["latest"]
    assert "&lt;script&gt;alert" in live["latest"]


@pytest.mark.parametrize("action", ["start", "schedule", "resume", "retry"])
def test_a_manager_who_is_not_enabled_for_the_account_sends_nothing(
    campaign: Campaign, login_as: LogIn, action: str
) -> None:
    campaign.account.users.clear()
    db.session.commit()
    page = press(login_as("manager"), campaign, action, at="2099-01-01T10:00")
    assert "You are not enabled to send from" in page
    assert mails(campaign) == []
    assert campaign.state == "draft"
