"""The manual's paragraphs about merge fields, example by example, and how a module is added."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.mailing.merge import (
    MODULES,
    MergeError,
    MergeModule,
    Module,
    catalogue_of,
    compile_template,
    legend,
    module_named,
    modules,
    rows,
)
from ctm.models import Client, Contact, Instalment, MailTemplate, Policy
from ctm.templates import previewing
from tests.mailing.listmail import office

ROOT = Path(__file__).resolve().parent.parent.parent


def saved(record: Any) -> Any:
    db.session.add(record)
    db.session.commit()
    return record


def shown(module: str, source: str, ids: list[int], **sql: object) -> list[str]:
    """The text of each mail that a template makes of chosen rows."""
    names = {name.removeprefix("sql_"): False for name in sql} or None
    template = compile_template(source, catalogue_of(module, names), html=False)
    found = rows.stream(db.session, module, ids, template.fields, "it")
    extra = {name.replace("sql_", "sql."): value for name, value in sql.items()}
    return [template.render({**values, **extra}) for _row, values in found]


def keys_of(fields: Module) -> list[str]:
    return [f"{fields.name}.{name}" for name in fields.fields]


@pytest.fixture
def anna(app: Flask) -> Client:
    return saved(Client(first_name="Anna", display_name="Rossi Anna", email1="anna@x.it"))  # type: ignore[no-any-return]


@pytest.fixture
def instalments(anna: Client) -> list[int]:
    """Two of Anna's and one of somebody else's."""
    other = saved(Client(first_name="Ugo", display_name="Neri Ugo", email1="ugo@x.it"))
    made = []
    for of, due, amount in ((anna, 20, 1500), (other, 21, 10), (anna, 10, "0.50")):
        policy = saved(Policy(client_id=of.id, number=f"P{due}"))
        record = Instalment(
            policy_id=policy.id,
            client_id=of.id,
            number=f"T{due}",
            due_date=date(2020, 1, due),
            amount=Decimal(amount),
        )
        made.append(saved(record).id)
    return made


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("[clienti.data;frm=’dd/mm/YYYY’]", "20/01/2020"),
        ("[clienti.data;frm=’mm-dd-YYYY’]", "01-20-2020"),
        ("[clienti.importo;frm=’0.000,00 €’]", "1.500,00 €"),
        ("[clienti.importo;frm=’€ 0000.00’]", "€ 1500.00"),
    ],
)
@pytest.mark.parametrize("module", MODULES)
def test_invio_mail_avanzata_formattazione_dei_campi_data_e_importi(
    module: str, source: str, result: str
) -> None:
    values = {"clienti.data": date(2020, 1, 20), "clienti.importo": Decimal(1500)}
    for html in (False, True):
        template = compile_template(source, catalogue_of(module), html=html)
        assert template.render(values) == result


def test_invio_mail_avanzata_campo_da_un_comando_sql(instalments: list[int]) -> None:
    found = shown("titoli", "{{data_scadenza}}", instalments[:1], sql_data_scadenza="20/01/2020")
    assert found == ["20/01/2020"]


def test_invio_mail_avanzata_elenco_dei_campi_per_quel_singolo_modulo() -> None:
    for name, module in MODULES.items():
        texts = {entry.text for group in legend(name) for entry in group.entries}
        assert {f"[{key}]" for key in module.fields} <= texts
        assert any(text.startswith(";frm='dd/mm/YYYY'") for text in texts)
    hidden = {
        "clienti": "[titoli.importo]",
        "titoli": "[ind_tlm.email]",
        "ind_tlm": "[polizze.ramo]",
    }
    for name, text in hidden.items():
        with pytest.raises(MergeError, match="not a field of this module"):
            compile_template(text, catalogue_of(name), html=False)


def test_invio_mail_da_titoli_con_il_modulo_titoli_una_mail_per_ogni_titolo(
    instalments: list[int],
) -> None:
    source = "[clienti.nome]: [titoli.numero] [polizze.numero] [titoli.scadenza;frm='d mmmm']"
    assert shown("titoli", source, instalments) == [
        "Anna: T20 P20 20 gennaio",
        "Ugo: T21 P21 21 gennaio",
        "Anna: T10 P10 10 gennaio",
    ]


def test_invio_mail_da_titoli_con_titoli_anagrafica_una_sola_mail_con_la_lista_dei_titoli(
    instalments: list[int],
) -> None:
    source = "[clienti.nome] [titoli.totale]:\n- [titoli.scadenza;block=line] [titoli.importo]\n"
    assert shown("titoli_anagrafica", source, instalments) == [
        "Anna 1.500,50:\n- 10/01/2020 0,50\n- 20/01/2020 1.500,00\n",
        "Ugo 10,00:\n- 21/01/2020 10,00\n",
    ]


def test_invio_mail_a_tutti_i_contatti_di_una_sola_anagrafica(anna: Client) -> None:
    contacts = [
        saved(Contact(client_id=anna.id, first_name=name, email=f"{name}@x.it"))
        for name in ("Bea", "Ciro")
    ]
    ids = [each.id for each in contacts]
    found = shown("ind_tlm", "[ind_tlm.nome] ([clienti.nominativo])", ids)
    assert found == ["Bea (Rossi Anna)", "Ciro (Rossi Anna)"]
    to = [each.addresses for each in rows.addressees(db.session, "ind_tlm", ids)]
    assert to == [(("contact", "Bea@x.it"),), (("contact", "Ciro@x.it"),)]


def test_invio_mail_da_polizze(instalments: list[int]) -> None:
    policy = db.session.execute(db.select(Policy.id).limit(1)).scalar_one()
    assert shown("polizze", "[polizze.numero] [clienti.nome]", [policy]) == ["P20 Anna"]


@pytest.mark.one_database
@pytest.mark.parametrize("name", MODULES)
def test_samples_fill_in_a_template_that_uses_every_field_of_a_module(name: str) -> None:
    catalogue = catalogue_of(name, {"extra": False})
    single = [
        f"[{each.name}.{field}]" for each in catalogue.modules.values() for field in each.fields
    ]
    of_rows = [
        f"[{each.name}.{field}]"
        for owners in catalogue.lists.values()
        for each in owners
        for field in each.fields
    ]
    source = " ".join([*single, "{{extra}}"])
    if of_rows:
        source += f" [titoli;block=begin]{' '.join(of_rows)}[titoli;block=end]"
    template = compile_template(source, catalogue, html=True)
    samples = catalogue.samples()
    assert set(MODULES[name].fields) <= set(template.fields)
    unset = {key for key in template.empty(samples) if not key.endswith((".note", ".email3"))}
    assert unset <= {"titoli.data_pagamento"}


@pytest.mark.one_database
def test_a_module_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="“titolo”"):
        module_named("titolo")
    with pytest.raises(InvalidInput):
        catalogue_of("x" * 500)
    assert module_named("") is MODULES["clienti"]


@pytest.mark.one_database
@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_no_total_is_called_as_a_field_of_a_row(module: MergeModule) -> None:
    if module.grouping:
        own = {
            f"{source.fields.name}.{name}"
            for source in module.sources
            for name in source.fields.fields
        }
        assert not own & {f"{module.grouping.block}.{t.field.name}" for t in module.grouping.totals}
        assert {total.key for total in module.grouping.totals} <= own


def test_a_module_is_added_as_contributing_says(
    instalments: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(_POLICIES_BY_CLIENT.*?)```", text, re.S)
    names = dict(vars(modules))
    exec(code, names)
    module = names["_POLICIES_BY_CLIENT"]
    monkeypatch.setitem(MODULES, module.name, module)
    policies = list(db.session.scalars(db.select(Policy).order_by(Policy.id)))
    ids = [each.id for each in policies]
    source = "[clienti.nome]: [polizze;block=begin][polizze.numero] [polizze;block=end]"
    assert shown(module.name, source, ids) == ["Anna: P10 P20 ", "Ugo: P21 "]
    texts = {entry.text for group in legend(module.name) for entry in group.entries}
    assert {"[polizze.numero]", "[polizze.totale]", "[polizze;block=begin]"} <= texts
    body = "<table><tr><td>[polizze.numero;block=tr]</td></tr></table>"
    template = MailTemplate(module=module.name, name="Elenco", subject="x", body_html=body)
    preview = previewing.shown(template, db.session.get(Client, policies[0].client_id))
    assert preview.text == "P10\nP20\n"
    written = {"subject": "[polizze.totale;ifempty='-']", "body_html": body}
    draft = office.draft_of(*office.sender_with_account(), module.name, policies, **written)
    queued = office.mails(office.send(draft))
    assert [each.to_address for each in queued] == ["anna@x.it", "ugo@x.it"]
    assert [len((each.merge_values or {})["polizze"]) for each in queued] == [2, 1]
