"""The delivery benchmark on a few mails: complete runs end well, incomplete ones do not."""

import argparse
import json
import os
import subprocess
import sys

import pytest
from flask import Flask
from sqlalchemy import update

from benchmarks import delivery, office, servers
from ctm import counters
from ctm.config import ROOT
from ctm.extensions import db
from ctm.models import Message
from tests import factories

COMMAND = "benchmarks/delivery.py 200 --rounds 1 --without-post-office --without-tls"


def test_it_ends_with_one_line_of_figures() -> None:
    done = subprocess.run(
        [sys.executable, *COMMAND.split()],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("CTM_")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == {
        "ratio_source_1",
        "ratio_source_2",
        "peak_mb",
        "source_per_s",
        "ctm_1_per_s",
        "ctm_2_per_s",
    }
    assert all(figure > 0 for figure in figures.values())


def test_it_says_when_the_peer_is_missing() -> None:
    chosen = argparse.Namespace(
        peer="/usr/bin/false", without_post_office=False, without_tls=True, mails=1
    )
    with pytest.raises(SystemExit, match="has no django-post_office"):
        delivery.demand_all(chosen)


def test_the_report_compares_medians_of_the_rounds() -> None:
    clear = {
        "smtp-source": [100.0, 1000.0, 200.0],
        "CTM 1": [150.0, 1.0, 160.0],
        "CTM 2": [300.0, 310.0, 2.0],
        "django-post_office": [10.0, 5.0, 6.0],
        "peak MB": [50.0, 70.25, 60.0],
    }
    tls = {"CTM 1": [30.0, 20.0, 90.0], "django-post_office": [3.0, 3.0, 4.0]}
    figures = delivery.report(clear, tls)
    assert figures["ratio_source_1"] == 0.75
    assert figures["ratio_source_2"] == 1.5
    assert figures["ratio_post_office_1"] == 25.0
    assert figures["peak_mb"] == 70.2
    assert figures["starttls_ratio_post_office_1"] == 10.0


@pytest.mark.parametrize("expected", [4, 6])
def test_a_sink_that_counts_another_number_is_not_complete(expected: int) -> None:
    with (
        servers.counting_sink() as sink,
        pytest.raises(SystemExit, match=f"sent {expected} mails, the sink counts 5"),
        delivery.counted(sink, expected, "smtp-source", patience=0.2),
    ):
        servers.smtp_source(sink.port, 5, 100)


def test_mails_or_counters_that_do_not_say_sent_are_not_complete(app: Flask) -> None:
    for _number in range(3):
        factories.customer()
    campaign_id = office.waiting_campaign(2525, mails=2).id
    with pytest.raises(SystemExit, match=r"not all 2 mails are sent: \{'queued': 2\}"):
        office.demand_all_sent(campaign_id, 2)
    db.session.execute(update(Message).values(state="sent"))
    db.session.commit()
    with pytest.raises(SystemExit, match="the counters do not say that 2 mails are sent"):
        office.demand_all_sent(campaign_id, 2)
    counters.add(campaign_id, {"queued": -2, "sent": 2})
    db.session.commit()
    office.demand_all_sent(campaign_id, 2)


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SBIN", "/nonexistent")
    with pytest.raises(SystemExit, match="smtp-sink is missing: apt-get install postfix"):
        servers.program("smtp-sink")
