"""What people watching and recipients reading cost the sender.

``python benchmarks/live.py [MAILS [SECONDS]]``. The server runs as ``make run`` starts it, its
worker sends a campaign to smtp-sink, and by turns it is left alone or fifty supervisors' pages are
open and 500 hits a second come in. Each turn says how much of a core every process took, and how
much of the machine was left. The last line is JSON: medians of the turns.
"""

import json
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import office, population, processes, servers
from ctm.extensions import db
from ctm.models import Campaign, Role, User
from tests import factories

ROUNDS = 3
SUPERVISORS = 50
HITS = 510
EVERY = 2.0
OPENING = 2.5
PAUSE = 1.0


class Books:
    """What the database says, read beside the server."""

    def __init__(self, path: Path, campaign_id: int) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        self._campaign_id = campaign_id

    def counter(self, name: str) -> int:
        query = "SELECT value FROM campaign_counters WHERE campaign_id = ? AND name = ?"
        row = self._connection.execute(query, (self._campaign_id, name)).fetchone()
        return int(row[0]) if row else 0

    def number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0] or 0)

    def turn(self, seconds: float) -> "Turn":
        """Messages a second settled as sent, over some seconds, and what the processes used."""
        used, before, start = processes.used(), self.counter("sent"), time.perf_counter()
        time.sleep(seconds)
        after, lasted = self.counter("sent"), time.perf_counter() - start
        return Turn((after - before) / lasted, processes.shares(used, processes.used(), lasted))


@dataclass(frozen=True)
class Turn:
    """Mails a second, and the share of a core each process took."""

    rate: float
    cores: dict[str, float]


