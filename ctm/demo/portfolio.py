"""The demo office's policies and instalments: believable, the same every time."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ctm.extensions import db
from ctm.models import Client, Instalment
from ctm.portfolio import checks, operations

COMPANIES = ("Riunite Adriatiche", "Tirrena Vita", "Lombarda Mutua", "Sempione Danni")
MONTHS = {"Annuale": 12, "Semestrale": 6, "Quadrimestrale": 4, "Mensile": 1}
PRODUCTS: tuple[tuple[str, str, str, tuple[int, int], tuple[str, ...]], ...] = (
    ("RC Auto", "Guida Serena", "plate", (320, 980), ("Annuale", "Semestrale")),
    ("Casa", "Casa Protetta", "home", (140, 420), ("Annuale",)),
    ("Infortuni", "Passo Sicuro", "name", (90, 310), ("Annuale", "Semestrale")),
    ("Vita", "Domani", "name", (600, 2400), ("Mensile", "Annuale")),
    ("Salute", "Salute Più", "name", (380, 1400), ("Annuale", "Semestrale", "Mensile")),
)
FIRMS: tuple[tuple[str, str, str, tuple[int, int], tuple[str, ...]], ...] = (
    ("RC Professionale", "Impresa Tutela", "name", (450, 3800), ("Annuale", "Semestrale")),
    ("Incendio", "Sede Sicura", "home", (300, 2600), ("Annuale",)),
    ("Flotte", "Flotta Aziendale", "plate", (900, 9800), ("Semestrale", "Quadrimestrale")),
)
LETTERS = "ABCDEFGHJKLMNPRSTVWXYZ"


def create(rng: Random, today: date, clients: list[Client]) -> int:
    """Give the clients policies, and these the instalments of a year and a half; how many."""
    number = 0
    for client in clients:
        if client.kind not in {"person", "company"}:
            continue
        offers = PRODUCTS if client.kind == "person" else FIRMS
        for product in rng.sample(offers, rng.choice((0, 1, 1, 1, 2, 2))):
            number += 1
            _policy(rng, today, client, product, number)
    db.session.flush()
    return number


def _policy(rng: Random, today: date, client: Client, product: Any, number: int) -> None:
    branch, name, covered, (low, high), frequencies = product
    start = today - timedelta(days=rng.randint(5, 360))
    frequency = rng.choice(frequencies)
    premium = Decimal(rng.randint(low, high)) + Decimal(rng.choice((0, 0, 50, 90))) / 100
    state = rng.choices(("active", "suspended", "cancelled", "expired"), (88, 3, 4, 5))[0]
    end = _later(start, 12) if state != "expired" else today - timedelta(days=rng.randint(3, 90))
    policy = operations.new_policy(client)
    values = {
        "number": f"{start.year}/{1000 + number * 7}",
        "company": rng.choice(COMPANIES),
        "branch": branch,
        "product": name,
        "state": state,
        "start_date": min(start, end - timedelta(days=365)) if state == "expired" else start,
        "end_date": end,
        "premium": premium,
        "frequency": frequency,
        "insured": _insured(rng, client, covered),
    }
    operations.assign_policy(policy, checks.clean_policy(values))
    db.session.add(policy)
    db.session.flush()
    _instalments(rng, today, policy, premium, MONTHS[frequency])


def _instalments(rng: Random, today: date, policy: Any, premium: Decimal, months: int) -> None:
    parts = 12 // months
    amount = (premium / parts).quantize(Decimal("0.01"))
    for part in range(parts + (12 // months == 1)):
        due = _later(policy.start_date, part * months)
        late = (today - due).days
        paid = late > 45 or (late > 0 and rng.random() < 0.7) or part == 0
        closed = policy.state in {"cancelled", "expired"} and late < 0
        state = "cancelled" if closed else "paid" if paid and late >= 0 else "open"
        instalment: Instalment = operations.new_instalment(policy)
        values = {
            "number": f"{policy.number}-{part + 1}",
            "due_date": due,
            "amount": amount,
            "state": state,
            "paid_date": min(today, due + timedelta(days=rng.randint(0, 20)))
            if state == "paid"
            else None,
        }
        operations.assign_instalment(instalment, checks.clean_instalment(values))
        db.session.add(instalment)


def _later(day: date, months: int) -> date:
    """The same day some months on, the 28th at the latest."""
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, min(day.day, 28))


def _insured(rng: Random, client: Client, covered: str) -> str:
    if covered == "plate":
        first, last = ("".join(rng.choice(LETTERS) for _ in range(2)) for _ in range(2))
        return f"{first}{rng.randint(100, 999)}{last}"
    if covered == "home":
        return ", ".join(part for part in (client.street, client.city) if part)
    return client.display_name
