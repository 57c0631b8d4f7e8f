"""Who gets a campaign's mail and who is left out, reason by reason."""

from typing import Any

import pytest
from flask import Flask

from ctm import suppressions
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.mailing import control, recipients
from ctm.models import Campaign, Client, Contact, Message, MessageState, Suppression
from tests import factories


@pytest.fixture
def campaign(app: Flask) -> Campaign:
    return factories.campaign()


def enter(campaign: Campaign, **values: Any) -> Client:
    client = factories.customer(**values)
    factories.member(campaign, client)
    return client


def contact(client: Client, email: str, **values: Any) -> None:
    db.session.add(Contact(client_id=client.id, email=email, first_name="Ugo", **values))
    db.session.commit()


def left_out(campaign: Campaign) -> dict[str, int]:
    return recipients.tally(db.session, campaign).left_out


def queued(campaign: Campaign) -> list[str]:
    control.start(campaign)
    query = db.select(Message.to_address).where(Message.campaign_id == campaign.id)
    return sorted(db.session.scalars(query))


def test_a_client_without_an_address_in_the_chosen_fields_is_named(campaign: Campaign) -> None:
    lonely = enter(campaign, email1="", email3="unused@example.com")
    enter(campaign)
    assert left_out(campaign) == {"no_address": 1}
    [found] = recipients.left_out(db.session, campaign, "no_address")
    assert (found.client_id, found.name, found.address) == (lonely.id, lonely.display_name, "")


def test_a_client_who_is_not_active_gets_nothing(campaign: Campaign) -> None:
    enter(campaign, active=False)
    assert left_out(campaign) == {"inactive": 1}


@pytest.mark.parametrize(
    "address",
    [
        "nothing",
        "@example.com",
        "anna@",
        "a@b@example.com",
        "anna rossi@example.com",
        "anna@example..com",
        "anna@.example.com",
        "anna@example.com.",
        "anna@example.com,carlo@example.com",
        "anna@example.com;carlo@example.com",
        "anna@example.com\r\nBcc: all@example.com",
        "Anna <anna@example.com>",
        "   ",
    ],
)
def test_what_is_no_address_gets_nothing(campaign: Campaign, address: str) -> None:
    enter(campaign, email1=address)
    tally = recipients.tally(db.session, campaign)
    assert (tally.will_go, tally.left_out) == (0, {"invalid": 1})


def test_removed_and_suppressed_addresses_are_told_apart(campaign: Campaign) -> None:
    enter(campaign, email1="Gone@Example.com")
    enter(campaign, email1="bounced@example.com")
    suppressions.suppress("gone@example.com", "removed")
    suppressions.suppress("BOUNCED@example.com", "bounced")
    assert left_out(campaign) == {"removed": 1, "suppressed": 1}


def test_one_address_of_two_clients_gets_one_mail(campaign: Campaign) -> None:
    first = enter(campaign, email1="Family@Example.com")
    second = enter(campaign, email1="family@example.COM")
    assert left_out(campaign) == {"duplicate": 1}
    [found] = recipients.left_out(db.session, campaign, "duplicate")
    assert found.client_id == second.id
    assert queued(campaign) == ["Family@Example.com"]
    assert db.session.scalars(db.select(Message.client_id)).all() == [first.id]


def test_the_same_address_twice_on_one_client_gets_one_mail(campaign: Campaign) -> None:
    enter(campaign, email1="anna@example.com", email2="ANNA@example.com ")
    tally = recipients.tally(db.session, campaign)
    assert (tally.will_go, tally.clients, tally.left_out) == (1, 1, {"duplicate": 1})
    assert queued(campaign) == ["anna@example.com"]


def test_a_second_address_goes_out_when_the_first_is_no_good(campaign: Campaign) -> None:
    enter(campaign, email1="gone@example.com", email2="anna@example.com")
    suppressions.suppress("gone@example.com")
    assert left_out(campaign) == {"removed": 1}
    assert queued(campaign) == ["anna@example.com"]


