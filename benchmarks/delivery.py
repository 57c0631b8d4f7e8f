"""How fast a campaign leaves, beside postfix's smtp-source and django-post_office.

``python benchmarks/delivery.py [MAILS]``: two tables, to smtp-sink in the clear and to postfix
with STARTTLS. It ends with words as soon as a mail is not sent exactly once, by the database or
by the sink's own count. The last line is JSON: ratios of medians of the rounds.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import text

from benchmarks import office, peer, servers
from benchmarks.postfix import HOST, postfix
from ctm.extensions import db

SIZE = 5_000
SYNCHRONOUS_FULL = 2

Rates = dict[str, list[float]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mails", type=int, nargs="?", default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tls-mails", type=int, default=5_000, help="mails of the second table")
    parser.add_argument("--peer", default=sys.executable, help="a Python with django-post_office")
    parser.add_argument("--without-post-office", action="store_true")
    parser.add_argument("--without-tls", action="store_true")
    return parser.parse_args()


@contextmanager
def counted(
    sink: servers.CountingSink, mails: int, who: str, patience: float = 2.0
) -> Iterator[None]:
    """End with words unless the sink takes exactly so many mails meanwhile."""
    before = sink.mails()
    yield
    end = time.monotonic() + patience
    while sink.mails() - before < mails and time.monotonic() < end:
        time.sleep(0.01)
    taken = sink.mails() - before
    if taken != mails:
        sys.exit(f"{who} sent {mails} mails, the sink counts {taken}: not complete")


def ctm(
    place: office.Office,
    sink: servers.CountingSink,
    mails: int,
    processes: int = 1,
    port: int | None = None,
    **account: str,
) -> tuple[float, float]:
    """Mails per second of a campaign by so many workers, and the most memory of one, in MB."""
    campaign = office.waiting_campaign(port or sink.port, mails=mails, **account)
    with (
        counted(sink, mails, f"CTM with {processes}"),
        office.workers(place, processes) as running,
    ):
        rate = office.deliver(campaign)
        peak = max(map(office.peak_mb, running))
    return rate, peak


def first_table(
    place: office.Office, sink: servers.CountingSink, chosen: argparse.Namespace, folder: Path
) -> Rates:
    """Mails per second of each contender in the clear, one figure a round, interleaved."""
    rates: Rates = defaultdict(list)
    mails = chosen.mails
    django = peer.PostOffice(chosen.peer, folder / "peer", sink.port)
    for number in range(chosen.rounds):
        with counted(sink, mails, "smtp-source"):
            rates["smtp-source"].append(servers.smtp_source(sink.port, mails, SIZE))
        for processes in (1, 2):
            rate, peak = ctm(place, sink, mails, processes)
            rates[f"CTM {processes}"].append(rate)
            rates["peak MB"].append(peak)
        if not chosen.without_post_office:
            with counted(sink, mails, "django-post_office"):
                rates["django-post_office"].append(django.deliver(mails))
        show(f"round {number + 1}", rates)
    return rates


def second_table(
    place: office.Office, sink: servers.CountingSink, chosen: argparse.Namespace, folder: Path
) -> Rates:
    """The same to a real postfix with STARTTLS, which hands the mails on to the sink."""
    rates: Rates = defaultdict(list)
    mails = chosen.tls_mails
    with postfix(folder / "postfix", sink.port) as server:
        trusting = place.environment | {"SSL_CERT_FILE": server.authority}
        trusted = dataclasses.replace(place, environment=trusting)
        django = peer.PostOffice(
            chosen.peer, folder / "peer-tls", server.port, HOST, server.authority
        )
        for number in range(chosen.rounds):
            rate, _peak = ctm(
                trusted, sink, mails, port=server.port, host=HOST, security="starttls"
            )
            rates["CTM 1"].append(rate)
            if not chosen.without_post_office:
                with counted(sink, mails, "django-post_office with STARTTLS"):
                    rates["django-post_office"].append(django.deliver(mails))
            show(f"STARTTLS, round {number + 1}", rates)
    return rates


def show(title: str, rates: Rates) -> None:
    shown = ", ".join(f"{name} {each[-1]:,.0f}" for name, each in rates.items())
    print(f"{title}: {shown}", flush=True)


def report(clear: Rates, tls: Rates) -> dict[str, float]:
    middle = {name: statistics.median(each) for name, each in clear.items()}
    figures = {
        "ratio_source_1": round(middle["CTM 1"] / middle["smtp-source"], 3),
        "ratio_source_2": round(middle["CTM 2"] / middle["smtp-source"], 3),
        "peak_mb": round(max(clear["peak MB"]), 1),
        "source_per_s": round(middle["smtp-source"]),
        "ctm_1_per_s": round(middle["CTM 1"]),
        "ctm_2_per_s": round(middle["CTM 2"]),
    }
    figures |= _beside_post_office(clear, "")
    if tls:
        figures["starttls_ctm_1_per_s"] = round(statistics.median(tls["CTM 1"]))
        figures |= _beside_post_office(tls, "starttls_")
    return figures


def _beside_post_office(rates: Rates, prefix: str) -> dict[str, float]:
    if "django-post_office" not in rates:
        return {}
    rate = statistics.median(rates["django-post_office"])
    ratio = statistics.median(rates["CTM 1"]) / rate
    return {
        f"{prefix}ratio_post_office_1": round(ratio, 1),
        f"{prefix}post_office_per_s": round(rate),
    }


def demand_all(chosen: argparse.Namespace) -> None:
    """End with words before anything runs if something is missing."""
    for name in ("smtp-sink", "smtp-source", "postfix"):
        servers.program(name)
    if not chosen.without_tls and os.geteuid() != 0:
        sys.exit("postfix runs as root alone: add --without-tls, or run this as root")
    if not chosen.without_post_office:
        look = "import sys, importlib.util as u; sys.exit(u.find_spec('post_office') is None)"
        found = subprocess.run([chosen.peer, "-c", look])
        if found.returncode:
            sys.exit(
                f"{chosen.peer} has no django-post_office: run this by make bench-delivery, "
                "or add --without-post-office"
            )


def main() -> None:
    chosen = arguments()
    demand_all(chosen)
    with tempfile.TemporaryDirectory() as name, servers.counting_sink() as sink:
        folder = Path(name)
        place = office.office(folder)
        with place.app.app_context():
            if db.session.scalar(text("PRAGMA synchronous")) != SYNCHRONOUS_FULL:
                sys.exit("SQLite is not at synchronous=FULL: the figures would not count")
            office.add_clients(max(chosen.mails, 0 if chosen.without_tls else chosen.tls_mails))
            clear = first_table(place, sink, chosen, folder)
            tls = {} if chosen.without_tls else second_table(place, sink, chosen, folder)
    print(json.dumps(report(clear, tls)))


if __name__ == "__main__":
    main()
