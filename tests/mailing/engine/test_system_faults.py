"""What the engine makes of a machine that fails it: database, disk, clock, descriptors, names."""

import os
import resource
import shutil
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app import create_app
from ctm.clock import SystemClock
from ctm.extensions import db
from ctm.mailing import control, recovery
from ctm.mailing.engine import standing
from ctm.mailing.engine.accounts import DatabaseBook
from ctm.mailing.engine.command import build_worker, journals_folder
from ctm.mailing.engine.lane import AccountData
from ctm.mailing.journal import Journal
from ctm.models import Message, MessageState
from tests.mailing.engine.faulty import FaultyServer
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.test_faults import (
    SHORT,
    MakeCampaign,
    account_of,
    addresses,
    run,
    states,
)

pytestmark = pytest.mark.one_database


def _impatient(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA busy_timeout=100")


@pytest.fixture
def impatient(app: Flask) -> Iterator[None]:
    """Connections that give up on a locked database after a tenth of a second."""
    db.engine.dispose()
    event.listen(db.engine, "connect", _impatient)
    yield
    event.remove(db.engine, "connect", _impatient)
    db.engine.dispose()


@contextmanager
def locked(path: str, seconds: float) -> Iterator[None]:
    """Another program writes to the database for so long."""
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    writer.execute("BEGIN IMMEDIATE")

    def end() -> None:
        writer.execute("ROLLBACK")
        writer.close()

    timer = threading.Timer(seconds, end)
    timer.start()
    yield
    timer.join()


def database() -> str:
    return str(db.engine.url.database)


def when(condition: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Act, beside the test, as soon as the condition holds."""

    def watch() -> None:
        end = time.monotonic() + 20
        while not condition() and time.monotonic() < end:
            time.sleep(0.002)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_locked_when_mails_are_claimed(big_campaign: MakeCampaign) -> None:
    with FaultyServer() as server:
        campaign = big_campaign(20, server.port)
        control.start(campaign)
        db.session.rollback()
        worker = build_worker(timeouts=SHORT)
        claim = worker._look

        def look(now: float) -> None:
            if not started:
                started.append(now)
                with locked(database(), 0.8):
                    claim(now)
            claim(now)

        started: list[float] = []
        worker._look = look  # type: ignore[method-assign]
        assert worker.run(until_idle=True) == 20
    assert states(campaign) == {"sent": 20}
    assert server.accepted == Counter(addresses(campaign))


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_locked_when_outcomes_are_written(big_campaign: MakeCampaign) -> None:
    with FaultyServer() as server:
        campaign = big_campaign(300, server.port)
        control.start(campaign)
        db.session.rollback()

        path = database()

        def lock() -> None:
            with locked(path, 1.5):
                pass

        thread = when(lambda: server.accepted.total() >= 50, lock)
        assert run() == 300
        thread.join()
    assert states(campaign) == {"sent": 300}
    assert server.accepted == Counter(addresses(campaign))


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_locked_when_a_dead_worker_is_settled(
    big_campaign: MakeCampaign,
) -> None:
    with FaultyServer() as server:
        campaign = big_campaign(6, server.port)
        control.start(campaign)
        _die_with_claims(campaign.id)
        db.session.rollback()
        with locked(database(), 1.2):
            assert run() == 5
    assert states(campaign) == {"sent": 5, "uncertain": 1}
    assert server.accepted.total() == 5


def _die_with_claims(campaign_id: int) -> None:
    """A worker claimed two mails, began one of them, and was killed."""
    messages = db.session.scalars(
        db.select(Message).where(Message.campaign_id == campaign_id).order_by(Message.id)
    ).all()
    journal = Journal(journals_folder(), "dead-worker")
    journal.claimed([message.id for message in messages[:2]])
    journal.begins(messages[0].id)
    journal.flush()
    os.close(journal._file)
    for message in messages[:2]:
        message.state, message.worker = MessageState.CLAIMED, "dead-worker"
    db.session.commit()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take what space there is left; returns the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return ballast


def test_a_disk_that_is_full_for_the_journal_holds_mails_back(
    big_campaign: MakeCampaign, small_disk: Path
) -> None:
    with FaultyServer() as server:
        campaign = big_campaign(2000, server.port)
        control.start(campaign)
        worker = build_worker(timeouts=SHORT)
        worker._folder = small_disk
        seen: list[int] = []

        def fill_up() -> None:
            ballast = fill(small_disk)
            time.sleep(0.5)
            seen.append(server.accepted.total())
            time.sleep(0.5)
            seen.append(server.accepted.total())
            ballast.unlink()

        thread = when(lambda: server.accepted.total() >= 100, fill_up)
        worker.run(until_idle=True)
        thread.join()
        assert seen[1] - seen[0] <= 4, "nothing leaves that is not written down"
        assert seen[1] < 2000, "the campaign was over too early"
        run()
        run()
    found = states(campaign)
    assert found["sent"] == 2000
    assert set(server.accepted.values()) == {1}


def test_a_disk_that_is_full_for_the_database_too(small_disk: Path) -> None:
    application = create_app(
        {
            "CTM_INSTANCE": str(small_disk / "instance"),
            "CTM_LANGUAGE": "en",
            "CTM_PUBLIC_URL": "http://mail.test",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "CTM_WORKER": False,
            "CTM_SCHEDULER": False,
            "TESTING": True,
        }
    )
    with application.app_context(), FaultyServer() as server:
        db.create_all()
        make = _campaigns(application)
        campaign = make(300, server.port)
        control.start(campaign)

        def fill_up() -> None:
            ballast = fill(small_disk)
            time.sleep(1.0)
            ballast.unlink()

        thread = when(lambda: server.accepted.total() >= 50, fill_up)
        run()
        thread.join()
        run()
        run()
        assert states(campaign) == {"sent": 300}
        assert server.accepted == Counter(addresses(campaign))
        db.session.remove()
        db.engine.dispose()


def _campaigns(application: Flask) -> MakeCampaign:
    from tests.mailing.engine import conftest

    make: MakeCampaign = conftest.big_campaign.__wrapped__(application)  # type: ignore[attr-defined]
    return make


class Jumping(SystemClock):
    """A clock of which somebody turns the hands, or that slept with its machine."""

    def __init__(self) -> None:
        self.turned = timedelta()
        self.slept = 0.0

    def now(self) -> datetime:
        return super().now() + self.turned

    def monotonic(self) -> float:
        return super().monotonic() + self.slept


@pytest.mark.parametrize("days", [-1, 1], ids=["back", "forward"])
def test_a_clock_that_is_set_in_the_middle_of_a_campaign(
    big_campaign: MakeCampaign, days: int
) -> None:
    clock = Jumping()
    with FaultyServer() as server:
        campaign = big_campaign(200, server.port)
        control.start(campaign)

        def turn() -> None:
            clock.turned = timedelta(days=days)

        thread = when(lambda: server.accepted.total() >= 20, turn)
        assert build_worker(timeouts=SHORT, clock=clock).run(until_idle=True) == 200
        thread.join()
    assert states(campaign) == {"sent": 200}
    assert server.accepted == Counter(addresses(campaign))


def test_a_clock_set_back_does_not_stretch_the_delay(big_campaign: MakeCampaign) -> None:
    clock = Jumping()
    with FaultyServer() as server:
        campaign = big_campaign(4, server.port, delay_seconds=0.3)
        control.start(campaign)

        def turn() -> None:
            clock.turned = timedelta(days=-1)

        thread = when(lambda: server.accepted.total() >= 1, turn)
        begun = time.monotonic()
        assert build_worker(timeouts=SHORT, clock=clock).run(until_idle=True) == 4
        assert time.monotonic() - begun < 10
        thread.join()
    assert states(campaign) == {"sent": 4}


def test_a_machine_that_slept_leaves_nothing_uncertain_that_was_answered(
    big_campaign: MakeCampaign,
) -> None:
    clock = Jumping()
    with FaultyServer() as server:
        campaign = big_campaign(300, server.port)
        control.start(campaign)

        def sleep() -> None:
            for _ in range(8):
                clock.slept += 3600.0
                time.sleep(0.05)

        thread = when(lambda: server.accepted.total() >= 5, sleep)
        build_worker(clock=clock).run(until_idle=True)
        thread.join()
        run()
    assert states(campaign) == {"sent": 300}
    assert server.accepted == Counter(addresses(campaign))


def test_a_process_without_file_descriptors_waits_for_them(
    sink: SmtpSink, big_campaign: MakeCampaign, caplog: pytest.LogCaptureFixture
) -> None:
    campaign = big_campaign(50, sink.port, connections=8)
    control.start(campaign)
    worker = build_worker(timeouts=SHORT)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    limit = threading.Timer(1.5, resource.setrlimit, (resource.RLIMIT_NOFILE, (soft, hard)))
    connect = worker.connect

    def connect_without(*arguments: Any) -> Any:
        if not limit.ident:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            limit.start()
        return connect(*arguments)

    worker.connect = connect_without  # type: ignore[method-assign]
    try:
        worker.run(until_idle=True)
        limit.join()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Too many open files" in caplog.text
    run()
    assert states(campaign) == {"sent": 50}
    assert sink.deliveries().total() == 50


class LostBook(DatabaseBook):
    """Accounts whose names nobody resolves: at once, or not for a long time."""

    hangs = False

    def resolve(self, account: AccountData) -> list[tuple[Any, ...]]:
        if account.host == "127.0.0.1":
            return super().resolve(account)
        if self.hangs:
            time.sleep(1.5)
        raise OSError("Temporary failure in name resolution")


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
def test_a_resolver_that_is_dead_holds_up_no_account_it_is_not_asked_for(
    big_campaign: MakeCampaign, hangs: bool
) -> None:
    with FaultyServer() as server:
        lost = big_campaign(2, 25, host="mail.lost.example")
        found = big_campaign(30, server.port)
        control.start(lost)
        control.start(found)
        book = LostBook(db.engine, allow_private=True)
        book.hangs = hangs
        assert build_worker(timeouts=SHORT, book=book).run(until_idle=True) == 30
    assert states(found) == {"sent": 30}
    assert states(lost) == {"queued": 2}
    assert "name resolution" in account_of(lost).last_error


def test_a_name_that_does_not_exist_makes_the_account_wait(big_campaign: MakeCampaign) -> None:
    campaign = big_campaign(2, 25, host="ctm-test.invalid")
    control.start(campaign)
    assert run() == 0
    assert states(campaign) == {"queued": 2}
    account = account_of(campaign)
    assert account.last_error
    assert account.stopped_at is None


def test_an_answer_that_waits_in_the_journal_outlives_a_database_that_never_came_back(
    big_campaign: MakeCampaign, impatient: None
) -> None:
    """The worker ends while the database is locked: the next one finds the answers."""
    with FaultyServer() as server:
        campaign = big_campaign(20, server.port)
        control.start(campaign)
        db.session.rollback()
        worker = build_worker(timeouts=SHORT)
        path = database()
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)

        def lock() -> None:
            writer.execute("BEGIN IMMEDIATE")
            time.sleep(0.5)
            worker.stop()

        thread = when(lambda: server.accepted.total() >= 3, lock)
        worker.run()
        thread.join()
        writer.execute("ROLLBACK")
        writer.close()
        os.close(worker._books.journal._file)  # as when its process ends
        before = server.accepted.total()
        assert before >= 3
        recovery.recover(db.engine, journals_folder())
        assert states(campaign)["sent"] == before
        run()
    assert states(campaign) == {"sent": 20}
    assert server.accepted == Counter(addresses(campaign))


class Deaf(DatabaseBook):
    """A database that can be read but takes no sign of life any more, until it is mended."""

    mended = False

    def beat(self, worker: str) -> bool:
        if not self.mended:
            raise OperationalError("UPDATE workers", None, sqlite3.OperationalError("locked"))
        return super().beat(worker)


def test_a_worker_that_cannot_prove_itself_leaves_the_server_in_peace(
    app: Flask, big_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "SURE_FOR", 0.5)
    monkeypatch.setattr(standing, "BEAT_EVERY", 0.2)
    monkeypatch.setattr(standing, "ASK_AGAIN", 0.1)
    book = Deaf(db.engine, allow_private=True)
    with FaultyServer() as server:
        campaign = big_campaign(20, server.port, connections=2, delay_seconds=0.1)
        control.start(campaign)
        worker = build_worker(timeouts=SHORT, book=book)
        seen: list[tuple[int, int]] = []

        def watch() -> None:
            for pause in (1.0, 1.5):
                time.sleep(pause)
                seen.append((server.connections, sum(server.accepted.values())))
            book.mended = True

        thread = threading.Thread(target=watch)
        thread.start()
        worker.run(until_idle=True)
        thread.join()
    (connections, _), (later, _) = seen
    assert later - connections <= 2, "it kept knocking"
    assert seen[0][1] == seen[1][1] < 20, "a mail left while it could not know"
    assert server.accepted == Counter(addresses(campaign))
    assert states(campaign) == {"sent": 20}
