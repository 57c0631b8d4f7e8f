"""An office to measure: a real application on a database of its own, clients, a campaign."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask
from sqlalchemy import func, insert, select

from app import create_app
from ctm import counters
from ctm.extensions import db
from ctm.mailing import control
from ctm.models import Campaign, CampaignMember, Client, Message, SmtpAccount, Worker
from tests import factories

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 16
NOT_SENT = ("queued", "failed", "uncertain", "skipped", "cancelled")
FIRST_NAMES = ("Niccolò", "Anna", "Zoë", "Marco", "Lucia", "José", "Paola", "Ugo")


@dataclass(frozen=True)
class Office:
    """An application and the environment in which its other processes see the same one."""

    app: Flask
    environment: dict[str, str]

    def python(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "app", *arguments]


def office(folder: Path, **settings: Any) -> Office:
    """An empty office in ``folder``; its database is migrated as an installation's is."""
    chosen = {
        "CTM_INSTANCE": str(folder / "instance"),
        "CTM_LANGUAGE": "it",
        "CTM_PUBLIC_URL": "https://posta.example.it",
        "CTM_ALLOW_PRIVATE_HOSTS": "1",
    } | settings
    environment = os.environ | {key: str(value) for key, value in chosen.items()}
    upgrade = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    subprocess.run(upgrade, check=True, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    quiet = {"CTM_WORKER": False, "CTM_SCHEDULER": False, "TESTING": True}
    return Office(create_app(chosen | quiet), environment)


def add_clients(count: int) -> None:
    rows = [
        {
            "first_name": FIRST_NAMES[number % len(FIRST_NAMES)],
            "last_name": f"D'Amico {number}",
            "display_name": f"D'Amico {number}",
            "email1": f"cliente{number}@example.it",
        }
        for number in range(count)
    ]
    db.session.execute(insert(Client), rows)
    db.session.commit()


def body() -> str:
    """A mail of about 5 KB on the wire with 20 links."""
    rows = "".join(
        f'<tr><td style="padding:4px">Polizza numero {number}</td>'
        f'<td><a href="https://www.example.it/p/{number}">vedi</a></td></tr>'
        for number in range(20)
    )
    return f"<p>Gentile [clienti.nome] [clienti.cognome],</p><table>{rows}</table><p>A presto.</p>"


def waiting_campaign(
    port: int, *, host: str = "127.0.0.1", security: str = "none", mails: int | None = None
) -> Campaign:
    """A started campaign to all clients (or the first ``mails``), paused before the first mail."""
    account: SmtpAccount = factories.account(
        port=port, host=host, security=security, connections=CONNECTIONS
    )
    campaign: Campaign = factories.campaign(
        account=account, subject="[clienti.nome], le tue polizze", body_html=body()
    )
    members = select(db.literal(campaign.id), Client.id).order_by(Client.id).limit(mails)
    names = ["campaign_id", "client_id"]
    db.session.execute(insert(CampaignMember).from_select(names, members))
    count = select(func.count()).where(CampaignMember.campaign_id == campaign.id)
    counters.add(campaign.id, {"members": db.session.scalar(count) or 0})
    db.session.commit()
    control.start(campaign, wait=True)
    control.pause(campaign)
    return campaign


@contextmanager
def workers(place: Office, count: int) -> Iterator[Sequence["subprocess.Popen[bytes]"]]:
    """Running worker processes, as an installation has them."""
    command = place.python("worker")
    log = open(Path(place.environment["CTM_INSTANCE"]) / "worker.log", "ab")  # noqa: SIM115
    with log:
        started = [
            subprocess.Popen(command, cwd=ROOT, env=place.environment, stdout=log, stderr=log)
            for _ in range(count)
        ]
        try:
            _until(lambda: _signed_in() == count, 30, "the workers do not start")
            yield started
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait(30)


def _signed_in() -> int:
    found = db.session.scalar(select(func.count()).select_from(Worker))
    db.session.rollback()
    return found or 0


def _until(condition: Any, seconds: float, words: str, step: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(words)
        time.sleep(step)


def deliver(campaign: Campaign, seconds: float = 300.0) -> float:
    """Let a waiting campaign leave; mails per second from RESUME to the last durable outcome."""
    campaign_id = campaign.id
    total = counters.read(campaign_id)["total"]
    db.session.rollback()

    def done() -> bool:
        left = counters.read(campaign_id)["queued"]
        db.session.rollback()
        return left == 0

    start = time.perf_counter()
    control.resume(campaign)
    _until(done, seconds, "the campaign does not end")
    taken = time.perf_counter() - start
    demand_all_sent(campaign_id, total)
    return total / taken


def demand_all_sent(campaign_id: int, total: int) -> None:
    """End with words unless every mail of the campaign is sent, by its row and by the counters."""
    query = select(Message.state, func.count()).where(Message.campaign_id == campaign_id)
    states = {row[0]: row[1] for row in db.session.execute(query.group_by(Message.state))}
    kept = counters.read(campaign_id)
    db.session.rollback()
    if states != {"sent": total}:
        sys.exit(f"not all {total} mails are sent: {states}")
    if kept.get("sent") != total or any(kept.get(name) for name in NOT_SENT):
        sys.exit(f"the counters do not say that {total} mails are sent: {kept}")


def peak_mb(process: "subprocess.Popen[bytes]") -> float:
    """The most memory a process held, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
