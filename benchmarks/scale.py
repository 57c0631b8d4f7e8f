"""A million clients and a campaign over them, on SQLite: how long each page and the queueing take.

``python benchmarks/scale.py [CLIENTS [FOLDER]]``; with a folder the office is kept there, and
its clients are used again the next time. Every figure is the worst of several different
requests, the first included. The last line is JSON; the exit status is 0 only if every step was
done and every answer was what it should be.
"""

import html
import json
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from benchmarks import office, population, servers
from ctm import audit, counters, tasks
from ctm.campaigns import members
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.models import Campaign, Client, Message, Role, Task, TaskState, User
from tests import factories

SENDING_SECONDS = 8
SMALL = 1_000
LIMITS = dict.fromkeys(("list_s", "filter_s", "search_s", "match_s", "statistics_s"), 1.0)
LIMITS |= {"queue_s": 60.0, "memory_growth_mb": 100.0}
LISTS = (
    "/clients/?tab=all",
    "/clients/",
    "/clients/?sort=city&desc=1",
    "/clients/?sort=email",
    "/clients/?tab=all&sort=created&desc=1",
    "/clients/?tab=inactive",
    "/clients/?tab=prospects&size=500",
)
FILTERS = (
    "/clients/?f=city:equals:Roma&f=kind:equals:company",
    "/clients/?tab=all&f=last_name:starts:V",
    "/clients/?f=email:contains:rossi&sort=city",
    "/clients/?f=notes:contains:nobody+wrote+this",
    "/clients/?f=birth_date:between:1980-01-01..1980-12-31",
    "/clients/?f=profession:not_equals:Avvocato&sort=email&desc=1",
)
SEARCHES = (
    "/clients/?q=ross",
    "/clients/?q=milano+giusep",
    "/clients/?q=ro",
    "/clients/?q=nobodyiscalledthis",
    "/clients/?q=forli",
    "/search?q=rossi",
    "/search?q=gi+esposito",
    "/search.json?q=giuseppe.rus",
    "/clients/lookup?q=lomb",
)
MATCHES = ("tab=all", "tab=active&q=rossi", "tab=active&f=city:equals:Milano")


class Bench:
    """A logged-in browser that times what it asks for."""

    def __init__(self, place: office.Office) -> None:
        self.place = place
        self.seconds: dict[str, list[float]] = defaultdict(list)
        user: User = factories.user(email=f"{time.time()}@office.example", role=Role.ADMINISTRATOR)
        place.app.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
        place.app.extensions["ctm.set_up"] = True
        self.browser: FlaskClient = place.app.test_client()
        with self.browser.session_transaction() as session:
            session["_user_id"], session["_fresh"] = user.get_id(), True

    def ask(self, name: str, url: str, data: dict[str, str] | None = None) -> str:
        """Ask once; an answer that is no page ends the benchmark."""
        db.session.remove()
        start = time.perf_counter()
        answer = self.browser.post(url, data=data) if data else self.browser.get(url)
        taken = time.perf_counter() - start
        if answer.status_code not in (200, 302):
            sys.exit(f"{url} answered {answer.status_code}: the benchmark is not complete")
        self.seconds[name].append(taken)
        print(f"{name:14} {taken:7.3f} s  {url}", flush=True)
        return answer.text

    def worst(self) -> dict[str, float]:
        return {name: round(max(taken), 3) for name, taken in self.seconds.items()}


