"""How long one mail takes to make: µs per mail of about 5 KB with 20 tracked links.

``python benchmarks/compose.py [MAILS]``; beside it the standard library's EmailMessage.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ctm.mailing.compose import CompiledMail, MailContent, compile_mail
from ctm.mailing.merge import CATALOGUE

ROUNDS = 5


def content() -> MailContent:
    """A campaign's mail: a greeting, 20 links, some text, all parts."""
    rows = "".join(
        f'<tr><td style="padding:4px">Polizza numero {number}</td>'
        f'<td><a href="https://www.example.it/p/{number}">vedi</a></td></tr>'
        for number in range(20)
    )
    html = f"<p>Gentile [clienti.nome] [clienti.cognome],</p><table>{rows}</table><p>A presto.</p>"
    return MailContent(
        subject="[clienti.nome], le tue polizze",
        html=html,
        text=None,
        from_email="agenzia@example.it",
        from_name="Agenzia Perù",
        public_url="https://posta.example.it",
    )


def fill(mail: CompiledMail, number: int) -> bytes:
    return mail.render(
        to_address=f"cliente{number}@example.it",
        to_name=f"Cliente Numero {number}",
        values={"clienti.nome": "Niccolò", "clienti.cognome": f"D'Amico {number}"},
        token=f"Zk3xW{number:08}aQ9_vB7-LmT5",
        message_id=f"<{number:08}.4f2a@example.it>",
        date=datetime(2026, 1, 20, 9, 30, number % 60, tzinfo=UTC),
    )


def naive(number: int) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["To"] = f"Cliente Numero {number} <cliente{number}@example.it>"
    message["From"] = "Agenzia Perù <agenzia@example.it>"
    message["Subject"] = "Niccolò, le tue polizze"
    message.set_content("Gentile Niccolò\n" * 60)
    message.add_alternative("<p>Gentile Niccolò</p>\n" * 130, subtype="html")
    return message.as_bytes()


def measure(make: Callable[[int], bytes], count: int) -> float:
    """The best of some rounds, in µs per mail."""
    best = float("inf")
    for _round in range(ROUNDS):
        start = time.perf_counter()
        for number in range(count):
            make(number)
        best = min(best, time.perf_counter() - start)
    return best / count * 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    start = time.perf_counter()
    mail = compile_mail(content(), CATALOGUE)
    compiled = (time.perf_counter() - start) * 1e3
    size = len(fill(mail, 1))
    print(f"compile once        {compiled:8.1f} ms ({len(mail.links)} links, {size} bytes a mail)")
    print(f"fill in             {measure(lambda number: fill(mail, number), count):8.1f} µs a mail")
    print(f"EmailMessage, naive {measure(naive, max(count // 100, 10)):8.1f} µs a mail")


if __name__ == "__main__":
    main()
