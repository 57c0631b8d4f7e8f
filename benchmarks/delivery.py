"""How fast a campaign leaves, beside postfix's smtp-source and django-post_office.

``python benchmarks/delivery.py [MAILS]``. The last line is JSON: ratios of medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import office, peer, servers

ROUNDS = 3
PEER_MAILS = 2_000
SIZE = 5_000


def measure(mails: int) -> dict[str, list[float]]:
    """Mails per second of each contender, one figure a round, interleaved."""
    rates: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, servers.smtp_sink() as port:
        place = office.office(Path(folder))
        django = peer.PostOffice(Path(folder) / "peer", port)
        with place.app.app_context():
            office.add_clients(mails)
            for number in range(ROUNDS):
                rates["smtp-source"].append(servers.smtp_source(port, mails, SIZE))
                for count in (1, 2):
                    campaign = office.waiting_campaign(port)
                    with office.workers(place, count) as processes:
                        rates[f"CTM {count}"].append(office.deliver(campaign))
                        rates["peak MB"].append(max(map(office.peak_mb, processes)))
                rates["django-post_office"].append(django.deliver(PEER_MAILS))
                shown = ", ".join(f"{name} {each[-1]:,.0f}" for name, each in rates.items())
                print(f"round {number + 1}: {shown}", flush=True)
    return rates


def report(rates: dict[str, list[float]]) -> dict[str, float]:
    middle = {name: statistics.median(each) for name, each in rates.items()}
    source, post_office = middle["smtp-source"], middle["django-post_office"]
    return {
        "ratio_source_1": round(middle["CTM 1"] / source, 3),
        "ratio_source_2": round(middle["CTM 2"] / source, 3),
        "ratio_post_office_1": round(middle["CTM 1"] / post_office, 1),
        "peak_mb": round(max(rates["peak MB"]), 1),
    } | {f"{name}_per_s": round(rate) for name, rate in middle.items() if name != "peak MB"}


def main() -> None:
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(json.dumps(report(measure(mails))))


if __name__ == "__main__":
    main()
