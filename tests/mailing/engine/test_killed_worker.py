"""A worker killed at any moment: nothing is lost, and nobody gets a mail twice (X2)."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import counters
from ctm.config import ROOT
from ctm.extensions import db
from ctm.mailing import control, recovery
from ctm.mailing.engine.command import journals_folder
from ctm.models import Campaign, Message, MessageState
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.test_delivery import kept, recounted

MAILS = 2000
KILLS = 20
CONNECTIONS = 4


@pytest.fixture
def launch(app: Flask) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start ``flask worker`` on the database under test, as a process of its own."""
    started: list[subprocess.Popen[bytes]] = []
    names = ("CTM_INSTANCE", "CTM_PUBLIC_URL", "CTM_LANGUAGE")
    environ = os.environ | {name: str(app.config[name]) for name in names}
    environ["CTM_ALLOW_PRIVATE_HOSTS"] = "1"

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flask", "--app", "app", "worker", "--until-idle"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until_it_sends(sink: SmtpSink, size: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while sink.size() <= size and process.poll() is None:
        assert time.monotonic() < deadline, "the worker sends nothing"
        time.sleep(0.001)


def uncertain() -> int:
    query = select(func.count()).where(Message.state == MessageState.UNCERTAIN)
    count = db.session.scalar(query) or 0
    db.session.rollback()
    return count


@pytest.mark.slow
def test_twenty_kills_in_one_campaign_lose_and_repeat_nothing(
    sink: SmtpSink,
    big_campaign: Callable[..., Campaign],
    launch: Callable[[], subprocess.Popen[bytes]],
) -> None:
    chance = random.Random(20261122)
    campaign = big_campaign(MAILS, sink.port, connections=CONNECTIONS)
    control.start(campaign)
    doubts = 0
    for _ in range(KILLS):
        process = launch()
        wait_until_it_sends(sink, sink.size(), process)
        time.sleep(chance.uniform(0, 0.012))
        assert process.poll() is None, "the campaign was over before the last kill"
        process.send_signal(signal.SIGKILL)
        process.wait()
        recovery.recover(db.engine, journals_folder())
        assert uncertain() - doubts <= CONNECTIONS
        doubts = uncertain()
    assert launch().wait(60) == 0

    delivered = sink.deliveries()
    assert max(delivered.values()) == 1, "somebody got the mail twice"
    db.session.expire_all()
    states = recounted(campaign)
    assert states["sent"] + states.get("uncertain", 0) == MAILS
    assert kept(campaign) == states
    sent = set(db.session.scalars(select(Message.to_address).where(Message.state == "sent")))
    assert sent <= delivered.keys(), "a mail counts as sent and was never taken"
    assert campaign.state == "finished"
    assert counters.read(campaign.id)["queued"] == 0
    assert list(journals_folder().glob("*")) == []


def test_sigterm_finishes_the_mail_in_flight_and_leaves_no_doubt(
    sink: SmtpSink,
    big_campaign: Callable[..., Campaign],
    launch: Callable[[], subprocess.Popen[bytes]],
) -> None:
    campaign = big_campaign(MAILS, sink.port, connections=CONNECTIONS)
    control.start(campaign)
    process = launch()
    wait_until_it_sends(sink, 0, process)
    process.terminate()
    assert process.wait(30) == 0
    states = recounted(campaign)
    assert set(states) <= {"total", "queued", "sent"}
    assert states["queued"] > 0, "the campaign was over before the signal"
    assert states["sent"] == sink.deliveries().total()


def test_a_journal_of_before_the_last_boot_is_not_believed_when_silent(
    sink: SmtpSink, big_campaign: Callable[..., Campaign], app: Flask
) -> None:
    campaign = big_campaign(2, sink.port)
    control.start(campaign)
    folder = Path(journals_folder())
    folder.mkdir(parents=True)
    first, second = db.session.scalars(select(Message).order_by(Message.id)).all()
    for message in (first, second):
        message.state, message.worker = MessageState.CLAIMED, "gone"
    db.session.commit()
    (folder / "gone.journal").write_text(f"J gone another-boot\nC {first.id} {second.id}\n")
    assert recovery.recover(db.engine, folder) == 2
    db.session.expire_all()
    assert {first.state, second.state} == {"uncertain"}
    assert kept(campaign) == recounted(campaign) == {"total": 2, "uncertain": 2}
