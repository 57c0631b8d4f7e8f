"""Capital and small letters, accented ones too, are the same wherever a name is looked for."""

import pytest

from ctm import list_statuses, searching
from ctm.campaigns import operations
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.models import Campaign, User
from tests import factories


@pytest.fixture
def campaign(people: dict[str, User]) -> Campaign:
    campaign: Campaign = factories.campaign(name="Novità È ARRIVATO IL PIÙ GRANDE")
    return campaign


def test_a_campaign_of_the_same_name_is_refused(campaign: Campaign) -> None:
    other = factories.campaign()
    with pytest.raises(CtmError, match="name"):
        operations.update(other, {"name": "NOVITÀ è arrivato il più grande"})
    db.session.rollback()


@pytest.mark.parametrize("text", ["più", "PIÙ", "novitÀ", "è arr"])
def test_the_search_finds_it(campaign: Campaign, people: dict[str, User], text: str) -> None:
    groups = searching.search(text, people["administrator"])
    assert [(group.kind, group.found[0].id) for group in groups] == [("campaigns", campaign.id)]


@pytest.mark.parametrize("text", ["%%", "__", "pi_", "più%"])
def test_signs_of_the_query_language_are_only_signs(
    campaign: Campaign, people: dict[str, User], text: str
) -> None:
    assert searching.search(text, people["administrator"]) == []


def test_a_list_status_of_the_same_name_is_refused(campaign: Campaign) -> None:
    list_statuses.create("Perché no")
    with pytest.raises(CtmError):
        list_statuses.create("PERCHÉ NO")
    db.session.rollback()
