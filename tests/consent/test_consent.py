"""Purposes and consent: who may be written to, and the proof of it."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import consent
from ctm.clock import utcnow
from ctm.consent import purposes
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.mailing.tracking import removal
from ctm.mailing.tracking.hits import Request
from ctm.models import (
    Client,
    Consent,
    ConsentEvent,
    Mailing,
    MailingKind,
    Message,
    Purpose,
)
from tests import factories


def purpose(name: str = "Offers", **values: Any) -> Purpose:
    return purposes.create({"name": name, "needs_consent": True, "marketing": True} | values)


def say(client: Client, of: Purpose, state: str, **more: Any) -> ConsentEvent:
    return consent.record(client, of, state, **{"source": "phone"} | more)


def message_to(client: Client, about: Purpose | None = None) -> Message:
    account = factories.account()
    mailing = Mailing(
        kind=MailingKind.LIST,
        account_id=account.id,
        from_email=account.from_email,
        subject="Offer of the month",
        purpose_id=about.id if about else None,
    )
    db.session.add(mailing)
    db.session.flush()
    message = Message(
        mailing_id=mailing.id,
        account_id=account.id,
        client_id=client.id,
        recipient_key=client.email1,
        to_address=client.email1,
        message_id=f"<{client.id}@office.example>",
        state="sent",
    )
    db.session.add(message)
    db.session.commit()
    return message


@pytest.mark.parametrize(
    ("needs_consent", "marketing", "expected"),
    [
        (True, True, {"given"}),
        (True, False, {"given"}),
        (False, True, {"given", "never asked"}),
        (False, False, {"given", "refused", "withdrawn", "never asked"}),
    ],
)
def test_who_may_be_written_to_follows_from_what_the_purpose_needs(
    app: Flask, needs_consent: bool, marketing: bool, expected: set[str]
) -> None:
    of = purpose(needs_consent=needs_consent, marketing=marketing)
    other = purpose("Something else")
    clients = {
        name: factories.customer() for name in ("given", "refused", "withdrawn", "never asked")
    }
    for name, client in clients.items():
        say(client, other, "given")
        if name != "never asked":
            say(client, of, name)
    names = {client.id: name for name, client in clients.items()}

    by_set = consent.allowed(db.session, names, of.id)
    by_query = db.session.scalars(select(Client.id).where(consent.condition(of))).all()

    assert {names[each] for each in by_set} == expected
    assert {names[each] for each in by_query} == expected


def test_more_clients_than_fit_one_statement_are_asked_for(app: Flask) -> None:
    of = purpose()
    client = factories.customer()
    say(client, of, "given")

    assert consent.allowed(db.session, range(1, 12_000), of.id) == {client.id}


def test_a_filter_finds_each_standing(app: Flask) -> None:
    of = purpose()
    given, never = factories.customer(), factories.customer()
    say(given, of, "given")

    def found(state: str) -> list[int]:
        return list(db.session.scalars(select(Client.id).where(consent.stands(of.id, state))))

    assert (found("given"), found("none"), found("refused")) == ([given.id], [never.id], [])
    with pytest.raises(InvalidInput):
        consent.stands(of.id, "perhaps")


def test_the_last_word_counts_whenever_it_is_entered(app: Flask) -> None:
    of, client = purpose(), factories.customer()
    now = utcnow()
    say(client, of, "withdrawn", at=now - timedelta(days=1))
    say(client, of, "given", at=now - timedelta(days=30), source="paper")

    assert consent.standings([client.id])[client.id, of.id].state == "withdrawn"
    assert [event.state for event, _name in consent.latest(client.id)] == ["withdrawn", "given"]


def test_the_proof_says_who_when_how_and_in_which_words(app: Flask, people: Any) -> None:
    of, client = purpose(), factories.customer()
    said = utcnow() - timedelta(days=3)
    say(
        client,
        of,
        "given",
        source="page",
        at=said,
        wording="I agree to offers.",
        address="Someone@Example.COM",
        ip="192.0.2.7",
        note="stand at the fair",
        user=people["operator"],
    )

    ((event, name),) = consent.latest(client.id)
    assert (event.at, event.source, event.wording) == (said, "page", "I agree to offers.")
    assert (event.address, event.ip, event.note) == (
        "Someone@example.com",
        "192.0.2.7",
        "stand at the fair",
    )
    assert name == people["operator"].name
    assert event.recorded_at > said


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"state": "maybe"}, "state"),
        ({"source": "dream"}, "source"),
        ({"at": utcnow() + timedelta(days=2)}, "at"),
        ({"at": utcnow().replace(year=1890)}, "at"),
        ({"wording": "x" * 4001}, "wording"),
        ({"wording": "bell \x07"}, "wording"),
        ({"note": "x" * 4001}, "note"),
        ({"address": "not an address"}, "address"),
    ],
)
def test_it_refuses_a_proof_that_proves_nothing(
    app: Flask, values: dict[str, Any], field: str
) -> None:
    of, client = purpose(), factories.customer()

    with pytest.raises(InvalidInput) as refused:
        consent.record(client, of, **{"state": "given", "source": "phone"} | values)

    assert refused.value.field == field
    assert db.session.scalar(select(func.count()).select_from(ConsentEvent)) == 0


def test_an_unknown_purpose_allows_nobody(app: Flask) -> None:
    with pytest.raises(NotFound):
        consent.allowed(db.session, [1], 999)


def test_the_remove_link_withdraws_marketing_with_proof(app: Flask) -> None:
    client = factories.customer()
    offers, news = purpose("Offers"), purpose("News", needs_consent=False)
    service = purpose("Contract", needs_consent=False, marketing=False)
    survey = purpose("Surveys", marketing=False)
    for of in (offers, service, survey):
        say(client, of, "given")
    message = message_to(client, offers)

    removal.remove(message.id, Request("POST", "192.0.2.9", "a browser"))
    removal.remove(message.id, Request("POST", "192.0.2.9", "a browser"))

    standing = {of: kept.state for (_client, of), kept in consent.standings([client.id]).items()}
    assert standing == {
        offers.id: "withdrawn",
        news.id: "withdrawn",
        service.id: "given",
        survey.id: "given",
    }
    events = [event for event, _name in consent.latest(client.id) if event.state == "withdrawn"]
    assert len(events) == 2
    assert {event.source for event in events} == {"remove_link"}
    assert {event.ip for event in events} == {"192.0.2.9"}
    assert {event.address for event in events} == {client.email1}
    assert all("Offer of the month" in event.wording for event in events)
    assert {event.note for event in events} == {message.message_id}


def test_consent_given_again_is_withdrawn_again_by_an_old_mail(app: Flask) -> None:
    client, of = factories.customer(), purpose()
    message = message_to(client, of)
    say(client, of, "given", at=utcnow() - timedelta(days=2))
    removal.remove(message.id, Request("POST", "192.0.2.9", ""))
    say(client, of, "given")

    removal.remove(message.id, Request("POST", "192.0.2.9", ""))

    assert consent.standings([client.id])[client.id, of.id].state == "withdrawn"


def test_a_mail_without_client_withdraws_nothing(app: Flask) -> None:
    client, of = factories.customer(), purpose()
    say(client, of, "given")
    message = message_to(client, of)
    message.client_id = None
    db.session.commit()

    assert removal.remove(message.id, Request("POST", "192.0.2.9", "")) is not None
    assert consent.standings([client.id])[client.id, of.id].state == "given"


def test_an_office_starts_with_purposes_it_can_use(app: Flask) -> None:
    assert purposes.ensure_defaults("it") == 4
    assert purposes.ensure_defaults("it") == 0
    db.session.commit()

    kept = {each.name: (each.needs_consent, each.marketing) for each in purposes.active()}
    assert kept["Gestione del contratto"] == (False, False)
    assert kept["Scadenze e pagamenti"] == (False, False)
    assert kept["Marketing"] == (True, True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "OFFERS"}, "name"),
        ({"name": "B", "position": "first"}, "position"),
        ({"name": "B", "position": "-1"}, "position"),
        ({"name": "B", "position": "10000"}, "position"),
        ({"name": "B", "description": "x" * 4001}, "description"),
        ({"name": "B", "description": "\x00"}, "description"),
    ],
)
def test_a_purpose_that_cannot_be_kept_is_refused(
    app: Flask, values: dict[str, Any], field: str
) -> None:
    purpose()
    with pytest.raises(InvalidInput) as refused:
        purposes.create(values)
    assert refused.value.field == field
    db.session.rollback()
    assert len(purposes.every()) == 1


def test_a_purpose_in_use_cannot_be_deleted_only_made_not_active(app: Flask) -> None:
    used, unused = purpose(), purpose("Unused")
    say(factories.customer(), used, "refused")

    purposes.delete(unused)
    with pytest.raises(Conflict):
        purposes.delete(used)
    purposes.update(used, {"name": "Offers", "active": False})

    assert purposes.every() == [used]
    assert purposes.active() == []


@pytest.mark.parametrize("given", ["abc", "-1", "0", "99999999999", "٣", "1; drop table"])
def test_a_choice_that_was_not_offered_is_refused(app: Flask, given: str) -> None:
    with pytest.raises(InvalidInput):
        purposes.chosen(given)


def test_a_purpose_no_longer_active_cannot_be_chosen(app: Flask) -> None:
    of = purpose(active=False)
    with pytest.raises(InvalidInput):
        purposes.chosen(str(of.id))
    assert purposes.chosen("") is None


def test_a_deleted_client_takes_its_consents_along(app: Flask) -> None:
    client, of = factories.customer(), purpose()
    say(client, of, "given")
    db.session.delete(client)
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(Consent)) == 0