def next_page(page: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', page)
    return html.unescape(found[1]) if found else sys.exit("a long list has no next page")


def ask_lists(bench: Bench, clients: int) -> None:
    for url in LISTS:
        page = bench.ask("list_s", url)
        for _ in range(2):
            page = bench.ask("list_s", next_page(page))
    for url in FILTERS:
        bench.ask("filter_s", url)
    for url in SEARCHES:
        bench.ask("search_s", url)
    if "Rossi Mario" not in bench.browser.get("/clients/?q=ario+rossi&size=1000").text:
        sys.exit("a search by parts of a name finds nobody: the benchmark is not complete")
    for query in MATCHES:
        form = {"all_matching": "1", "query": query}
        shown = bench.ask("match_s", "/clients/do/deactivate", form)
        if query == "tab=all" and f'name="confirmed" value="{clients}"' not in shown:
            sys.exit(f"“all that match” does not say {clients:,}: the benchmark is not complete")


def campaign_of(name: str, port: int, clients: int) -> Campaign:
    """A draft to ``clients`` of the registry's clients."""
    account = factories.account(name=name, port=port, connections=office.CONNECTIONS)
    status = factories.list_status(f"To be called {time.time()}")
    campaign: Campaign = factories.campaign(
        name=name, account=account, body_html=office.body(), initial_status_id=status.id
    )
    members.add_clients(campaign, select(Client.id).order_by(Client.id).limit(clients))
    return campaign


def queue(bench: Bench, campaign_id: int) -> int:
    """START as the page does it, with the work in the background; returns how many mails."""
    start = time.perf_counter()
    bench.ask("start_s", f"/campaigns/{campaign_id}/mailing/start", {"x": "1"})
    tasks.run_waiting()
    bench.seconds["queue_s"].append(time.perf_counter() - start)
    failed = select(Task.error).where(Task.state == TaskState.FAILED)
    if errors := db.session.scalars(failed).all():
        sys.exit(f"queueing failed: {errors}")
    queued = counters.read(campaign_id).get("queued", 0)
    kept = select(func.count()).select_from(Message).where(Message.campaign_id == campaign_id)
    if db.session.scalar(kept) != queued:
        sys.exit("the counters and the mails queued differ: the benchmark is not complete")
    print(f"{queued:,} mails queued in {bench.seconds['queue_s'][-1]:.1f} s", flush=True)
    return queued


def sending_peak(place: office.Office, campaign_id: int) -> float:
    """The most memory a worker takes that sends for some seconds, in MB."""
    campaign = db.session.get_one(Campaign, campaign_id)
    before = counters.read(campaign_id).get("sent", 0)
    with office.workers(place, 1) as processes:
        control.resume(campaign)
        time.sleep(SENDING_SECONDS)
        peak = office.peak_mb(processes[0])
        if counters.read(campaign_id).get("queued", 0):
            control.pause(db.session.get_one(Campaign, campaign_id))
    db.session.rollback()
    sent = counters.read(campaign_id).get("sent", 0) - before
    print(f"a worker sent {sent:,} mails with at most {peak:.1f} MB", flush=True)
    if not sent:
        sys.exit("the worker sent nothing: the benchmark is not complete")
    return peak


def let_them_be_read(campaign_id: int) -> None:
    """All mails as sent, a third of them read, some clicked and removed."""
    at = utcnow() - timedelta(hours=1)
    statement = """UPDATE messages SET state = 'sent', sent_at = :at, attempted_at = :at,
        opened_at = CASE WHEN id % 3 = 0 THEN :at END, opens = id % 3 = 0,
        clicked_at = CASE WHEN id % 9 = 0 THEN :at END, clicks = id % 9 = 0,
        removed_at = CASE WHEN id % 500 = 0 THEN :at END WHERE campaign_id = :id"""
    db.session.execute(text(statement), {"at": at, "id": campaign_id})
    total = counters.read(campaign_id)["total"]
    figures = {"sent": total, "queued": 0, "read": total // 3, "clicked": total // 9}
    kept = counters.read(campaign_id)
    counters.add(campaign_id, {name: n - kept.get(name, 0) for name, n in figures.items()})
    db.session.commit()


def ask_campaign(bench: Bench, campaign_id: int) -> None:
    base = f"/campaigns/{campaign_id}"
    for table in ("links", "readers", "clickers", "removed", "failed"):
        bench.ask("statistics_s", f"{base}/statistics?table={table}")
    bench.ask("statistics_s", f"{base}/statistics.json")
    for url in (f"{base}/mailing", f"{base}/live.json?part=mailing"):
        bench.ask("mailing_s", url)
    page = bench.ask("recipients_s", f"{base}/clients")
    for _ in range(2):
        page = bench.ask("recipients_s", next_page(page))
    bench.ask("recipients_s", f"{base}/clients?q=rossi")
    for url in ("/mails/", "/mails/?page=10", "/"):
        bench.ask("mails_s", url)


def measure(folder: Path, clients: int) -> dict[str, float]:
    place = office.office(folder)
    with place.app.app_context(), servers.smtp_sink() as port:
        audit.act_as(None)
        missing = clients - (db.session.scalar(select(func.count()).select_from(Client)) or 0)
        db.session.remove()
        start = time.perf_counter()
        if missing > 0:
            population.fill(folder / "instance" / "ctm.sqlite3", missing)
        print(f"{clients:,} clients after {time.perf_counter() - start:.0f} s", flush=True)
        bench = Bench(place)
        ask_lists(bench, clients)
        name = f"{time.time()}"
        few = campaign_of(f"{name} few", port, SMALL)
        control.start(few)
        control.pause(few)
        small = sending_peak(place, few.id)
        many = campaign_of(f"{name} many", port, clients)
        members_of_it = counters.read(many.id).get("members", 0)
        campaign_id = many.id
        bench.ask("forecast_s", f"/campaigns/{campaign_id}/mailing")
        start = time.perf_counter()
        tasks.run_waiting()
        bench.seconds["counting_s"].append(time.perf_counter() - start)
        bench.ask("forecast_s", f"/campaigns/{campaign_id}/mailing")
        queued = queue(bench, campaign_id)
        control.pause(db.session.get_one(Campaign, campaign_id))
        ask_campaign(bench, campaign_id)
        large = sending_peak(place, campaign_id)
        let_them_be_read(campaign_id)
        ask_campaign(bench, campaign_id)
    figures = bench.worst() | {"memory_growth_mb": round(large - small, 1), "queued": queued}
    if members_of_it < clients or queued < 0.95 * clients:
        sys.exit(f"{members_of_it:,} clients, {queued:,} mails: the benchmark is not complete")
    return figures


def report(figures: dict[str, float]) -> Sequence[str]:
    return [
        f"{name} is {figures[name]}, above {limit}"
        for name, limit in LIMITS.items()
        if figures[name] > limit
    ]


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        figures = measure(Path(sys.argv[2]).resolve(), clients)
    else:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder), clients)
    for words in report(figures):
        print(words, file=sys.stderr)
    print(json.dumps({name: figures[name] for name in LIMITS} | figures))


if __name__ == "__main__":
    main()
