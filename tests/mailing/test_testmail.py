"""A test mail: one, to whoever asks, counted nowhere."""

import pytest
from flask import Flask

from ctm import counters, suppressions
from ctm import settings as office_settings
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.mailing import control, testmail
from ctm.mailing.engine.command import build_worker
from ctm.models import AuditEntry, Campaign, Mailing, Message, User
from tests import factories
from tests.mailing.engine.servers import SmtpSink

ME = "me@office.example"


@pytest.fixture
def author(app: Flask) -> User:
    return factories.user(name="Anna")


@pytest.fixture
def campaign(app: Flask, sink: SmtpSink) -> Campaign:
    return factories.campaign(account=factories.account(port=sink.port), bcc="archive@x.example")


def body(sink: SmtpSink) -> str:
    return sink.content().decode("utf-8", "replace")


def test_it_is_filled_in_for_the_chosen_client_and_goes_to_the_author_alone(
    campaign: Campaign, author: User, sink: SmtpSink
) -> None:
    client = factories.customer(first_name="Giulia")
    factories.member(campaign, client)
    testmail.send_test(campaign, ME, client, author)
    assert build_worker().run(until_idle=True) == 1
    assert sink.deliveries() == {ME: 1}
    assert "Subject: Renewal for Giulia" in body(sink)
    assert client.email1 not in body(sink)


def test_without_a_client_the_fields_have_sample_values(
    campaign: Campaign, author: User, sink: SmtpSink
) -> None:
    testmail.send_test(campaign, ME, None, author)
    assert build_worker().run(until_idle=True) == 1
    assert "[clienti.nome]" not in body(sink)
    assert "Subject: Renewal for " in body(sink)


def test_it_counts_in_no_statistics_and_moves_no_state(
    campaign: Campaign, author: User, sink: SmtpSink
) -> None:
    client = factories.customer()
    factories.member(campaign, client)
    testmail.send_test(campaign, client.email1, client, author)
    build_worker().run(until_idle=True)
    db.session.expire_all()
    assert counters.read(campaign.id) == {}
    assert campaign.state == "draft"
    assert control.forecast(campaign).will_go == 1
    assert db.session.scalars(db.select(Mailing.state)).all() == ["finished"]


def test_it_overtakes_a_campaign_that_is_leaving(
    campaign: Campaign, author: User, sink: SmtpSink
) -> None:
    for _ in range(20):
        factories.member(campaign, factories.customer())
    campaign.account.connections = 1
    campaign.bcc = ""
    control.start(campaign)
    testmail.send_test(campaign, ME, None, author)
    build_worker().run(until_idle=True)
    order = db.session.scalars(db.select(Message.to_address).order_by(Message.sent_at)).all()
    assert order[0] == ME


def test_asking_twice_sends_two(campaign: Campaign, author: User, sink: SmtpSink) -> None:
    testmail.send_test(campaign, ME, None, author)
    testmail.send_test(campaign, ME, None, author)
    assert build_worker().run(until_idle=True) == 2
    assert db.session.query(AuditEntry).filter_by(action="campaign.test").count() == 2


def test_a_removed_address_gets_not_even_a_test(
    campaign: Campaign, author: User, sink: SmtpSink
) -> None:
    suppressions.suppress(ME)
    message = testmail.send_test(campaign, ME, None, author)
    assert build_worker().run(until_idle=True) == 0
    db.session.expire_all()
    assert (message.state, message.reason) == ("skipped", "removed")


@pytest.mark.parametrize(
    "address",
    ["", "me", "me@", "me@office.example, you@office.example", "me@office.example\r\nBcc: x@y.zz"],
)
def test_what_is_no_address_is_refused(campaign: Campaign, author: User, address: str) -> None:
    with pytest.raises(CtmError):
        testmail.send_test(campaign, address, None, author)
    assert db.session.scalars(db.select(Mailing)).all() == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"subject": ""}, "no subject"),
        ({"body_html": " "}, "no text"),
        ({"subject": "[clienti.nomme]"}, "nomme"),
        ({"account_id": None}, "Choose the SMTP account"),
    ],
)
def test_a_mail_that_cannot_be_made_is_refused_in_words(
    campaign: Campaign, author: User, values: dict[str, str | None], words: str
) -> None:
    for name, value in values.items():
        setattr(campaign, name, value)
    db.session.commit()
    with pytest.raises(CtmError) as refused:
        testmail.send_test(campaign, ME, None, author)
    assert words in str(refused.value)
    assert db.session.scalars(db.select(Message)).all() == []


def test_the_demo_office_tests_nothing_outside(campaign: Campaign, author: User) -> None:
    office_settings.put("demo", True)
    with pytest.raises(CtmError, match="practice account"):
        testmail.send_test(campaign, ME, None, author)
