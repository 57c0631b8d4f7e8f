"""Policies and instalments: what is kept, what is refused, what follows from a change."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import func, select

from ctm.clients import operations as clients
from ctm.errors import InvalidInput, NotFound
from ctm.extensions import db
from ctm.lists.values import InvalidFields, read_amount, today, write_amount
from ctm.models import AuditEntry, Client, Instalment, Policy
from ctm.portfolio import operations

pytestmark = pytest.mark.usefixtures("app")

POLICY = {"number": "2026/77", "company": "Tirrena", "premium": "1.500,00"}


@pytest.fixture
def client(app: Flask) -> Client:
    return clients.create({"last_name": "Rossi", "email1": "rossi@example.com"})


@pytest.fixture
def policy(client: Client) -> Policy:
    return operations.create_policy(client, POLICY)


def test_a_policy_is_kept_with_its_words_and_a_line_in_the_audit_log(client: Client) -> None:
    policy = operations.create_policy(
        client, POLICY | {"branch": "Città", "start_date": "01/02/2026", "end_date": "2027-02-01"}
    )
    db.session.expire_all()
    assert (policy.client_id, policy.premium, policy.state) == (client.id, Decimal(1500), "active")
    assert (policy.start_date, policy.end_date) == (date(2026, 2, 1), date(2027, 2, 1))
    assert {"2026/77", "202677", "tirrena", "citta"} <= set(policy.search_text.split())
    assert db.session.scalar(select(AuditEntry.action).where(AuditEntry.object_id == policy.id))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"number": " "}, "number", "Write the policy's number"),
        ({"number": "x" * 61}, "number", "61 characters"),
        ({"number": "a\x00b"}, "number", "cannot be written"),
        ({"state": "sold"}, "state", "is no state"),
        ({"start_date": "31/02/2026"}, "start_date", "not a date"),
        ({"start_date": "01/01/0026"}, "start_date", "out of reach"),
        ({"start_date": "02/01/2026", "end_date": "01/01/2026"}, "end_date", "ends before"),
        ({"premium": "much"}, "premium", "not an amount"),
        ({"premium": "-1"}, "premium", "not negative"),
        ({"premium": "1,5,0"}, "premium", "not an amount"),
        ({"premium": "99999999999"}, "premium", "too large"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    client: Client, values: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(InvalidFields) as refusal:
        operations.create_policy(client, POLICY | values)
    assert words in str(refusal.value.errors[field])
    assert db.session.scalar(select(func.count()).select_from(Policy)) == 0


def test_a_number_is_an_insurers_own(client: Client, policy: Policy) -> None:
    with pytest.raises(InvalidFields, match="in the list already"):
        operations.create_policy(client, POLICY | {"company": "TIRRENA"})
    other = operations.create_policy(client, POLICY | {"company": "Lombarda"})
    with pytest.raises(InvalidFields, match="in the list already"):
        operations.update_policy(other, {"company": "tirrena"})
    assert other.company == "Lombarda"
    operations.update_policy(policy, POLICY)


def test_a_policy_needs_a_client_and_an_instalment_a_policy() -> None:
    with pytest.raises(InvalidFields, match="client first"):
        operations.create_policy(None, POLICY)
    with pytest.raises(InvalidFields, match="policy first"):
        operations.create_instalment(None, {"due_date": "01/01/2026", "amount": "1"})
    with pytest.raises(NotFound):
        operations.get_policy(1)
    with pytest.raises(NotFound):
        operations.get_instalment(1)


def test_instalments_go_along_when_a_policy_changes_hands(policy: Policy) -> None:
    one = operations.create_instalment(policy, {"due_date": "2026-12-01", "amount": "750"})
    assert one.client_id == policy.client_id
    heir = clients.create({"last_name": "Bianchi"})
    operations.update_policy(policy, {}, heir)
    db.session.expire_all()
    assert one.client_id == policy.client_id == heir.id


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"due_date": ""}, "due_date", "falls due"),
        ({"due_date": "soon"}, "due_date", "not a date"),
        ({"amount": ""}, "amount", "Write the amount"),
        ({"amount": "1.2.3"}, "amount", "not an amount"),
        ({"state": "lost"}, "state", "is no state"),
        ({"paid_date": "01/01/2026"}, "paid_date", "Only a paid"),
        ({"state": "paid", "paid_date": "31/12/2198"}, "paid_date", "in the future"),
    ],
)
def test_an_instalment_that_cannot_be_is_refused(
    policy: Policy, values: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(InvalidFields) as refusal:
        operations.create_instalment(policy, {"due_date": "2026-12-01", "amount": "1"} | values)
    assert words in str(refusal.value.errors[field])
    assert db.session.scalar(select(func.count()).select_from(Instalment)) == 0


def test_a_refused_change_leaves_the_instalment_as_it_was(policy: Policy) -> None:
    one = operations.create_instalment(policy, {"due_date": "2026-12-01", "amount": "750"})
    with pytest.raises(InvalidFields):
        operations.update_instalment(one, {"amount": "800", "paid_date": "01/01/2026"})
    assert (one.amount, one.paid_date) == (Decimal(750), None)


def test_paid_is_paid_today_and_can_be_taken_back(policy: Policy) -> None:
    due = {"due_date": "2026-12-01", "amount": "750"}
    first = operations.create_instalment(policy, due)
    paid = operations.create_instalment(policy, due | {"state": "paid"})
    gone = operations.create_instalment(policy, due | {"state": "cancelled"})
    assert paid.paid_date == today()
    assert operations.mark_paid([first.id, paid.id, gone.id]) == 1
    db.session.expire_all()
    assert (first.state, first.paid_date, gone.state) == ("paid", today(), "cancelled")
    assert operations.mark_open([first.id]) == 1
    db.session.expire_all()
    assert (first.state, first.paid_date) == ("open", None)
    operations.update_instalment(paid, {"state": "open", "paid_date": today().isoformat()})
    assert (paid.state, paid.paid_date) == ("open", None)


def test_deleting_takes_along_what_belongs_to_it(client: Client, policy: Policy) -> None:
    one = operations.create_instalment(policy, {"due_date": "2026-12-01", "amount": "750"})
    assert operations.delete_instalments([one.id, 999]) == 1
    operations.create_instalment(policy, {"due_date": "2026-12-01", "amount": "750"})
    assert operations.delete_policies([policy.id]) == 1
    assert db.session.scalar(select(func.count()).select_from(Instalment)) == 0
    again = operations.create_policy(client, POLICY)
    operations.create_instalment(again, {"due_date": "2026-12-01", "amount": "1"})
    clients.delete([client.id])
    for model in (Policy, Instalment):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("locale", "text", "amount"),
    [
        ("it", "1.500,00", "1500"),
        ("it", "1.500", "1500"),
        ("it", "1500.5", "1500.50"),
        ("it", "1.234.567,89", "1234567.89"),
        ("it", "€ 12,30", "12.30"),
        ("it", "-7,5 €", "-7.50"),
        ("en", "1,500.00", "1500"),
        ("en", "1,500", "1500"),
        ("en", "1.500,00", "1500"),
        ("en", "0.05", "0.05"),
        ("it", "", None),
    ],
)
def test_amounts_are_read_as_the_locale_writes_them(
    locale: str, text: str, amount: str | None
) -> None:
    with force_locale(locale):
        read = read_amount(text)
        assert read == (None if amount is None else Decimal(amount))
        assert read_amount(write_amount(read)) == read


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("locale", "text"),
    [("it", "1,500"), ("en", "1.500"), ("it", "1.50.000"), ("it", "1,2,3"), ("it", "1.500.00,0")],
)
def test_an_amount_that_may_mean_two_things_is_refused(locale: str, text: str) -> None:
    with force_locale(locale), pytest.raises(InvalidInput, match=r"not an amount|non è un importo"):
        read_amount(text)


def test_days_ahead_are_days_of_the_office() -> None:
    assert abs(today() - date.today()) <= timedelta(days=1)
