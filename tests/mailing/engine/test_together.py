"""Several workers on one PostgreSQL: one campaign, one pace, and what becomes of those that die."""

import itertools
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import claiming, control, outbox, recovery, undecided
from ctm.mailing.engine.command import journals_folder
from ctm.mailing.journal import Journal
from ctm.models import Campaign, Message, MessageState, SmtpAccount, Worker
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.starter import Starter, starting
from tests.mailing.engine.test_delivery import kept, recounted
from tests.mailing.engine.test_killed_worker import check_books, wait_until_it_sends

pytestmark = pytest.mark.one_database("postgresql")

MakeCampaign = Callable[..., Campaign]
SURE_FOR = 0.4
MANY = 16_000


@pytest.fixture
def starter(app: Flask) -> Iterator[Starter]:
    with starting(app) as ready:
        yield ready


@pytest.fixture
def elsewhere(app: Flask, tmp_path: Path) -> Iterator[Starter]:
    """Starts workers of another machine: the same database and keys, another instance folder."""
    instance = tmp_path / "elsewhere"
    (instance / "secrets").mkdir(parents=True)
    for key in (Path(app.instance_path) / "secrets").iterdir():
        (instance / "secrets" / key.name).write_bytes(key.read_bytes())
    with starting(app, CTM_INSTANCE=str(instance), WORKER_SURE_FOR=str(SURE_FOR)) as ready:
        yield ready


def settle_lost() -> int:
    """What the scheduler of this machine does once the silence has lasted long enough."""
    later = utcnow() + recovery.SILENT_FOR + timedelta(seconds=60)
    settled = recovery.settle_lost(db.engine, journals_folder(), later)
    db.session.expire_all()
    return settled


def mails_of(folder: Path) -> int:
    """How many mails the workers of an instance folder have begun, by their journals."""
    text = b"".join(path.read_bytes() for path in (folder / "journals").glob("*"))
    return len(re.findall(rb"^B ", text, re.MULTILINE))


def test_all_workers_get_a_share_and_nobody_a_second_mail(
    sink: SmtpSink, big_campaign: MakeCampaign, starter: Starter
) -> None:
    campaign = big_campaign(MANY, sink.port, connections=4)
    control.start(campaign)
    workers = [starter.start() for _ in range(3)]
    shares: dict[str, int] = {}
    while any(worker.running() for worker in workers):
        for path in journals_folder().glob("*.journal"):
            begun = path.read_bytes().count(b"\nB ") if path.exists() else 0
            shares[path.stem] = max(shares.get(path.stem, 0), begun)
        time.sleep(0.01)
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert check_books(campaign, sink) == {"sent": MANY, "total": MANY}
    assert len(shares) == 3
    assert min(shares.values()) > 200, shares


