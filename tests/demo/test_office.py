"""The demo office is believable, always the same, and its statistics agree with its rows."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from stdnum.it import codicefiscale, iva

from ctm import counters, settings
from ctm.demo import office
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.merge import MODULES
from ctm.mailing.tracking import machines
from ctm.models import (
    Campaign,
    CampaignMember,
    Client,
    Consent,
    ConsentEvent,
    Contact,
    Hit,
    HitBucket,
    HitKind,
    LinkCounter,
    MailTemplate,
    Message,
    MessageState,
    Role,
    SmtpAccount,
    User,
)
from tests import factories

NOW = datetime(2026, 11, 22, 9, 0)


def campaign(name: str) -> Campaign:
    return db.session.scalars(select(Campaign).where(Campaign.name == name)).one()


@pytest.fixture
def demo(app: Flask) -> dict[str, int]:
    return office.create(NOW)


def test_it_goes_into_an_empty_database_only(app: Flask) -> None:
    factories.customer()
    with pytest.raises(Conflict, match="empty database"):
        office.create(NOW)
    assert db.session.scalar(select(func.count()).select_from(Client)) == 1


def test_a_second_creation_is_refused_and_changes_nothing(demo: dict[str, int]) -> None:
    with pytest.raises(Conflict):
        office.create(NOW)
    assert db.session.scalar(select(func.count()).select_from(User)) == 4


def test_it_has_clients_of_every_kind_contacts_and_the_four_roles(demo: dict[str, int]) -> None:
    kinds = dict(db.session.execute(select(Client.kind, func.count()).group_by(Client.kind)).all())
    assert sum(kinds.values()) == demo["clients"] == 502
    assert min(kinds.values()) >= 10
    assert set(db.session.scalars(select(User.role))) == {role.value for role in Role}
    assert db.session.scalar(select(func.count()).select_from(Contact)) > 60
    three = select(func.count()).select_from(Client).where(Client.email3 != "")
    assert db.session.scalar(three) > 20


def test_every_list_has_a_template_and_consents_agree_with_their_proofs(
    demo: dict[str, int],
) -> None:
    assert set(db.session.scalars(select(MailTemplate.module))) == set(MODULES)
    said: dict[tuple[int, int], str] = {}
    for event in db.session.scalars(select(ConsentEvent).order_by(ConsentEvent.at)):
        said[event.client_id, event.purpose_id] = event.state
    kept = {(c.client_id, c.purpose_id): c.state for c in db.session.scalars(select(Consent))}
    assert kept == said
    assert set(said.values()) == {"given", "refused", "withdrawn"}


def test_every_tax_code_and_vat_number_checks_out(demo: dict[str, int]) -> None:
    for client in db.session.scalars(select(Client)):
        if client.vat_number:
            iva.validate(client.vat_number)
        elif client.tax_code:
            codicefiscale.validate(client.tax_code)
            assert codicefiscale.get_birth_date(client.tax_code) == client.birth_date
            assert codicefiscale.get_gender(client.tax_code) == client.sex


def test_no_address_could_ever_be_anybodys(demo: dict[str, int]) -> None:
    found = [
        *db.session.scalars(select(Contact.email)),
        *db.session.scalars(select(User.email)),
        *db.session.scalars(select(SmtpAccount.from_email)),
    ]
    for client in db.session.scalars(select(Client)):
        found += [client.email1, client.email2, client.email3, client.pec]
    assert all(address.endswith(".example") for address in found if address)


def test_its_only_account_delivers_to_the_practice_mailbox_and_all_may_use_it(
    demo: dict[str, int],
) -> None:
    (account,) = db.session.scalars(select(SmtpAccount))
    assert account.practice
    assert len(account.users) == 4
    assert settings.is_demo()


def test_it_is_the_same_every_time(app: Flask, demo: dict[str, int]) -> None:
    def picture() -> tuple[object, ...]:
        clients = select(Client.code, Client.display_name, Client.tax_code, Client.email1)
        messages = select(Message.to_address, Message.state, Message.opened_at, Message.clicks)
        return (
            db.session.execute(clients.order_by(Client.code)).all(),
            db.session.execute(messages.order_by(Message.id)).all(),
        )

    first = picture()
    db.session.remove()
    db.drop_all()
    db.create_all()
    office.create(NOW)
    assert picture() == first


def test_the_kept_counters_equal_what_can_be_counted(demo: dict[str, int]) -> None:
    done = campaign("Check-up casa e famiglia")
    kept = counters.read(done.id)
    mine = Message.campaign_id == done.id

    def count(*conditions: object) -> int:
        return db.session.scalar(select(func.count()).select_from(Message).where(mine, *conditions))

    def requests(kind: HitKind) -> int:
        query = select(func.count()).select_from(Hit)
        return db.session.scalar(
            query.where(Hit.campaign_id == done.id, Hit.kind == kind, Hit.machine != "")
        )

    assert kept["total"] == count() == office.FINISHED_MEMBERS
    assert kept["sent"] == count(Message.state == MessageState.SENT)
    assert kept["failed"] == count(Message.state == MessageState.FAILED)
    assert kept["sent"] + kept["failed"] == kept["total"]
    assert kept["read"] == count(Message.opened_at.is_not(None)) > 50
    assert kept["clicked"] == count(Message.clicked_at.is_not(None)) > 15
    assert kept["removed"] == count(Message.removed_at.is_not(None)) > 0
    assert kept["machine_read"] == requests(HitKind.OPEN) > 0
    assert kept["machine_clicked"] == requests(HitKind.CLICK) > 0
    assert count(Message.clicked_at < Message.opened_at) == 0
    assert count(Message.opened_at < Message.sent_at) == 0


@pytest.mark.parametrize("name", ["Check-up casa e famiglia", "Rinnovo RC Auto"])
def test_list_status_counters_equal_the_members(demo: dict[str, int], name: str) -> None:
    one = campaign(name)
    kept = {k: v for k, v in counters.read(one.id).items() if k.startswith("status:") and v}
    counted = select(CampaignMember.list_status_id, func.count()).where(
        CampaignMember.campaign_id == one.id
    )
    rows = db.session.execute(counted.group_by(CampaignMember.list_status_id)).all()
    assert kept == {f"status:{status or 0}": number for status, number in rows}
    assert counters.read(one.id)["members"] == sum(kept.values())


def test_links_and_chart_agree_with_the_hits(demo: dict[str, int]) -> None:
    done = campaign("Check-up casa e famiglia")
    hits = db.session.scalars(select(Hit).where(Hit.campaign_id == done.id)).all()
    people = [hit for hit in hits if not hit.machine and hit.kind != HitKind.REMOVE]
    buckets = select(func.sum(HitBucket.value)).where(HitBucket.campaign_id == done.id)
    assert db.session.scalar(buckets) == len(people)
    for row in db.session.scalars(select(LinkCounter).where(LinkCounter.campaign_id == done.id)):
        url = [h for h in hits if (h.link.url if h.link else "READ") == row.url]
        url = [h for h in url if h.kind != HitKind.REMOVE]
        assert row.requests == len([h for h in url if not h.machine])
        assert row.people == len({h.message_id for h in url if not h.machine})
        assert row.machines == len([h for h in url if h.machine])
    assert all(hit.at < NOW for hit in hits)


def test_machines_are_those_that_would_be_told_apart(demo: dict[str, int]) -> None:
    for hit in db.session.scalars(select(Hit)):
        sent_at = None if hit.machine else hit.message.sent_at
        found = machines.reason(hit.method, hit.user_agent, hit.ip, hit.at, sent_at)
        assert found == hit.machine


def test_the_ready_campaign_can_be_started_and_shows_every_kind_of_left_out(
    demo: dict[str, int],
) -> None:
    forecast = control.forecast(campaign("Rinnovo RC Auto"))
    assert forecast.will_go > 100
    left = {reason for reason, number in forecast.left_out.items() if number}
    assert left >= {"no_address", "inactive", "removed", "duplicate"}