@contextmanager
def server(place: office.Office, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """``python app.py``, which starts its worker, as ``make run`` does."""
    environment = place.environment | {"CTM_PORT": str(port), "CTM_PRACTICE_PORT": "0"}
    log_path = Path(place.environment["CTM_INSTANCE"]) / "server.log"
    with open(log_path, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=office.ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            servers.wait_for(port)
            yield process
        except BaseException:
            print(log_path.read_text()[:6000], file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)


@contextmanager
def visitors() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "benchmarks/visitors.py"],
        cwd=office.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def pages(place: office.Office, campaign: Campaign) -> list[dict[str, Any]]:
    """The pages of fifty supervisors: half of them MAILING, half ONLINE STATISTICS."""
    found = []
    for number in range(SUPERVISORS):
        user: User = factories.user(role=Role.SUPERVISOR, language="en" if number % 5 else "it")
        base = f"/campaigns/{campaign.id}"
        path, live = f"{base}/mailing", f"{base}/live.json?part=mailing"
        if number % 2:
            path, live = f"{base}/statistics", f"{base}/statistics.json?table=links"
        found.append({"path": path, "live": live, "cookie": _cookie(place, user), "every": EVERY})
    return found


def _cookie(place: office.Office, user: User) -> str:
    browser = place.app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = user.get_id()
        session["_fresh"] = True
    cookie = browser.get_cookie("session")
    assert cookie is not None
    return f"session={cookie.value}"


def _order(place: office.Office, campaign: Campaign, books: Books, port: int) -> dict[str, Any]:
    mine = f"FROM messages WHERE campaign_id = {campaign.id}"
    mailing = books.number(f"SELECT max(mailing_id) {mine}")
    return {
        "port": port,
        "key": place.app.extensions["ctm.tracking_key"].decode(),
        "pages": pages(place, campaign),
        "first": books.number(f"SELECT min(id) {mine}"),
        "links": [
            row[0]
            for row in books._connection.execute(
                "SELECT position FROM tracked_links WHERE mailing_id = ?", (mailing,)
            )
        ],
        "rate": HITS,
    }


def measure(place: office.Office, smtp_port: int, seconds: float) -> dict[str, Any]:
    """By turns without and with the load; what was seen, turn by turn."""
    port = servers.free_port()
    campaign = office.waiting_campaign(smtp_port)
    database = Path(place.environment["CTM_INSTANCE"]) / "ctm.sqlite3"
    books = Books(database, campaign.id)
    order = _order(place, campaign, books, port)
    seen: dict[str, Any] = {"alone": [], "loaded": [], "visits": [], "books": books}
    with server(place, port), visitors() as crowd:
        assert crowd.stdout is not None
        office.control.resume(campaign)
        db.session.remove()
        office._until(lambda: books.counter("sent") > 2000, 25, "no mail leaves")
        _ask(
            crowd,
            order | {"pages": order["pages"][:4], "rate": 0, "seconds": 3, "last": 0, "seed": 0},
        )
        crowd.stdout.readline()
        for number in range(ROUNDS):
            seen["alone"].append(books.turn(seconds))
            last = order["first"] + books.counter("sent") - 1000
            now = order | {"seconds": OPENING + seconds + PAUSE, "last": last, "seed": number}
            _ask(crowd, now)
            time.sleep(OPENING)
            seen["loaded"].append(books.turn(seconds))
            seen["left"] = books.counter("queued")
            seen["visits"].append(json.loads(crowd.stdout.readline()))
            print("\n".join(_lines(number, seen)), flush=True)
            time.sleep(PAUSE)
        _settle(seen, books)
    return seen


def _ask(crowd: "subprocess.Popen[str]", order: dict[str, Any]) -> None:
    assert crowd.stdin is not None
    crowd.stdin.write(json.dumps(order) + "\n")
    crowd.stdin.flush()


def _lines(number: int, seen: dict[str, Any]) -> list[str]:
    visits = seen["visits"][-1]
    turns = {name: seen[name][-1] for name in ("alone", "loaded")}
    rates = ", ".join(f"{name} {turn.rate:,.0f}/s" for name, turn in turns.items())
    hits = f"{visits['hits_per_s']:,.0f}/s in {statistics.median(visits['hit_ms']):.1f} ms"
    return [
        f"round {number + 1}: {rates}; hits {hits}, pages p95 {_p95(visits['page_ms']):.0f} ms",
        *(f"  cores, {name}: {_cores(turn.cores)}" for name, turn in turns.items()),
    ]


def _cores(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.2f}" for name, share in shares.items())


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else float("inf")


def _settle(seen: dict[str, Any], books: Books) -> None:
    """Wait until the hits that were answered are in the database, or no more come."""
    seen["answered"] = sum(each["hits_answered"] for each in seen["visits"])
    end = time.monotonic() + 30
    while time.monotonic() < end:
        seen["recorded"] = books.number("SELECT count(*) FROM hits")
        if seen["recorded"] >= seen["answered"]:
            break
        time.sleep(0.2)
    counted = books.number("SELECT sum(requests) + sum(machines) FROM link_counters")
    seen["counted"] = counted


def report(seen: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what is missing for the measurement to be complete."""
    alone, loaded = (
        statistics.median(turn.rate for turn in seen[name]) for name in ("alone", "loaded")
    )
    visits = seen["visits"]
    figures = {
        "sender_loss": round(1 - loaded / alone, 3) if alone else 1.0,
        "page_p95_ms": round(_p95([ms for each in visits for ms in each["page_ms"]]), 1),
        "hits_per_s": round(statistics.median(each["hits_per_s"] for each in visits), 1),
        "hit_p95_ms": round(_p95([ms for each in visits for ms in each["hit_ms"]]), 1),
        "alone_per_s": round(alone),
        "loaded_per_s": round(loaded),
        "hits_answered": seen["answered"],
        "hits_recorded": seen["recorded"],
        "pages_answered": sum(len(each["page_ms"]) for each in visits),
        "mails_left": seen["left"],
    }
    books = seen["books"]
    odd = {s for each in visits for s in each["page_statuses"] if s not in ("200", "304")}
    missing = {
        f"{seen['answered']} hits answered, {seen['recorded']} recorded": seen["answered"]
        != seen["recorded"],
        f"{seen['counted']} hits counted": seen["answered"] != seen["counted"],
        "connections broke": any(each["broken"] for each in visits),
        "hits not answered": any(e["hits_sent"] != e["hits_answered"] for e in visits),
        f"pages answered {', '.join(odd)}": bool(odd),
        "the campaign ended before the measurement": not seen["left"],
        "mails failed": bool(books.counter("failed") or books.counter("uncertain")),
        "mails lost": books.counter("total")
        != sum(books.counter(n) for n in ("sent", "queued", "failed", "uncertain", "skipped")),
    }
    return figures, [words for words, is_so in missing.items() if is_so]


def main() -> None:
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 1_500_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 6.0
    random.seed(1)
    with tempfile.TemporaryDirectory(prefix="ctm-live-") as folder, servers.smtp_sink() as sink:
        place = office.office(Path(folder))
        with place.app.app_context():
            population.fill(Path(folder) / "instance" / "ctm.sqlite3", mails)
            seen = measure(place, sink, seconds)
            figures, missing = report(seen)
    for words in missing:
        print(f"incomplete: {words}")
    print(json.dumps(figures))
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