def test_a_duplicate_of_an_inactive_client_is_no_duplicate(campaign: Campaign) -> None:
    enter(campaign, email1="both@example.com", active=False)
    enter(campaign, email1="both@example.com")
    tally = recipients.tally(db.session, campaign)
    assert (tally.will_go, tally.left_out) == (1, {"inactive": 1})


def test_contacts_get_mail_only_where_the_campaign_says_so(campaign: Campaign) -> None:
    client = enter(campaign, email1="office@example.com")
    contact(client, "ugo@example.com")
    assert recipients.tally(db.session, campaign).will_go == 1
    campaign.use_contacts = True
    db.session.commit()
    assert recipients.tally(db.session, campaign).will_go == 2
    assert queued(campaign) == ["office@example.com", "ugo@example.com"]


def test_contacts_are_left_out_for_the_same_reasons(campaign: Campaign) -> None:
    campaign.use_contacts = True
    client = enter(campaign, email1="office@example.com")
    contact(client, "OFFICE@example.com")
    contact(client, "former@example.com", active=False)
    contact(client, "gone@example.com")
    contact(client, "not an address")
    asleep = enter(campaign, email1="", active=False)
    contact(asleep, "asleep@example.com")
    suppressions.suppress("gone@example.com")
    assert left_out(campaign) == {"inactive": 2, "invalid": 1, "removed": 1, "duplicate": 1}


def test_a_client_reached_through_a_contact_is_not_without_address(campaign: Campaign) -> None:
    campaign.use_contacts = True
    client = enter(campaign, email1="")
    contact(client, "ugo@example.com")
    assert left_out(campaign) == {}


def test_with_no_address_field_chosen_everybody_is_without_address(campaign: Campaign) -> None:
    campaign.use_email1 = campaign.use_email2 = False
    enter(campaign)
    enter(campaign)
    tally = recipients.tally(db.session, campaign)
    assert (tally.will_go, tally.left_out) == (0, {"no_address": 2})


def test_who_got_the_campaign_is_not_written_to_again(campaign: Campaign) -> None:
    enter(campaign, email1="anna@example.com")
    control.start(campaign)
    for state in MessageState:
        db.session.execute(db.update(Message).values(state=state.value))
        again = state in recipients.ALLOWED_AGAIN
        expected = {} if again else {"already_sent": 1}
        assert (state, left_out(campaign)) == (state, expected)


def test_another_campaign_writes_to_the_same_client(campaign: Campaign) -> None:
    client = enter(campaign)
    control.start(campaign)
    other = factories.campaign()
    factories.member(other, client)
    assert recipients.tally(db.session, other).will_go == 1


def test_each_candidate_is_counted_once(campaign: Campaign) -> None:
    campaign.use_email3 = True
    enter(campaign, email1="a@example.com", email2="b@example.com", email3="bad")
    enter(campaign, email1="A@example.com", email2="gone@example.com")
    enter(campaign, email1="", email2="")
    suppressions.suppress("gone@example.com", "by_hand")
    tally = recipients.tally(db.session, campaign)
    assert tally.left_out == {"no_address": 1, "invalid": 1, "suppressed": 1, "duplicate": 1}
    assert (tally.will_go, tally.clients) == (2, 1)
    assert queued(campaign) == ["a@example.com", "b@example.com"]


def test_every_left_out_address_is_shown_over_the_pages(campaign: Campaign) -> None:
    for _ in range(3):
        enter(campaign, email1="bad", email2="worse")
    pages = [control.left_out(campaign, "invalid", limit=2, skip=skip) for skip in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 2, 0]
    seen = [(row.member_id, row.address) for page in pages for row in page]
    assert len(set(seen)) == 6


def test_a_reason_that_does_not_exist_is_refused(campaign: Campaign) -> None:
    with pytest.raises(InvalidInput, match="no such reason"):
        control.left_out(campaign, "weather")


def test_an_address_suppressed_by_hand_in_the_table_is_left_out(campaign: Campaign) -> None:
    enter(campaign, email1="anna@example.com")
    db.session.add(Suppression(address="anna@example.com", reason="complaint"))
    db.session.commit()
    assert left_out(campaign) == {"suppressed": 1}
