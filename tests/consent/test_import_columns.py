"""Consents that come with a file of clients."""

from pathlib import Path

import pytest
from flask import Flask

from ctm import consent
from ctm.clients import importing, mapping
from ctm.clients.importing import RowResult, Verdict
from ctm.consent import purposes
from ctm.extensions import db
from ctm.models import Client, Purpose

HEAD = "Codice;Cognome;Consenso Offers;Consenso News\n"


@pytest.fixture
def offers(app: Flask) -> Purpose:
    purposes.create({"name": "News", "needs_consent": True})
    return purposes.create({"name": "Offers", "needs_consent": True, "description": "I agree."})


def bring(folder: Path, *rows: str, dry_run: bool = False) -> list[RowResult]:
    path = folder / "clients.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    results: list[RowResult] = []
    importing.import_file(path, "code", dry_run=dry_run, on_row=results.append)
    return results


def stand() -> dict[tuple[str, str], str]:
    names = {each.id: each.name for each in purposes.every()}
    codes = {each.id: str(each.code) for each in db.session.query(Client)}
    kept = consent.standings(codes).items()
    return {(codes[client], names[purpose]): each.state for (client, purpose), each in kept}


def test_yes_no_and_withdrawn_are_recorded_with_the_purposes_wording(
    offers: Purpose, tmp_path: Path
) -> None:
    bring(tmp_path, "1;Rossi;sì;no", "2;Bianchi;revocato;", "3;Verdi;X;1")

    assert stand() == {
        ("1", "Offers"): "given",
        ("1", "News"): "refused",
        ("2", "Offers"): "withdrawn",
        ("3", "Offers"): "given",
        ("3", "News"): "given",
    }
    client = db.session.query(Client).filter_by(code="3").one()
    events = [event for event, _name in consent.latest(client.id)]
    assert {event.source for event in events} == {"import"}
    assert "I agree." in {event.wording for event in events}


def test_the_dry_run_says_what_changes_and_records_nothing(offers: Purpose, tmp_path: Path) -> None:
    bring(tmp_path, "1;Rossi;;")
    (result,) = bring(tmp_path, "1;Rossi;yes;", dry_run=True)
    assert result.verdict == Verdict.UPDATE
    assert stand() == {}


def test_the_same_file_again_changes_nothing(offers: Purpose, tmp_path: Path) -> None:
    bring(tmp_path, "1;Rossi;yes;no")
    (result,) = bring(tmp_path, "1;Rossi;yes;no")
    assert result.verdict == Verdict.SAME


def test_a_yes_of_a_file_never_undoes_a_no(offers: Purpose, tmp_path: Path) -> None:
    bring(tmp_path, "1;Rossi;yes;")
    client = db.session.query(Client).one()
    consent.record(client, offers, "withdrawn", source="phone")

    (result,) = bring(tmp_path, "1;Rossi;yes;")

    assert result.verdict == Verdict.SAME
    assert stand() == {("1", "Offers"): "withdrawn"}


def test_two_rows_of_one_client_are_recorded_once(offers: Purpose, tmp_path: Path) -> None:
    bring(tmp_path, "1;Rossi;yes;", "1;Rossi;yes;")
    assert len(consent.latest(db.session.query(Client).one().id)) == 1


@pytest.mark.parametrize("word", ["maybe", "2", "12/05/2024", "given?"])
def test_a_word_that_is_neither_yes_nor_no_is_refused(
    offers: Purpose, tmp_path: Path, word: str
) -> None:
    good, bad = bring(tmp_path, "1;Rossi;yes;", f"2;Bianchi;{word};")
    assert (good.verdict, bad.verdict) == (Verdict.CREATE, Verdict.BAD)
    assert "Consent: Offers" in bad.reasons[0]
    assert stand() == {("1", "Offers"): "given"}


def test_a_purpose_no_longer_active_is_no_column(offers: Purpose, tmp_path: Path) -> None:
    purposes.update(offers, {"name": "Offers", "active": False})
    assert f"consent_{offers.id}" not in mapping.guess(["Consenso Offers"]).values()
    assert f"consent_{offers.id}" not in dict(mapping.MAPPING.field_choices())