def test_they_keep_the_windows_of_an_account_together(
    sink: SmtpSink, big_campaign: MakeCampaign, starter: Starter
) -> None:
    limits = [[300, 3600], [45, 1]]
    campaign = big_campaign(400, sink.port, connections=4, limits=limits)
    control.start(campaign)
    workers = [starter.start() for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    db.session.expire_all()
    assert sink.deliveries().total() == 300
    assert recounted(campaign) == kept(campaign) == {"sent": 300, "queued": 100, "total": 400}
    times = sorted(db.session.scalars(select(Message.sent_at).where(Message.state == "sent")))
    assert (
        min(
            (later - first).total_seconds() for first, later in zip(times, times[45:], strict=False)
        )
        >= 1
    )


def test_they_keep_the_delay_between_mails_together(
    sink: SmtpSink, big_campaign: MakeCampaign, starter: Starter
) -> None:
    campaign = big_campaign(12, sink.port, connections=4, delay_seconds=0.25)
    control.start(campaign)
    workers = [starter.start() for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert set(sink.deliveries().values()) == {1}
    db.session.expire_all()
    times = sorted(db.session.scalars(select(Message.sent_at)))
    assert len(times) == 12
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert min(gaps) >= 0.25


def test_a_machine_that_is_gone_leaves_doubts_which_its_journal_clears_when_it_is_back(
    sink: SmtpSink, big_campaign: MakeCampaign, starter: Starter, elsewhere: Starter
) -> None:
    campaign = big_campaign(2000, sink.port, connections=4)
    control.start(campaign)
    there = elsewhere.start()
    wait_until_it_sends(sink, there)
    time.sleep(0.05)
    there.kill()
    assert starter.start().wait() == 0
    lost = settle_lost()
    assert lost > 0
    states = recounted(campaign)
    assert states == kept(campaign) == {"sent": 2000 - lost, "uncertain": lost, "total": 2000}
    control.finish_done()
    assert elsewhere.start().wait() == 0
    states = check_books(campaign, sink)
    assert states.get("uncertain", 0) <= 4
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 0


def test_a_worker_that_was_asleep_sends_nothing_that_was_given_to_others(
    sink: SmtpSink, big_campaign: MakeCampaign, starter: Starter, elsewhere: Starter, tmp_path: Path
) -> None:
    campaign = big_campaign(2000, sink.port, connections=4)
    control.start(campaign)
    sleeper = elsewhere.start()
    wait_until_it_sends(sink, sleeper)
    time.sleep(0.05)
    sleeper.send(signal.SIGSTOP)
    time.sleep(2.5 * SURE_FOR)
    lost = settle_lost()
    assert lost > 4
    journal = next((tmp_path / "elsewhere" / "journals").glob("*.journal")).read_bytes()
    begun = {int(number) for number in re.findall(rb"^B (\d+)$", journal, re.MULTILINE)}
    doubtful = select(Message.id).where(Message.state == MessageState.UNCERTAIN)
    never_begun = set(db.session.scalars(doubtful)) - begun
    assert undecided.resend(never_begun) == len(never_begun) > 0
    assert starter.start().wait() == 0

    sleeper.send(signal.SIGCONT)
    assert sleeper.wait() == 0
    assert starter.start().wait() == 0
    states = check_books(campaign, sink)
    assert states.get("uncertain", 0) <= 4


def test_a_worker_that_was_held_for_lost_goes_on_working(
    sink: SmtpSink, big_campaign: MakeCampaign, elsewhere: Starter
) -> None:
    campaign = big_campaign(1500, sink.port, connections=4)
    control.start(campaign)
    sleeper = elsewhere.start()
    wait_until_it_sends(sink, sleeper)
    sleeper.send(signal.SIGSTOP)
    time.sleep(2.5 * SURE_FOR)
    assert settle_lost() > 0
    assert recounted(campaign)["uncertain"] > 4
    sleeper.send(signal.SIGCONT)
    assert sleeper.wait() == 0
    states = check_books(campaign, sink)
    assert states.get("uncertain", 0) <= 4


@pytest.fixture
def dying_claim(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> Iterator[tuple[Campaign, threading.Event]]:
    """A worker killed when its journal had the claim of two mails and PostgreSQL not yet ended
    its COMMIT. That happens once the event is set."""
    campaign = big_campaign(2, sink.port)
    control.start(campaign)
    [mailing] = outbox.open_mailings(db.session.connection())
    db.session.commit()
    noted, let_commit = threading.Event(), threading.Event()
    journal = Journal(journals_folder(), "dying")

    def note(ids: list[int]) -> None:
        journal.claimed(ids)
        os.close(journal._file)
        noted.set()
        assert let_commit.wait(20)

    engine = db.engine
    claim = threading.Thread(
        target=lambda: claiming.claim(engine, mailing, "dying", 2, utcnow(), note)
    )
    claim.start()
    assert noted.wait(10)
    yield campaign, let_commit
    let_commit.set()
    claim.join()


def test_a_claim_committed_when_its_worker_is_gone_is_waited_for(
    dying_claim: tuple[Campaign, threading.Event],
) -> None:
    campaign, let_commit = dying_claim
    threading.Timer(0.3, let_commit.set).start()
    assert recovery.recover(db.engine, journals_folder()) == 2
    assert recounted(campaign) == kept(campaign) == {"queued": 2, "total": 2}
    assert list(journals_folder().glob("*")) == []


def test_a_claim_that_does_not_end_is_asked_about_again(
    dying_claim: tuple[Campaign, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, let_commit = dying_claim
    monkeypatch.setattr(recovery, "CLAIM_ENDS_IN_MS", 50)
    assert recovery.recover(db.engine, journals_folder()) == 0
    assert len(list(journals_folder().glob("*"))) == 1
    let_commit.set()
    monkeypatch.undo()
    assert recovery.recover(db.engine, journals_folder()) == 2
    assert recounted(campaign) == kept(campaign) == {"queued": 2, "total": 2}


def test_claims_of_a_worker_nobody_knows_are_settled(
    sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(2, sink.port)
    control.start(campaign)
    first = db.session.scalars(select(Message).order_by(Message.id)).first()
    assert first is not None
    first.state, first.worker = MessageState.CLAIMED, "nobody"
    db.session.commit()
    assert recovery.settle_lost(db.engine, journals_folder()) == 1
    db.session.expire_all()
    assert (first.state, first.reason) == ("uncertain", recovery.LOST)
    assert db.session.scalar(select(SmtpAccount.stopped_at)) is None
