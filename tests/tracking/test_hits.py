"""Hits are counted once, people apart from machines, also when they come together."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from ctm import counters, suppressions
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.tracking import hits, machines, removal
from ctm.models import (
    Campaign,
    CampaignMember,
    Hit,
    HitKind,
    LinkCounter,
    Mailing,
    Message,
    MessageState,
    Outcome,
    OutcomeStatus,
    TrackedLink,
)
from tests import factories

PERSON = hits.Request("GET", "93.40.1.2", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0")


@pytest.fixture
def campaign(app: Flask) -> Campaign:
    campaign = factories.campaign()
    for outcome in (Outcome.SENT, Outcome.READ, Outcome.CLICKED, Outcome.REMOVED):
        status = factories.list_status(outcome.value)
        db.session.add(
            OutcomeStatus(campaign_id=campaign.id, outcome=outcome, list_status_id=status.id)
        )
    db.session.commit()
    return campaign


@pytest.fixture
def message(campaign: Campaign) -> Message:
    """A mail delivered an hour ago, with four links."""
    client = factories.customer()
    member = factories.member(campaign, client)
    mailing = Mailing(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        from_email="office@office.example",
        subject="Renewal",
        options={"language": "en"},
        links=[TrackedLink(position=n, url=f"https://office.example/{n}") for n in range(1, 5)],
    )
    db.session.add(mailing)
    db.session.flush()
    record = Message(
        mailing_id=mailing.id,
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        member_id=member.id,
        client_id=client.id,
        recipient_key=client.email1,
        to_address=client.email1,
        message_id="<1@office.example>",
        state=MessageState.SENT,
        sent_at=utcnow() - timedelta(hours=1),
    )
    db.session.add(record)
    db.session.commit()
    return record


def _status(message: Message) -> str:
    db.session.expire_all()
    member = db.session.get_one(CampaignMember, message.member_id)
    return member.list_status.name if member.list_status else ""


def _counts(url: str) -> tuple[int, int, int]:
    db.session.expire_all()
    row = db.session.query(LinkCounter).filter_by(url=url).one()
    return row.requests, row.people, row.machines


def _click(message: Message, position: int, request: hits.Request = PERSON) -> None:
    link = hits.link_of(message.id, position)
    assert link is not None
    hits.record(message.id, HitKind.CLICK, request, link)


def test_a_person_opening_twice_is_one_reader_with_two_requests(message: Message) -> None:
    hits.record(message.id, HitKind.OPEN, PERSON)
    hits.record(message.id, HitKind.OPEN, PERSON)

    assert counters.read(message.campaign_id)["read"] == 1
    assert _counts("READ") == (2, 1, 0)
    assert _status(message) == "read"
    assert (message.opens, message.opened_at is not None) == (2, True)


def test_a_click_moves_the_list_status_and_counts_its_url(message: Message) -> None:
    _click(message, 2)
    _click(message, 2)

    assert counters.read(message.campaign_id)["clicked"] == 1
    assert _counts("https://office.example/2") == (2, 1, 0)
    assert _status(message) == "clicked"


def test_a_machine_moves_nothing_and_is_counted_apart(message: Message) -> None:
    hits.record(message.id, HitKind.OPEN, hits.Request("HEAD", "93.40.1.2", "Mozilla/5.0 (X)"))

    kept = counters.read(message.campaign_id)
    assert (kept.get("read", 0), kept["machine_read"]) == (0, 1)
    assert _counts("READ") == (0, 0, 1)
    assert _status(message) == ""
    assert message.opened_at is None
    assert db.session.query(Hit).one().machine == "head"


def test_all_links_at_once_are_taken_back_as_a_machines(message: Message) -> None:
    hits.record(message.id, HitKind.OPEN, PERSON)
    for position in (1, 2, 3):
        _click(message, position)

    kept = counters.read(message.campaign_id)
    assert (kept["clicked"], kept["machine_clicked"]) == (0, 3)
    assert _counts("https://office.example/1") == (0, 0, 1)
    assert _status(message) == "read"
    assert (message.clicks, message.clicked_at) == (0, None)
    assert {h.machine for h in db.session.query(Hit).filter_by(kind="click")} == {"all_links"}


def test_a_scanner_that_goes_on_after_the_third_link_stays_a_machine(message: Message) -> None:
    for position in (1, 2, 3, 4):
        _click(message, position)

    kept = counters.read(message.campaign_id)
    assert (kept["clicked"], kept["machine_clicked"]) == (0, 4)
    assert _counts("https://office.example/4") == (0, 0, 1)
    assert _status(message) == "sent"
    assert (message.clicks, message.machine_hits, message.clicked_at) == (0, 4, None)


@pytest.mark.parametrize("state", [MessageState.CLAIMED, MessageState.SENDING])
def test_who_asks_before_the_delivery_is_written_down_is_a_machine(
    message: Message, state: MessageState
) -> None:
    message.state = state
    message.sent_at = None
    db.session.commit()

    hits.record(message.id, HitKind.OPEN, PERSON)

    assert counters.read(message.campaign_id) == {"machine_read": 1}
    assert db.session.query(Hit).one().machine == "too_soon"


def test_an_undecided_mail_that_is_opened_was_read(message: Message) -> None:
    message.state = MessageState.UNCERTAIN
    message.sent_at = None
    db.session.commit()

    hits.record(message.id, HitKind.OPEN, PERSON)

    assert counters.read(message.campaign_id)["read"] == 1


def test_a_test_mail_is_not_counted(message: Message) -> None:
    message.campaign_id = None
    db.session.commit()

    hits.record(message.id, HitKind.OPEN, PERSON)

    assert db.session.query(Hit).count() == 0
    assert db.session.query(LinkCounter).count() == 0


def test_a_message_that_is_gone_is_not_counted(app: Flask) -> None:
    hits.record(999_999, HitKind.OPEN, PERSON)

    assert db.session.query(Hit).count() == 0


def test_a_place_that_is_not_in_the_mail_has_no_link(message: Message) -> None:
    assert hits.link_of(message.id, 0) is None
    assert hits.link_of(message.id, 5) is None


def test_hits_at_the_same_moment_count_one_reader(app: Flask, message: Message) -> None:
    number, campaign_id = message.id, message.campaign_id
    db.session.remove()

    def open_mail(_n: int) -> None:
        with app.app_context():
            hits.record(number, HitKind.OPEN, PERSON)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_mail, range(24)))

    assert counters.read(campaign_id)["read"] == 1
    assert _counts("READ") == (24, 1, 0)
    assert db.session.get_one(Message, number).opens == 24


def test_removing_twice_removes_once_and_holds(message: Message) -> None:
    removal.remove(message.id, PERSON)
    removal.remove(message.id, PERSON)

    assert counters.read(message.campaign_id)["removed"] == 1
    assert suppressions.is_suppressed(message.to_address)
    assert _status(message) == "removed"


def test_a_click_after_the_removal_leaves_it_removed(message: Message) -> None:
    removal.remove(message.id, PERSON)
    _click(message, 1)

    assert _status(message) == "removed"


def test_looking_at_the_remove_page_removes_nobody(message: Message) -> None:
    subject = removal.find(message.id)

    assert subject is not None
    assert not subject.removed
    assert not suppressions.is_suppressed(message.to_address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [("giorgio@x.it", "g•••o@x.it"), ("ab@x.it", "a•••@x.it"), ("a@x.it", "a•••@x.it")],
)
def test_the_address_is_masked(address: str, shown: str) -> None:
    assert removal.masked(address) == shown


FIREFOX = PERSON.user_agent
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; "
    "Microsoft Outlook 16.0.11328; ms-office; MSOffice 16)"
)


@pytest.mark.parametrize(
    ("method", "agent", "ip", "seconds", "why"),
    [
        ("HEAD", FIREFOX, "93.40.1.2", 3600, "head"),
        ("GET", "", "93.40.1.2", 3600, "no_agent"),
        ("GET", "   ", "93.40.1.2", 3600, "no_agent"),
        ("GET", "Mozilla/5.0", "93.40.1.2", 3600, "agent"),
        ("GET", "curl/8.5.0", "93.40.1.2", 3600, "agent"),
        ("GET", "python-requests/2.32", "93.40.1.2", 3600, "agent"),
        ("GET", "BarracudaCentral", "93.40.1.2", 3600, "agent"),
        ("GET", "Mozilla/5.0 (compatible; bingbot/2.0)", "93.40.1.2", 3600, "agent"),
        ("GET", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "93.40.1.2", 3600, "agent"),
        ("GET", "Microsoft Office Existence Discovery", "93.40.1.2", 3600, "agent"),
        ("GET", OUTLOOK, "93.40.1.2", 3600, ""),
        ("GET", "Microsoft Office/16.0 (Microsoft Outlook 16.0.1; Pro)", "93.40.1.2", 3600, ""),
        ("GET", FIREFOX, "17.58.1.1", 3600, "network"),
        ("GET", FIREFOX, "93.40.1.2", 1, "too_soon"),
        ("GET", FIREFOX, "93.40.1.2", 3600, ""),
        ("GET", FIREFOX, "not an address", 3600, ""),
        ("GET", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "66.249.93.1", 3600, ""),
        ("GET", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "66.249.93.1", 1, "too_soon"),
    ],
)
def test_machines_are_told_by_reason(
    method: str, agent: str, ip: str, seconds: int, why: str
) -> None:
    now = utcnow()

    assert machines.reason(method, agent, ip, now, now - timedelta(seconds=seconds)) == why


def test_on_the_practice_mailbox_a_person_opens_at_once() -> None:
    now = utcnow()

    assert machines.reason("GET", FIREFOX, "127.0.0.1", now, now, practice=True) == ""
