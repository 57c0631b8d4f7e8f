"""Campaigns from TOML files: what is read, and what is refused with the key at fault."""

from pathlib import Path
from typing import Any

import pytest

from ctm.campaigns.definition import create_from_file
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.models import Campaign
from tests import factories

GOOD = """
name = "Renewal"
account = "Agency"
subject = "Your policy, [clienti.nome]"
html_file = "mail.html"
delay_seconds = 1.5
addresses = ["email1", "contacts"]
attachments = ["brochure.pdf"]
initial_status = "To contact"
unsubscribe = false
[statuses]
sent = "Mail sent"
"""


@pytest.fixture
def folder(app: Any, tmp_path: Path) -> Path:
    factories.account(name="Agency")
    factories.list_status("To contact")
    factories.list_status("Mail sent")
    place = tmp_path / "definition"
    place.mkdir()
    (place / "mail.html").write_text("<p>Dear [clienti.nome], perché no?</p>", encoding="utf-8")
    (place / "brochure.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "secret.html").write_text("<p>secret</p>")
    return place


def write(folder: Path, text: str) -> Path:
    path = folder / "campaign.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_definition_becomes_a_campaign(folder: Path) -> None:
    campaign = create_from_file(write(folder, GOOD))
    assert campaign.account is not None
    assert campaign.account.name == "Agency"
    assert "perché" in campaign.body_html
    assert campaign.delay_seconds == 1.5
    assert (campaign.use_email1, campaign.use_email2, campaign.use_contacts) == (True, False, True)
    assert (campaign.track, campaign.unsubscribe) == (True, False)
    assert [each.file.name for each in campaign.attachments] == ["brochure.pdf"]
    assert {each.outcome: each.list_status.name for each in campaign.outcome_statuses} == {
        "sent": "Mail sent"
    }


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name = ", None),
        ('subject = "Hello"', "name"),
        ('name = ""', "name"),
        ("name = 7", "name"),
        ('name = "A"\ncolour = "red"', "colour"),
        ('name = "A"\naccount = "Nobody"', "account"),
        ('name = "A"\nsubject = "One\\nBcc: x@example.com"', "subject"),
        ('name = "A"\nfrom_email = "not an address"', "from_email"),
        ('name = "A"\nbcc = "a@example.com\\r\\nX: 1"', "bcc"),
        ('name = "A"\nsubject = "[clienti.nom]"', "subject"),
        ('name = "A"\nhtml_file = "../secret.html"', "html_file"),
        ('name = "A"\nhtml_file = "/etc/passwd"', "html_file"),
        ('name = "A"\nhtml_file = "brochure"', "html_file"),
        ('name = "A"\ntext_file = "windows.txt"', "text_file"),
        ('name = "A"\nattachments = "brochure.pdf"', "attachments"),
        ('name = "A"\nattachments = ["gone.pdf"]', "attachments"),
        ('name = "A"\nattachments = ["large.bin"]', "attachments"),
        ('name = "A"\naddresses = ["email9"]', "addresses"),
        ('name = "A"\naddresses = [{a = 1}]', "addresses"),
        ('name = "A"\ntrack = "no"', "track"),
        ('name = "A"\ndelay_seconds = -1', "delay_seconds"),
        ('name = "A"\ndelay_seconds = nan', "delay_seconds"),
        ('name = "A"\ndelay_seconds = true', "delay_seconds"),
        ('name = "A"\nstatuses = 3', "statuses"),
        ('name = "A"\n[statuses]\nopened = "Mail sent"', "statuses"),
        ('name = "A"\n[statuses]\nsent = "Unknown"', "statuses.sent"),
    ],
)
def test_a_definition_that_is_wrong_names_the_key_and_makes_nothing(
    folder: Path, text: str, field: str | None
) -> None:
    (folder / "windows.txt").write_bytes("perché".encode("cp1252"))
    with (folder / "large.bin").open("wb") as large:
        large.truncate(21 * 1024 * 1024)
    with pytest.raises(InvalidInput) as refused:
        create_from_file(write(folder, text))
    assert refused.value.field == field
    assert str(refused.value)
    db.session.rollback()
    assert db.session.scalars(db.select(Campaign)).all() == []


def test_a_file_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.toml"):
        create_from_file(folder / "gone.toml")
