"""Who is in a campaign: adding once, counting, setting by hand, taking out."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ctm import counters
from ctm.campaigns import members
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.models import (
    Campaign,
    CampaignMember,
    Client,
    ListStatus,
    Mailing,
    Message,
)
from tests import factories


@pytest.fixture
def campaign(app: Any) -> Campaign:
    return factories.campaign(initial_status_id=factories.list_status("To contact").id)


def everyone() -> Any:
    return db.select(Client.id)


def ids_of(campaign: Campaign) -> list[int]:
    query = db.select(CampaignMember.id).where(CampaignMember.campaign_id == campaign.id)
    return list(db.session.scalars(query.order_by(CampaignMember.id)))


def counted(campaign: Campaign) -> dict[str, int]:
    """The counters as a count of the rows would give them."""
    found: dict[str, int] = {"members": 0}
    query = db.select(CampaignMember.list_status_id).where(
        CampaignMember.campaign_id == campaign.id
    )
    for status in db.session.scalars(query):
        found["members"] += 1
        found[f"status:{status or 0}"] = found.get(f"status:{status or 0}", 0) + 1
    return found


def kept(campaign: Campaign) -> dict[str, int]:
    values = counters.read(campaign.id)
    return {name: value for name, value in values.items() if value or name == "members"}


def mail_to(member: CampaignMember) -> None:
    campaign = db.session.get_one(Campaign, member.campaign_id)
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
            recipient_key="a@example.com",
            to_address="a@example.com",
            message_id="<1@office.example>",
        )
    )
    db.session.commit()


def test_adding_twice_adds_once_and_says_so(campaign: Campaign) -> None:
    factories.customer()
    factories.customer()
    assert members.add_clients(campaign, everyone()) == members.Added(2, 0)
    factories.customer()
    assert members.add_clients(campaign, everyone()) == members.Added(1, 2)
    assert kept(campaign) == counted(campaign)
    assert counters.read(campaign.id)["members"] == 3


def test_new_members_stand_on_the_initial_status(campaign: Campaign) -> None:
    factories.customer()
    members.add_clients(campaign, everyone())
    member = db.session.scalars(db.select(CampaignMember)).one()
    assert member.list_status_id == campaign.initial_status_id
    assert not member.by_hand


def test_all_takes_active_clients_only(campaign: Campaign) -> None:
    factories.customer()
    factories.customer(active=False)
    assert members.add_all(campaign).added == 1


def test_all_that_match_refuses_a_search_it_cannot_read(campaign: Campaign) -> None:
    factories.customer()
    with pytest.raises(InvalidInput):
        members.add_all(campaign, "colour=blue")
    assert ids_of(campaign) == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("E-mail", "MARIO@example.com"),
        ("email", "second@example.com"),
        ("Codice fiscale", "rssmra80a01h501u"),
        ("Partita IVA", "00743110157"),
        ("Codice", "C-7"),
        ("codice", "c-7"),
    ],
)
def test_a_file_names_clients_by_what_they_are_known_by(
    campaign: Campaign, tmp_path: Path, header: str, value: str
) -> None:
    factories.customer()
    mario = factories.customer(
        code="C-7",
        email1="mario@example.com",
        email2="second@example.com",
        tax_code="RSSMRA80A01H501U",
        vat_number="00743110157",
    )
    path = tmp_path / "who.csv"
    path.write_bytes(f"nome;{header}\r\nx;{value}\r\ny;nobody\r\n".encode("cp1252"))
    report = members.add_from_file(campaign, path, path.name)
    assert report.result == members.Added(1, 0)
    assert report.unknown == [(3, "nobody")]
    assert db.session.scalars(db.select(CampaignMember.client_id)).all() == [mario.id]


def test_a_sheet_of_ids_is_read(campaign: Campaign, tmp_path: Path) -> None:
    customer = factories.customer()
    book = Workbook()
    book.active.append(["id"])
    book.active.append([customer.id])
    book.active.append([customer.id])
    book.active.append([10**12])
    path = tmp_path / "who.xlsx"
    book.save(path)
    report = members.add_from_file(campaign, path, path.name)
    assert report.result == members.Added(1, 0)
    assert report.unknown == [(4, str(10**12))]


def test_a_long_file_counts_over_all_its_parts(campaign: Campaign, tmp_path: Path) -> None:
    for _number in range(3):
        factories.customer()
    known = db.session.scalars(db.select(Client.id)).all()
    lines = [str(identity) for identity in (*known, *range(10_000, 10_000 + members.CHUNK))]
    path = tmp_path / "who.csv"
    path.write_text("\n".join(["id", *lines]))
    report = members.add_from_file(campaign, path, path.name)
    assert report.result == members.Added(3, 0)
    assert len(report.unknown) == members.CHUNK


@pytest.mark.parametrize("content", ["", "nome;cognome\nA;B\n", "\x00\x00\x00"])
def test_a_file_without_a_column_it_knows_is_refused(
    campaign: Campaign, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "who.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput):
        members.add_from_file(campaign, path, path.name)


def test_setting_by_hand_moves_the_counters(campaign: Campaign) -> None:
    factories.customer()
    factories.customer()
    members.add_clients(campaign, everyone())
    called: ListStatus = factories.list_status("Called")
    first, second = ids_of(campaign)
    assert members.set_status(campaign, [first], called) == 1
    assert kept(campaign) == counted(campaign)
    assert members.set_status(campaign, [first, second], None) == 2
    assert kept(campaign) == counted(campaign)
    assert all(db.session.scalars(db.select(CampaignMember.by_hand)))


def test_members_of_another_campaign_are_not_touched(campaign: Campaign) -> None:
    other = factories.campaign()
    factories.customer()
    members.add_clients(other, everyone())
    called = factories.list_status("Called")
    assert members.set_status(campaign, ids_of(other), called) == 0
    assert members.remove(campaign, ids_of(other)) == 0
    assert len(ids_of(other)) == 1


def test_taking_out_moves_the_counters(campaign: Campaign) -> None:
    factories.customer()
    factories.customer()
    members.add_clients(campaign, everyone())
    assert members.remove(campaign, ids_of(campaign)[:1]) == 1
    assert kept(campaign) == counted(campaign)
    assert counters.read(campaign.id)["members"] == 1


def test_who_has_a_mail_stays_for_the_statistics(campaign: Campaign) -> None:
    factories.customer()
    factories.customer()
    members.add_clients(campaign, everyone())
    first = db.session.get_one(CampaignMember, ids_of(campaign)[0])
    mail_to(first)
    with pytest.raises(Conflict):
        members.remove(campaign, ids_of(campaign))
    assert len(ids_of(campaign)) == 2


def test_too_many_at_once_are_refused(campaign: Campaign) -> None:
    many = range(members.MOST_AT_ONCE + 1)
    with pytest.raises(InvalidInput):
        members.set_status(campaign, list(many), None)
    with pytest.raises(InvalidInput):
        members.remove(campaign, list(many))
