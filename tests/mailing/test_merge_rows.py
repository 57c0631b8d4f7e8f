"""Rows of each merge module: their values, groups, totals and recipients, in few statements."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from ctm.extensions import db
from ctm.mailing import values
from ctm.mailing.merge import CATALOGUE, MODULES, rows
from ctm.models import Client, Contact, Instalment, Policy


def saved(record: Any) -> Any:
    db.session.add(record)
    db.session.commit()
    return record


def anna(**given: Any) -> Client:
    return saved(Client(**({"first_name": "Anna", "display_name": "Rossi Anna"} | given)))


def policy(of: Client, **given: Any) -> Policy:
    return saved(Policy(**({"client_id": of.id, "number": "P1", "company": "Alfa"} | given)))


def instalment(of: Policy, due: date, amount: str, **given: Any) -> Instalment:
    wanted = {"policy_id": of.id, "client_id": of.client_id, "due_date": due}
    return saved(Instalment(**(wanted | {"amount": Decimal(amount), "number": "1"} | given)))


def load(module: str, ids: list[int], *keys: str) -> dict[int, dict[str, object]]:
    return rows.load(db.session, module, ids, keys, "it")


def test_an_instalment_reaches_its_policy_and_its_client(app: Flask) -> None:
    one = instalment(policy(anna()), date(2026, 2, 15), "1500")
    keys = ["titoli.scadenza", "titoli.importo", "polizze.compagnia", "clienti.nome"]
    assert load("titoli", [one.id], *keys) == {
        one.id: dict(zip(keys, [date(2026, 2, 15), Decimal(1500), "Alfa", "Anna"], strict=True))
    }


def test_a_policy_reaches_its_client_and_speaks_of_its_state_in_words(app: Flask) -> None:
    one = policy(anna(), premium=Decimal("99.90"), state="suspended")
    found = load("polizze", [one.id], "polizze.premio", "polizze.stato", "clienti.nominativo")
    assert found[one.id]["polizze.premio"] == Decimal("99.90")
    assert found[one.id]["clienti.nominativo"] == "Rossi Anna"
    assert found[one.id]["polizze.stato"]


def test_a_contact_has_fields_of_its_own_and_of_its_client(app: Flask) -> None:
    client = anna()
    one = saved(Contact(client_id=client.id, first_name="Ugo", last_name="Neri", email="u@x.it"))
    found = load("ind_tlm", [one.id], "ind_tlm.nominativo", "ind_tlm.email", "clienti.nome")
    assert found == {
        one.id: {
            "ind_tlm.nominativo": "Ugo Neri",
            "ind_tlm.email": "u@x.it",
            "clienti.nome": "Anna",
        }
    }


def test_what_a_client_owes_is_the_sum_of_its_open_instalments(app: Flask) -> None:
    client, other = anna(), anna(display_name="Altra")
    of = policy(client)
    instalment(of, date(2026, 2, 1), "100.10")
    instalment(of, date(2026, 3, 1), "0.20")
    instalment(of, date(2026, 1, 1), "50", state="paid")
    found = load("clienti", [client.id, other.id], "clienti.importo")
    assert found == {
        client.id: {"clienti.importo": Decimal("100.30")},
        other.id: {"clienti.importo": None},
    }


def test_grouped_instalments_come_by_client_in_order_of_their_date_with_totals(app: Flask) -> None:
    client, other = anna(), anna(display_name="Altra")
    of = policy(client, number="P7")
    late = instalment(of, date(2026, 5, 1), "20.05", number="b")
    soon = instalment(of, date(2026, 2, 1), "10", number="a")
    instalment(of, date(2026, 1, 1), "99", number="not chosen")
    alone = instalment(policy(other), date(2026, 3, 1), "1", number="c")
    keys = ["clienti.nominativo", "titoli.numero", "polizze.numero", "titoli.totale"]
    keys += ["titoli.numero_titoli", "titoli.prima_scadenza", "titoli.ultima_scadenza", "sql.x"]
    found = load("titoli_anagrafica", [late.id, alone.id, soon.id], *keys)
    assert set(found) == {client.id, other.id}
    mine = found[client.id]
    lines: Any = mine.pop("titoli")
    assert [(row["titoli.numero"], row["polizze.numero"]) for row in lines] == [
        ("a", "P7"),
        ("b", "P7"),
    ]
    assert mine == {
        "clienti.nominativo": "Rossi Anna",
        "titoli.totale": Decimal("30.05"),
        "titoli.numero_titoli": 2,
        "titoli.prima_scadenza": date(2026, 2, 1),
        "titoli.ultima_scadenza": date(2026, 5, 1),
    }


def test_rows_that_no_field_asks_for_are_not_kept(app: Flask) -> None:
    one = instalment(policy(anna()), date(2026, 2, 1), "10")
    (found,) = load("titoli_anagrafica", [one.id], "titoli.totale").values()
    assert found == {"titoli.totale": Decimal(10)}
    (found,) = load("titoli_anagrafica", [one.id], "titoli").values()
    assert found == {"titoli": [{}]}


def test_a_row_that_is_gone_is_left_out(app: Flask) -> None:
    for name in MODULES:
        assert load(name, [4711], "clienti.nome") == {}
        assert list(rows.stream(db.session, name, [4711], ["clienti.nome"], "it")) == []
        assert list(rows.addressees(db.session, name, [4711])) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_field_of_every_module_can_be_read(app: Flask, name: str) -> None:
    client = anna(created_at=datetime(2026, 1, 1, 12))
    one = instalment(policy(client), date(2026, 2, 1), "10")
    contact = saved(Contact(client_id=client.id, email="c@x.it"))
    ids = {
        "Client": client.id,
        "Contact": contact.id,
        "Policy": one.policy_id,
        "Instalment": one.id,
    }
    module = MODULES[name]
    (found,) = load(name, [ids[module.model.__name__]], *module.fields).values()
    held: Any = [found, *found.get("titoli", [])] if module.group else [found]
    assert {key for each in held for key in each} - {"titoli"} == set(module.fields)
    assert values.thaw(values.freeze(found)) == found


def test_a_stream_reads_many_rows_in_few_statements_and_keeps_groups_whole(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", 10)
    people = [anna(display_name=f"C{n}") for n in range(9)]
    due = date(2026, 1, 1)
    made = [
        Instalment(policy_id=policy(each).id, client_id=each.id, due_date=due, amount=1)
        for each in people
    ]
    more = [
        Instalment(
            policy_id=one.policy_id,
            client_id=one.client_id,
            due_date=date(2026, 1, 1 + n),
            amount=1,
        )
        for n in range(1, 5)
        for one in made
    ]
    db.session.add_all([*made, *more])
    db.session.commit()
    ids = [each.id for each in [*made, *more]]
    counted: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    keys = ["titoli.scadenza", "clienti.nominativo", "titoli.totale"]
    streamed = dict(rows.stream(db.session, "titoli_anagrafica", ids, keys, "it"))
    assert len(counted) <= 5 + 5 + 1
    assert list(streamed) == [each.id for each in people]
    assert {len(each["titoli"]) for each in streamed.values()} == {5}  # type: ignore[arg-type]
    assert streamed == rows.load(db.session, "titoli_anagrafica", ids, keys, "it")
    for each in streamed.values():
        lines: Any = each["titoli"]
        dates = [row["titoli.scadenza"] for row in lines]
        assert dates == sorted(dates)


def test_addressees_say_whom_a_mail_goes_to_and_for_which_rows(app: Flask) -> None:
    client = anna(email1=" ", email2=" a@x.it", email3="b@x.it")
    off = anna(display_name="Chiuso", email1="off@x.it", active=False)
    first = instalment(policy(client), date(2026, 5, 1), "1")
    second = instalment(policy(off), date(2026, 4, 1), "1")
    third = instalment(policy(client), date(2026, 3, 1), "1")
    ids = [first.id, second.id, third.id]
    found = list(rows.addressees(db.session, "titoli_anagrafica", ids))
    assert [(each.row_id, each.client_id, each.row_ids, each.active) for each in found] == [
        (client.id, client.id, (first.id, third.id), True),
        (off.id, off.id, (second.id,), False),
    ]
    assert found[0].addresses == (("email2", "a@x.it"), ("email3", "b@x.it"))
    each_alone = list(rows.addressees(db.session, "titoli", ids))
    assert [(each.row_id, each.client_id) for each in each_alone] == [
        (first.id, client.id),
        (second.id, off.id),
        (third.id, client.id),
    ]


def test_addressees_of_contacts_are_the_contacts(app: Flask) -> None:
    client = anna(email1="anna@x.it")
    one = saved(Contact(client_id=client.id, first_name="Ugo", last_name="Neri", email="u@x.it"))
    gone = saved(Contact(client_id=client.id, email="v@x.it", active=False))
    found = list(rows.addressees(db.session, "ind_tlm", [one.id, gone.id]))
    assert [(each.name, each.addresses, each.active) for each in found] == [
        ("Ugo Neri", (("contact", "u@x.it"),), True),
        ("", (("contact", "v@x.it"),), False),
    ]


def test_the_catalogue_of_everything_knows_rows_and_totals() -> None:
    assert CATALOGUE.find("titoli", "totale")
    assert CATALOGUE.find("titoli", "importo")
    assert set(CATALOGUE.modules) == {"clienti", "ind_tlm", "polizze", "titoli"}
