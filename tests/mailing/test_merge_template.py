"""Fields in plain text, and the catalogue."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.merge import (
    CATALOGUE,
    CLIENTS,
    Catalogue,
    Field,
    Literal,
    MergeError,
    MergeField,
    Module,
    compile_template,
)
from ctm.models import Client

POLICIES = Module.of(
    "polizze",
    "Policies",
    [
        MergeField("importo", "Amount", "amount", Decimal(1500), attribute="amount"),
        MergeField("numero", "Number", "number", 42, attribute="number"),
    ],
)
BOTH = Catalogue.of(*CATALOGUE.modules.values(), POLICIES)
VALUES = {
    "clienti.nome": "Zoé",
    "clienti.data": date(2020, 1, 20),
    "clienti.citta": "Forlì",
    "polizze.importo": Decimal("1500"),
    "polizze.numero": 42,
}


def rendered(source: str) -> str:
    return compile_template(source, BOTH, html=False).render(VALUES)


def refused(source: str, *, html: bool = False) -> MergeError:
    with pytest.raises(MergeError) as caught:
        compile_template(source, BOTH, html=html)
    return caught.value


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Ciao [clienti.nome]!", "Ciao Zoé!"),
        ("[clienti.data]", "20/01/2020"),
        ("[clienti.data;frm='dd/mm/YYYY']", "20/01/2020"),
        ("[clienti.data;frm=’mm-dd-YYYY’]", "01-20-2020"),
        ("[clienti.data;frm=‘d mmmm’]", "20 gennaio"),
        ('[clienti.data;frm="d mmmm"]', "20 gennaio"),
        ("[clienti.data;frm=dd/mm/yy]", "20/01/20"),
        ("[polizze.importo;frm=’0.000,00 €’]", "1.500,00 €"),
        ("[polizze.importo;frm=’€ 0000.00’]", "€ 1500.00"),
        ("[polizze.importo]", "1.500,00"),
        ("[polizze.numero;frm='00000']", "00042"),
        ("[ Clienti . NOME ]", "Zoé"),
        ("[clienti.città]", "Forlì"),
        ("[clienti\u200b.nome]", "Zoé"),
        ("[clienti.cognome;ifempty='Cliente']", "Cliente"),
        ("[clienti.cognome;ifempty='dell'assicurato']", "dell'assicurato"),
        ("[clienti.cognome;ifempty='a;b]c']", "a;b]c"),
        ("[clienti.data;frm='dd' ; ifempty='-']", "20"),
        ("[clienti.data;\n  frm='dd']", "20"),
        ("[[clienti.nome]]", "[Zoé]"),
        ("[nota] [1] [a.b] [] ] [", "[nota] [1] [a.b] [] ] ["),
        ("{{nome}} {% x %} %(y)s", "{{nome}} {% x %} %(y)s"),
    ],
)
def test_fields_in_text(source: str, shown: str) -> None:
    assert rendered(source) == shown


def test_a_value_is_never_read_as_a_field() -> None:
    template = compile_template("[clienti.nome]", CATALOGUE, html=False)
    assert template.render({"clienti.nome": "[clienti.cognome]"}) == "[clienti.cognome]"


def test_the_compiled_form_has_literals_and_fields_in_order() -> None:
    template = compile_template(
        "A [clienti.nome] [clienti.data] [clienti.nome]", CATALOGUE, html=False
    )
    assert template.fields == ("clienti.nome", "clienti.data")
    kinds = [type(piece) for piece in template.pieces]
    assert kinds == [Literal, Field, Literal, Field, Literal, Field]


def test_an_address_in_text_gets_its_values_encoded() -> None:
    source = "https://x.it/?q=[clienti.nome] e [clienti.nome]"
    values = {"clienti.nome": "a b&c"}
    template = compile_template(source, CATALOGUE, html=False)
    assert template.render(values) == "https://x.it/?q=a%20b%26c e a b&c"


def test_controls_and_lone_surrogates_do_not_get_through() -> None:
    template = compile_template("[clienti.nome]", CATALOGUE, html=False)
    assert template.render({"clienti.nome": "a\0b\x1b\ud800c\r\nd"}) == "abc\nd"


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("[clienti.nme]", "clienti.nome"),
        ("[cliente.nome]", "clienti.nome"),
        ("[clienti.ragionesociale]", "clienti.ragione_sociale"),
        ("[clienti.data;fmr='dd']", "frm"),
    ],
)
def test_a_near_miss_is_suggested(source: str, suggestion: str) -> None:
    error = refused(source)
    assert error.suggestions[0] == suggestion
    assert suggestion in error.message


@pytest.mark.parametrize(
    "source",
    [
        "[clienti.zzzzz]",
        "[clienti.]",
        "[clienti.nome",
        "[clienti.nome frm='dd']",
        "[clienti.nome;]",
        "[clienti.nome;frm='dd']",
        "[clienti.data;frm]",
        "[clienti.data;frm='']",
        "[clienti.data;frm='dd]",
        "[clienti.data;frm='boh']",
        "[clienti.data;frm='dd';frm='mm']",
        "[clienti.data;block=tr]",
        "[polizze.importo;frm='dd/mm/yyyy']",
        "[clienti.nome;ifempty='" + "x" * 2000 + "']",
    ],
)
@pytest.mark.parametrize("html", [False, True])
def test_a_field_that_cannot_be_filled_in_is_refused(source: str, html: bool) -> None:
    error = refused(f"riga\n  {source}", html=html)
    assert (error.line, error.column) == (2, 3)
    assert error.text.startswith("[clienti" if "clienti" in source else "[polizze")
    assert "Line 2, column 3" in error.message


@given(st.text())
def test_text_without_a_field_stays_as_it_is(source: str) -> None:
    shown = compile_template(source, CATALOGUE, html=False)
    assert "".join(piece.text for piece in shown.pieces) == source


def test_every_field_of_clients_is_read_from_a_client() -> None:
    for field in CLIENTS.fields.values():
        own = field.column is not None or not field.attribute
        assert own or hasattr(Client, field.attribute), field.name


def test_stored_codes_become_words() -> None:
    assert CLIENTS.fields["tipo"].value_of("person") == "Person"
    assert CLIENTS.fields["tipo"].value_of("else") == "else"
    assert CLIENTS.fields["data"].value_of(None) == datetime.now(UTC).date()


def test_stored_times_are_shown_in_the_offices_zone(app: Flask) -> None:
    entered = CLIENTS.fields["data_inserimento"]
    assert entered.value_of(datetime(2026, 7, 1, 22, 30)) == datetime(2026, 7, 2, 0, 30)
    assert entered.value_of(None) is None


def test_samples_fill_every_field() -> None:
    samples = CATALOGUE.samples()
    source = " ".join(f"[{key}]" for key in samples)
    template = compile_template(source, CATALOGUE, html=True)
    assert set(template.fields) == set(samples)
    assert "D&#x27;Amico" in template.render(samples)
