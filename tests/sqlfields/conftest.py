"""Rows of the office that the queries of these tests speak of."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from ctm import sqlfields
from ctm.extensions import db
from ctm.models import Client, Contact, Instalment, Policy

Give = Callable[..., str]


def _add(*rows: Any) -> None:
    db.session.add_all(rows)
    db.session.commit()


@pytest.fixture
def office(app: Flask) -> None:
    """Two clients, contacts, policies with their instalments; ids are the ones given here."""
    giulia = Client(
        id=1,
        code="C-1",
        first_name="Giulia",
        last_name="D'Amico",
        display_name="D'Amico Giulia",
        city="Forlì",
        birth_date=date(1980, 2, 29),
        email1="giulia@example.it",
        notes="A; B\nC “è” 100% \\ %d",
        created_at=datetime(2026, 7, 1, 22, 30, 15, 250000),
    )
    perù = Client(
        id=2,
        kind="company",
        active=False,
        company_name="Perù & Figli",
        display_name="Perù & Figli",
        created_at=datetime(2026, 1, 1, 23, 30),
    )
    _add(giulia, perù)
    _add(Contact(id=5, client_id=2, first_name="Luca", email="luca@example.it"))
    _add(
        Policy(id=10, client_id=1, number="RCA-10", company="Assicura", premium=Decimal("1500")),
        Policy(id=11, client_id=1, number="rca-9", company="ÈLITE", state="expired"),
        Policy(id=12, client_id=2, number="INC-1", company="Assicura", premium=Decimal("0.1")),
    )
    _add(
        Instalment(
            id=100,
            policy_id=10,
            client_id=1,
            number="1",
            due_date=date(2026, 1, 31),
            amount=Decimal("1234567.89"),
        ),
        Instalment(
            id=101,
            policy_id=10,
            client_id=1,
            number="2",
            due_date=date(2026, 7, 5),
            amount=Decimal("0.10"),
            state="paid",
            paid_date=date(2026, 7, 6),
        ),
        Instalment(
            id=102,
            policy_id=11,
            client_id=1,
            number="10",
            due_date=date(2025, 12, 29),
            amount=Decimal("0.20"),
        ),
    )


@pytest.fixture
def give(office: None) -> Give:
    """What a query gives for a row, by default the first instalment."""

    def ask(query: str, row_id: int = 100) -> str:
        return sqlfields.values(db.session, {"field": query}, [row_id])[row_id]["field"]

    return ask
