"""A worker killed at any moment: nothing is lost, and nobody gets a mail twice (X2)."""

import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import counters
from ctm.extensions import db
from ctm.mailing import control, recovery
from ctm.mailing.engine.command import journals_folder
from ctm.models import Campaign, Message, MessageState, SmtpAccount
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.starter import Started, Starter, starting
from tests.mailing.engine.test_delivery import kept, recounted

log = logging.getLogger(__name__)

MAILS = 5000
KILLS = 50
CONNECTIONS = 8


@pytest.fixture
def starter(app: Flask) -> Iterator[Starter]:
    with starting(app) as ready:
        yield ready


def wait_until_it_sends(sink: SmtpSink, worker: Started) -> None:
    """Until the server has begun to take one mail more."""
    before = sink.folder.stat().st_mtime_ns
    deadline = time.monotonic() + 30
    while sink.folder.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline, f"the worker sends nothing: {standing()}"
        time.sleep(0.001)
    assert worker.running(), f"the worker ended: {standing()}"


def standing() -> str:
    query = select(Message.state, func.count()).group_by(Message.state)
    states = {row[0]: row[1] for row in db.session.execute(query)}
    waits = select(SmtpAccount.retry_at, SmtpAccount.last_error)
    accounts = [tuple(row) for row in db.session.execute(waits)]
    db.session.rollback()
    return f"{states} {accounts}"


def uncertain() -> int:
    query = select(func.count()).where(Message.state == MessageState.UNCERTAIN)
    count = db.session.scalar(query) or 0
    db.session.rollback()
    return count


def recover_after(dead: Started) -> None:
    """Settle what a dead worker left. Another worker may be about it already, then until it is."""
    deadline = time.monotonic() + 30
    recovery.recover(db.engine, journals_folder())
    while list(journals_folder().glob(f"*-{dead.pid}-*")):
        assert time.monotonic() < deadline, "nobody settles what it left"
        time.sleep(0.005)
        recovery.recover(db.engine, journals_folder())


def check_books(campaign: Campaign, sink: SmtpSink) -> dict[str, int]:
    """Nobody twice, nobody lost, nothing noted that did not happen; the recount by state."""
    delivered = sink.deliveries()
    assert max(delivered.values()) == 1, "somebody got the mail twice"
    db.session.expire_all()
    states = recounted(campaign)
    assert states["sent"] + states.get("uncertain", 0) == states["total"]
    assert kept(campaign) == states
    sent = set(db.session.scalars(select(Message.to_address).where(Message.state == "sent")))
    assert sent <= delivered.keys(), "a mail counts as sent and was never taken"
    assert delivered.total() <= states["total"]
    assert campaign.state == "finished"
    assert counters.read(campaign.id)["queued"] == 0
    assert list(journals_folder().glob("*")) == []
    return states


def doomed(starter: Starter, chance: random.Random) -> Started:
    """A worker that dies at a random moment: four of five while they send, the others before.

    On the average it sends less than a fiftieth of the campaign.
    """
    if chance.random() < 0.8:
        return starter.start_doomed(chance.randint(1, 30), chance.randint(1, 8_000))
    return starter.start_doomed(0, chance.randint(1, 100_000))


def kill_again_and_again(starter: Starter, workers: int, seed: int) -> list[int]:
    """Let workers die, fifty times in all; how many doubts each death (or two at once) left."""
    chance = random.Random(seed)
    alive = [doomed(starter, chance) for _ in range(workers)]
    left, deaths, before = [], 0, 0
    deadline = time.monotonic() + 200
    while deaths < KILLS:
        assert time.monotonic() < deadline, f"{deaths} deaths: {standing()}"
        gone = [place for place, worker in enumerate(alive) if not worker.running()]
        if not gone:
            time.sleep(0.001)
            continue
        for place in gone:
            assert alive[place].wait() == -signal.SIGKILL, f"{deaths} deaths: {standing()}"
            recover_after(alive[place])
        left.append(uncertain() - before)
        dead = sum(not worker.running() for worker in alive)  # one more may have died meanwhile
        assert left[-1] <= CONNECTIONS * dead
        before, deaths = before + left[-1], deaths + len(gone)
        for place in gone:
            alive[place] = doomed(starter, chance)
    for worker in alive:
        assert worker.wait() == -signal.SIGKILL
    log.warning("after %s deaths: %s", deaths, standing())
    assert starter.start().wait() == 0
    left.append(uncertain() - before)
    assert left[-1] <= CONNECTIONS * workers
    return left


@pytest.mark.slow
def test_fifty_kills_in_one_campaign_lose_and_repeat_nothing(
    sink: SmtpSink,
    big_campaign: Callable[..., Campaign],
    starter: Starter,
    database: str,
) -> None:
    """On SQLite one worker, on PostgreSQL two that share the campaign."""
    workers = 2 if database else 1
    seed = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1, 10**6)
    log.warning("KILL_SEED=%s", seed)
    campaign = big_campaign(MAILS, sink.port, connections=CONNECTIONS)
    control.start(campaign)
    left = kill_again_and_again(starter, workers, seed)
    states = check_books(campaign, sink)
    assert states["total"] == MAILS
    assert states.get("uncertain", 0) == sum(left)
    log.warning("%s; the kills left %s uncertain, at most %s", states, sum(left), max(left))


def test_sigterm_finishes_the_mail_in_flight_and_leaves_no_doubt(
    sink: SmtpSink,
    big_campaign: Callable[..., Campaign],
    starter: Starter,
) -> None:
    campaign = big_campaign(2000, sink.port, connections=CONNECTIONS)
    control.start(campaign)
    worker = starter.start()
    wait_until_it_sends(sink, worker)
    time.sleep(0.03)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    states = recounted(campaign)
    assert set(states) <= {"total", "queued", "sent"}
    assert states["queued"] > 0, "the campaign was over before the signal"
    assert states.get("sent", 0) == sink.deliveries().total()


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
