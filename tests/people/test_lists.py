"""List statuses, removed addresses, and the first start."""

import io
import os
import stat
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from ctm import list_statuses, setup, suppressions, users
from ctm import settings as office_settings
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.models import AuditEntry, ListStatus, Suppression, User
from tests import factories

pytestmark = pytest.mark.usefixtures("app")
GOOD = "corallo-tenda-42"


def test_an_address_is_removed_once() -> None:
    assert suppressions.suppress("Anna@Example.com", "removed")
    assert not suppressions.suppress("anna@example.com", "by_hand")
    assert db.session.scalars(select(Suppression.reason)).all() == ["removed"]
    assert suppressions.is_suppressed(" ANNA@example.com ")
    assert not suppressions.is_suppressed("bruno@example.com")


def test_the_caller_may_keep_the_transaction() -> None:
    suppressions.suppress("anna@example.com", commit=False)
    db.session.rollback()
    assert not suppressions.is_suppressed("anna@example.com")


@pytest.mark.parametrize(
    ("address", "reason", "field"),
    [
        ("", "removed", "address"),
        ("nobody", "removed", "address"),
        ("a@b.example\nBcc: c@d.example", "removed", "address"),
        ("a@b.example", "whim", "reason"),
    ],
)
def test_what_cannot_be_removed(address: str, reason: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        suppressions.suppress(address, reason)
    assert caught.value.field == field


def test_lifting_needs_a_reason_and_is_written_down() -> None:
    suppressions.suppress("anna@example.com")
    with pytest.raises(InvalidInput):
        suppressions.lift("anna@example.com", "  ")
    assert suppressions.is_suppressed("anna@example.com")
    suppressions.lift("Anna@example.com", "asked by telephone")
    assert not suppressions.is_suppressed("anna@example.com")
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.detail["why"] == "asked by telephone"
    with pytest.raises(NotFound):
        suppressions.lift("anna@example.com", "again")


def test_the_list_is_searched_literally_and_exported_safely() -> None:
    suppressions.suppress("a_1@example.com", note="=1+1")
    suppressions.suppress("ab1@example.com", "by_hand")
    found = db.session.scalars(suppressions.find("a_1")).all()
    assert [each.address for each in found] == ["a_1@example.com"]
    out = io.BytesIO()
    assert suppressions.export(out, "", "removed", "en") == 1
    assert "'=1+1" in out.getvalue().decode("utf-8-sig")


def test_an_office_starts_with_list_statuses_in_its_language() -> None:
    assert list_statuses.ensure_defaults("it") == 6
    assert list_statuses.ensure_defaults("en") == 0
    assert list_statuses.every()[0].name == "Da contattare"


@pytest.mark.parametrize(
    ("name", "colour", "position", "field"),
    [
        ("", "sent", "1", "name"),
        ("x" * 81, "sent", "1", None),
        ("TAKEN", "sent", "1", "name"),
        ("New", "pink", "1", "colour"),
        ("New", "sent", "-1", "position"),
        ("New", "sent", "first", "position"),
        ("New", "sent", "99999", "position"),
    ],
)
def test_a_wrong_list_status_is_refused(
    name: str, colour: str, position: str, field: str | None
) -> None:
    list_statuses.create("Taken", "sent")
    with pytest.raises(InvalidInput) as caught:
        list_statuses.create(name, colour, position)
    assert caught.value.field == field
    assert db.session.query(ListStatus).count() == 1


def test_a_list_status_in_use_stays() -> None:
    first, second, third = (list_statuses.create(name) for name in ("One", "Two", "Three"))
    campaign = factories.campaign(initial_status_id=first.id)
    factories.member(campaign, factories.customer(), list_status_id=second.id)
    for status in (first, second):
        with pytest.raises(Conflict, match="in use"):
            list_statuses.delete(status)
    list_statuses.delete(third)
    assert [status.position for status in list_statuses.every()] == [1, 2]


def test_the_first_start_makes_an_administrator_and_ends(app: Flask) -> None:
    code = setup.code()
    path = Path(app.instance_path) / "secrets" / "setup-code"
    assert path.read_text().strip() == code == setup.code()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    user = setup.finish("Brera", "en", "Anna", "anna@office.example", GOOD)
    assert (user.role, office_settings.office_name()) == ("administrator", "Brera")
    assert users.authenticate("anna@office.example", GOOD) == user
    assert list_statuses.every()[0].name == "To contact"
    assert not path.exists()
    assert setup.code() == ""
    with pytest.raises(Conflict):
        setup.finish("Other", "en", "Bruno", "bruno@office.example", GOOD)


@pytest.mark.parametrize("typed", ["", "0000-0000-0000-0000", "é"])
def test_another_code_is_refused(typed: str) -> None:
    setup.code()
    with pytest.raises(InvalidInput):
        setup.check_code(typed)


@pytest.mark.parametrize(
    "values",
    [
        ("", "it", "Anna", "anna@office.example", GOOD),
        ("Brera", "xx", "Anna", "anna@office.example", GOOD),
        ("Brera", "it", "", "anna@office.example", GOOD),
        ("Brera", "it", "Anna", "anna", GOOD),
        ("Brera", "it", "Anna", "anna@office.example", "short"),
    ],
)
def test_a_wrong_start_leaves_nothing_behind(values: tuple[str, str, str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        setup.finish(*values)
    assert db.session.scalar(select(User)) is None
    assert office_settings.office_name() == "CTM"
