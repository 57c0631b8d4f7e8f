"""Entering and changing clients: what is refused, what is derived, who wins."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from ctm.clients import checks, operations
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.models import AuditEntry, Client, Contact, MessageState
from tests import factories

pytestmark = pytest.mark.usefixtures("app")

GOOD = {"last_name": "Rossi", "first_name": "Maria"}


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("tax_code", "RSSMRA80A01F205", "16 characters"),
        ("tax_code", "RSSMRA80A01F205Z", "last character"),
        ("tax_code", "1234567890123456", "not a tax code"),
        ("vat_number", "0123456789", "11 digits; this has 10"),
        ("vat_number", "00743110158", "last digit"),
        ("vat_number", "XX123", "not a VAT number"),
        ("birth_date", "31/02/1980", "not a date"),
        ("birth_date", "01/01/3000", "in the future"),
        ("birth_date", "01/01/0080", "too long ago"),
        ("sex", "X", "not F or M"),
        ("kind", "alien", "not a kind"),
        ("email1", "maria@", "not an e-mail address"),
        ("email2", "maria@example.com, luca@example.com", "e-mail address"),
        ("email3", "maria@example.com\r\nBcc: x@example.com", "not an e-mail address"),
        ("phone", "ask Maria", "digits"),
        ("mobile", "3,39123E+11", "rounded this number"),
        ("website", "javascript:alert(1)", "https://"),
        ("city", "x" * 121, "at most 120"),
        ("city", "Mila\x00no", "cannot be written"),
        ("profession", "#N/A", "mend the formula"),
        ("active", "maybe", "neither yes nor no"),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(field: str, text: str, words: str) -> None:
    with pytest.raises(checks.InvalidFields) as refusal:
        operations.create(GOOD | {field: text})
    assert words in str(refusal.value.errors[field])
    assert db.session.scalar(select(Client)) is None


def test_every_bad_value_is_named_at_once() -> None:
    with pytest.raises(checks.InvalidFields) as refusal:
        operations.create(GOOD | {"tax_code": "x", "email1": "x", "birth_date": "x"})
    assert set(refusal.value.errors) == {"tax_code", "email1", "birth_date"}


def test_a_client_needs_a_name() -> None:
    with pytest.raises(checks.InvalidFields) as refusal:
        operations.create({"email1": "who@example.com"})
    assert "last_name" in refusal.value.errors


def test_values_are_kept_in_one_form() -> None:
    client = operations.create(
        {
            "last_name": "  De   Santis ",
            "first_name": "Chloé",
            "tax_code": "rssmra80a01f205x",
            "vat_number": "IT 00743110157",
            "birth_date": "1/2/1980",
            "email1": "Chloe@EXAMPLE.com",
            "phone": "+39 02 123.456",
            "sex": "femmina",
            "kind": "Azienda",
            "active": "sì",
        }
    )
    assert client.last_name == "De Santis"
    assert client.display_name == "De Santis Chloé"
    assert client.tax_code == "RSSMRA80A01F205X"
    assert client.vat_number == "00743110157"
    assert client.birth_date == date(1980, 2, 1)
    assert client.email1 == "chloe@example.com"
    assert (client.sex, client.kind, client.active) == ("F", "company", True)
    assert {"chloe", "santis", "chloe@example.com", "3902123456"} <= set(client.search_text.split())


def test_a_foreign_vat_number_keeps_its_prefix() -> None:
    client = operations.create(GOOD | {"vat_number": "de 136695976"})
    assert client.vat_number == "DE136695976"


def test_a_company_is_called_by_its_company_name() -> None:
    client = operations.create({"kind": "company", "company_name": "Beta Srl", "last_name": "Neri"})
    assert client.display_name == "Beta Srl"


def test_two_clients_cannot_share_a_code() -> None:
    operations.create(GOOD | {"code": "C1"})
    with pytest.raises(InvalidInput, match="already has this code"):
        operations.create(GOOD | {"code": "C1"})


def test_a_change_made_meanwhile_by_another_is_not_overwritten() -> None:
    client = operations.create(GOOD)
    seen = client.updated_at
    operations.update(client, {"city": "Roma"}, seen)
    with pytest.raises(Conflict, match="meanwhile"):
        operations.update(client, {"city": "Milano"}, seen - timedelta(seconds=1))
    assert client.city == "Roma"


def test_changes_are_in_the_audit_log() -> None:
    client = operations.create(GOOD)
    operations.update(client, {"city": "Roma"})
    entry = db.session.scalar(select(AuditEntry).where(AuditEntry.action == "client.update"))
    assert entry is not None
    assert entry.detail == {"fields": ["city"]}


def test_others_with_the_same_codes_or_addresses_are_found() -> None:
    first = operations.create(GOOD | {"tax_code": "RSSMRA80A01F205X", "email2": "a@example.com"})
    assert operations.duplicates({"tax_code": "rssmra80a01f205x"}) == [first]
    assert operations.duplicates({"email1": "A@example.com"}) == [first]
    assert operations.duplicates({"email1": "A@example.com"}, besides=first.id) == []
    assert operations.duplicates({"email1": "not an address"}) == []


def test_a_contact_is_found_by_the_search_of_its_client() -> None:
    client = operations.create(GOOD)
    contact = operations.save_contact(client, {"first_name": "Luca", "email": "luca@beta.example"})
    assert "luca@beta.example" in client.search_text
    operations.delete_contact(client, contact)
    assert "luca" not in client.search_text
    assert db.session.scalar(select(Contact)) is None


def test_a_contact_needs_a_name_or_an_address() -> None:
    client = operations.create(GOOD)
    with pytest.raises(checks.InvalidFields, match="name or an e-mail"):
        operations.save_contact(client, {"phone": "02 123"})


def test_a_contact_of_another_client_is_not_found() -> None:
    one, two = operations.create(GOOD), operations.create(GOOD)
    contact = operations.save_contact(one, {"last_name": "Neri"})
    with pytest.raises(Exception, match="no such contact"):
        operations.get_contact(two, contact.id)


def test_clients_are_deactivated_and_deleted_in_numbers() -> None:
    ids = [operations.create(GOOD | {"city": f"City {n}"}).id for n in range(3)]
    assert operations.deactivate(ids[:2]) == 2
    assert operations.deactivate(ids) == 1
    assert operations.delete(ids) == 3
    assert db.session.scalar(select(Client)) is None


def test_a_client_with_waiting_mail_is_not_deleted(app: Flask) -> None:
    client = factories.customer()
    campaign = factories.campaign()
    member = factories.member(campaign, client)
    factories_message(campaign, client, member)
    with pytest.raises(Conflict, match="1 of these clients"):
        operations.delete([client.id])
    assert db.session.get(Client, client.id) is not None


def factories_message(campaign, client, member) -> None:  # type: ignore[no-untyped-def]
    from ctm.models import Mailing, Message

    mailing = Mailing(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        from_email="office@office.example",
        subject="Hello",
    )
    db.session.add(mailing)
    db.session.flush()
    db.session.add(
        Message(
            mailing_id=mailing.id,
            account_id=campaign.account_id,
            campaign_id=campaign.id,
            member_id=member.id,
            client_id=client.id,
            recipient_key=client.email1,
            to_address=client.email1,
            message_id="<1@office.example>",
            state=MessageState.QUEUED,
        )
    )
    db.session.commit()
