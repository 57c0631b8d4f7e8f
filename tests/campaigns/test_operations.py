"""Settings of campaigns: copies, names, files."""

from typing import Any

import pytest

from ctm import files
from ctm.campaigns import operations
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.models import AuditEntry, Campaign, CampaignState
from tests import factories


@pytest.fixture
def campaign(app: Any) -> Campaign:
    return factories.campaign(name="Renewal")


def test_a_picture_added_after_another_was_taken_away_gets_an_id_of_its_own(
    campaign: Campaign,
) -> None:
    for name in ("a.png", "b.png"):
        stored = files.store(name.encode(), name, "image/png")
        operations.attach(campaign, stored, operations.free_content_id(campaign))
    operations.detach(campaign, campaign.attachments[0].id)
    stored = files.store(b"c", "c.png", "image/png")
    operations.attach(campaign, stored, operations.free_content_id(campaign))
    assert sorted(each.content_id for each in campaign.attachments) == ["image1", "image2"]


@pytest.mark.parametrize("content_id", ["has space", "a>b", "image1", "x" * 121])
def test_a_content_id_that_cannot_be_used_is_refused(campaign: Campaign, content_id: str) -> None:
    operations.attach(campaign, files.store(b"a", "a.png", "image/png"), "image1")
    stored = files.store(b"b", "b.png", "image/png")
    with pytest.raises(InvalidInput):
        operations.attach(campaign, stored, content_id)


def test_a_copy_finds_a_free_name_whatever_its_letters(campaign: Campaign) -> None:
    factories.campaign(name="RENEWAL (2)")
    assert operations.duplicate(campaign).name == "Renewal (3)"


def test_two_campaigns_do_not_share_a_name(campaign: Campaign) -> None:
    with pytest.raises(InvalidInput) as refused:
        operations.create({"name": "renewal"})
    assert refused.value.field == "name"


@pytest.mark.parametrize("state", [CampaignState.RUNNING, CampaignState.PAUSED])
def test_nothing_of_a_campaign_under_way_changes(campaign: Campaign, state: str) -> None:
    stored = files.store(b"a", "a.pdf")
    attached = operations.attach(campaign, stored)
    campaign.state = state
    db.session.commit()
    for change in (
        lambda: operations.update(campaign, {"subject": "Other"}),
        lambda: operations.attach(campaign, stored),
        lambda: operations.detach(campaign, attached.id),
        lambda: operations.delete(campaign),
    ):
        with pytest.raises(Conflict):
            change()


@pytest.mark.parametrize("identity", [0, 999, 2**31, 2**70])
def test_a_number_without_a_campaign_is_not_found(campaign: Campaign, identity: int) -> None:
    with pytest.raises(NotFound):
        operations.get(identity)


def test_an_account_that_is_not_enabled_for_the_author_is_refused(app: Any) -> None:
    account = factories.account()
    manager = factories.user(role="manager")
    with pytest.raises(InvalidInput) as refused:
        operations.create({"name": "A", "account_id": account.id}, manager)
    assert refused.value.field == "account_id"


def test_every_change_is_in_the_audit_log(campaign: Campaign) -> None:
    operations.update(campaign, {"subject": "Other"})
    copy = operations.duplicate(campaign)
    operations.delete(copy)
    actions = db.session.scalars(db.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["campaign.update", "campaign.duplicate", "campaign.delete"]
