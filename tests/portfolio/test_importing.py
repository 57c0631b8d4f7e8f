"""Importing policies and instalments: whose they are, what repeats, what is refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask_babel import force_locale
from sqlalchemy import func, select

from ctm.clients import operations as clients
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.lists import importing
from ctm.lists.importing import RowResult
from ctm.models import Instalment, Policy
from ctm.portfolio import operations
from ctm.portfolio.exporting import INSTALMENT_EXPORT, POLICY_EXPORT
from ctm.portfolio.filters import InstalmentFilter, PolicyFilter
from ctm.portfolio.importing import InstalmentImporter, PolicyImporter
from ctm.tabular import Table, open_table

pytestmark = pytest.mark.usefixtures("app")

POLICIES = "Numero polizza;Compagnia;Premio;Scadenza;Codice fiscale;Email\n"
INSTALMENTS = "Polizza;Compagnia;Numero titolo;Scadenza;Importo;Stato\n"


@pytest.fixture(autouse=True)
def registry(app: object) -> None:
    clients.create({"last_name": "Rossi", "tax_code": "RSSMRA80A01F205X", "email1": "r@x.example"})
    for name in ("Bianchi", "Verdi"):
        clients.create({"last_name": name, "email1": "family@x.example"})


def bring(
    tmp_path: Path, importer: type[importing.Importer], text: str, plan: bool = False
) -> list[RowResult]:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return bring_table(open_table(path, path.name), importer, plan)


def bring_table(
    table: Table, importer: type[importing.Importer], plan: bool = False
) -> list[RowResult]:
    columns = importer.mapping.guess(table.headers)
    reader = importer(columns, importer.mapping.guess_key(columns), len(table.headers))
    results: list[RowResult] = []
    (importing.plan if plan else importing.run)(reader, table, results.append)
    return results


def number_of(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_policies_find_their_clients_and_repeat_without_change(tmp_path: Path) -> None:
    text = POLICIES + (
        "A1;Tirrena;1.500,00;31/12/2026;rssmra80a01f205x;\n"
        "A1;Lombarda;;;;R@X.example\n"
        "B2;Tirrena;20;;;family@x.example\n"
        "C3;Tirrena;20;;;nobody@x.example\n"
        "D4;Tirrena;20;;;\n"
        ";Tirrena;20;;;r@x.example\n"
        "E5;Tirrena;dear;40/12/2026;;r@x.example\n"
    )
    planned = bring(tmp_path, PolicyImporter, text, plan=True)
    assert number_of(Policy) == 0
    results = bring(tmp_path, PolicyImporter, text)
    verdicts = ["create", "create", "bad", "bad", "bad", "bad", "bad"]
    assert [r.verdict for r in planned] == [r.verdict for r in results] == verdicts
    reasons = [" ".join(result.reasons) for result in results]
    for reason, words in zip(
        reasons[2:],
        ("2 clients have it", "no client has", "whose policy", "is empty", "not an amount"),
        strict=True,
    ):
        assert words in reason
    assert "not a date" in reasons[-1]
    kept = db.session.scalars(select(Policy).order_by(Policy.company.desc())).all()
    assert [(p.company, p.premium, p.client.last_name) for p in kept] == [
        ("Tirrena", Decimal(1500), "Rossi"),
        ("Lombarda", None, "Rossi"),
    ]
    again = bring(tmp_path, PolicyImporter, text)
    assert [r.verdict for r in again] == ["same", "same", *verdicts[2:]]


def test_a_file_does_not_give_a_policy_to_another_client(tmp_path: Path) -> None:
    heir = clients.create({"last_name": "Neri", "email1": "neri@x.example"})
    operations.create_policy(heir, {"number": "A1", "company": "Tirrena"})
    text = POLICIES + "A1;Tirrena;99;;;r@x.example\nA1;;7;;;\n"
    results = bring(tmp_path, PolicyImporter, text)
    assert [r.verdict for r in results] == ["bad", "update"]
    assert "another client's: Neri" in results[0].reasons[0]
    assert db.session.scalars(select(Policy.premium)).one() == 7


def test_instalments_find_their_policy_and_repeat_without_change(tmp_path: Path) -> None:
    rossi = db.session.get_one(clients.Client, 1)
    for company in ("Tirrena", "Lombarda"):
        operations.create_policy(rossi, {"number": "A1", "company": company})
    operations.create_policy(rossi, {"number": "B2"})
    text = INSTALMENTS + (
        "A1;Tirrena;1;31/12/2026;750,00;da pagare\n"
        "A1;;2;31/12/2026;750,00;\n"
        "B2;;;31/01/2026;10;incassato\n"
        "B2;;;31/01/2026;20;incassato\n"
        "Z9;;1;31/01/2026;10;\n"
        ";;1;31/01/2026;10;\n"
        "B2;;;;10;\n"
        "B2;;7;31/03/2026;;\n"
    )
    results = bring(tmp_path, InstalmentImporter, text)
    verdicts = ["create", "bad", "create", "update", "bad", "bad", "bad", "bad"]
    assert [r.verdict for r in results] == verdicts
    for result, words in zip(
        [results[n] for n in (1, 4, 5, 6, 7)],
        ("2 insurers", "no policy has", "belong to a policy", "is empty", "Write the amount"),
        strict=True,
    ):
        assert words in " ".join(result.reasons)
    assert {each.client_id for each in db.session.scalars(select(Instalment))} == {rossi.id}
    paid = db.session.scalars(select(Instalment).where(Instalment.state == "paid")).one()
    assert (paid.amount, paid.paid_date is not None) == (Decimal(20), True)
    assert bring(tmp_path, InstalmentImporter, text)[0].verdict == "same"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("locale", ["it", "en"])
def test_what_is_exported_can_be_imported_again(tmp_path: Path, kind: str, locale: str) -> None:
    rossi = db.session.get_one(clients.Client, 1)
    policy = operations.create_policy(
        rossi, {"number": "A1", "company": "Tirrena", "premium": "1234,56", "end_date": "1/2/2027"}
    )
    operations.create_instalment(
        policy, {"number": "1", "due_date": "1/2/2026", "amount": "0,10", "state": "paid"}
    )
    for export, search, importer in (
        (POLICY_EXPORT, PolicyFilter("all"), PolicyImporter),
        (INSTALMENT_EXPORT, InstalmentFilter("all"), InstalmentImporter),
    ):
        path = tmp_path / f"{export.audited}.{kind}"
        with force_locale(locale):
            with path.open("wb") as out:
                export.write(kind, out, search)
            results = bring_table(open_table(path, path.name), importer)
        assert [(r.verdict, r.reasons) for r in results] == [("same", [])]


@pytest.mark.parametrize(
    ("columns", "key", "words"),
    [
        ({0: "number"}, "", "Choose the field"),
        ({0: "company"}, "number", "recognised by it"),
        ({0: "number", 1: "number"}, "number", "two columns"),
        ({0: "number", 9: "company"}, "number", "no column 9"),
        ({0: "number", 1: "password"}, "number", "no field"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(
    columns: dict[int, str], key: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        PolicyImporter(columns, key, 3)
