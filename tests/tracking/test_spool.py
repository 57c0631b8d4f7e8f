"""The spool: nothing that was answered is lost, nothing counts twice, nobody waits."""

import fcntl
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, delete, func, select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.tracking.arrivals import Arrival, encode
from ctm.mailing.tracking.collector import Collector, spool_folder
from ctm.mailing.tracking.settler import Settler
from ctm.mailing.tracking.spool import Spool
from ctm.models import Hit, HitKind, HitSpool, Message

PERSON = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"


@pytest.fixture
def folder(app: Flask) -> Path:
    return spool_folder(Path(app.instance_path))


def opening(mail: Message) -> Arrival:
    return Arrival(mail.id, HitKind.OPEN, utcnow(), "GET", "93.40.1.2", PERSON)


def counted() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Hit)) or 0


def test_hits_of_many_threads_are_counted_once_over_restarts(
    folder: Path, mails: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctm.mailing.tracking.collector.NEW_FILE_AT", 2_000)
    arrival = opening(mails[0])
    collector, settler = Collector(folder), Settler(db.engine, folder)

    def hit() -> None:
        for _ in range(40):
            assert collector.add(arrival)

    threads = [threading.Thread(target=hit) for _ in range(4)]
    for thread in threads:
        thread.start()
    settler.settle_all()
    for thread in threads:
        thread.join()
    Settler(db.engine, folder).settle_all()
    settler.settle_all()
    collector.close()
    Settler(db.engine, folder).settle_all()

    assert counted() == 160
    assert db.session.get_one(Message, mails[0].id).opens == 160
    assert list(folder.glob("*.hits")) == []
    assert db.session.scalars(select(HitSpool)).all() == []


@pytest.mark.parametrize("under_way", [True, False], ids=["looked at", "deleted"])
def test_a_spool_just_made_is_not_taken_for_one_that_ended(
    folder: Path, mails: list[Message], monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    """The settler may come between making the file and locking it."""
    lock, settler = fcntl.flock, Settler(db.engine, folder)
    looking: list[int] = []

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr("ctm.filelocks.fcntl.flock", lock)
        if under_way:
            looking.append(os.open(next(folder.glob("*.hits")), os.O_RDONLY))
            lock(looking[0], fcntl.LOCK_EX)
        else:
            settler.settle_all()
            assert list(folder.glob("*.hits")) == []
        lock(descriptor, operation)

    monkeypatch.setattr("ctm.filelocks.fcntl.flock", late)
    collector = Collector(folder)
    assert collector.add(opening(mails[0]))
    for descriptor in looking:
        os.close(descriptor)
    settler.settle_all()
    assert counted() == 1
    collector.close()


def test_two_servers_share_the_folder(folder: Path, mails: list[Message]) -> None:
    first, second = Collector(folder), Collector(folder)
    for collector in (first, second, first):
        collector.add(opening(mails[1]))
    Settler(db.engine, folder).settle_all()
    assert counted() == 3
    assert len(list(folder.glob("*.hits"))) == 2
    first.close()
    second.add(opening(mails[1]))
    Settler(db.engine, folder).settle_all()
    assert counted() == 4
    assert len(list(folder.glob("*.hits"))) == 1
    second.close()


def test_what_comes_in_while_settling_waits_for_the_next_round(
    folder: Path, mails: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Following the hits one by one would cost the sender a transaction for each few of them."""
    collector, settler = Collector(folder), Settler(db.engine, folder)
    more = iter(range(3))

    def breathe(_seconds: float) -> None:
        if next(more, None) is not None:
            collector.add(opening(mails[0]))

    monkeypatch.setattr("ctm.mailing.tracking.settler.time.sleep", breathe)
    collector.add(opening(mails[0]))
    settler.settle_all()
    assert counted() == 1
    settler.settle_all()
    assert counted() == 2
    collector.close()


def test_a_spool_settled_but_not_deleted_counts_nothing_again(
    folder: Path, mails: list[Message]
) -> None:
    collector = Collector(folder)
    collector.add(opening(mails[0]))
    Settler(db.engine, folder).settle_all()
    collector.close()
    assert len(list(folder.glob("*.hits"))) == 1
    Settler(db.engine, folder).settle_all()
    assert counted() == 1


def test_an_older_copy_of_the_database_gets_what_the_spool_still_holds(
    folder: Path, mails: list[Message]
) -> None:
    collector, settler = Collector(folder), Settler(db.engine, folder)
    collector.add(opening(mails[0]))
    settler.settle_all()
    for table in (Hit, HitSpool):
        db.session.execute(delete(table))
    db.session.commit()
    Settler(db.engine, folder).settle_all()
    assert counted() == 1
    collector.close()


def test_garbage_in_a_spool_is_named_and_passed_over(
    folder: Path, mails: list[Message], caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(parents=True)
    good = encode(opening(mails[0]))
    (folder / "a-1-1.hits").write_bytes(
        good + b"\0" * 700_000 + b"\n" + b"what\n" + good + good[:9]
    )
    (folder / "a-1-2.hits").write_bytes(b"")
    (folder / "a-1-3.hits").write_bytes(b"\xff" * 300_000)
    with caplog.at_level(logging.ERROR):
        Settler(db.engine, folder).settle_all()
    assert counted() == 2
    assert "are no hits" in caplog.text
    assert list(folder.glob("*.hits")) == []


def test_a_full_disk_costs_the_hit_and_says_so_once(
    folder: Path, mails: list[Message], caplog: pytest.LogCaptureFixture
) -> None:
    collector = Collector(folder)
    collector.add(opening(mails[0]))
    assert collector._spool is not None
    full, real = os.open("/dev/full", os.O_WRONLY), collector._spool._file
    collector._spool._file = full
    with caplog.at_level(logging.ERROR):
        assert not collector.add(opening(mails[0]))
        assert not collector.add(opening(mails[0]))
    collector._spool._file = real
    os.close(full)
    assert caplog.text.count("could not be written") == 1
    assert "No space left" in caplog.text
    assert collector.add(opening(mails[0]))
    collector.close()
    Settler(db.engine, folder).settle_all()
    assert counted() == 2


def test_a_folder_that_cannot_be_made_costs_the_hit_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    collector = Collector(tmp_path / "file" / "spool")
    assert not collector.add(Arrival(1, HitKind.OPEN, utcnow()))


def test_a_torn_line_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path)
    arrival = Arrival(1, HitKind.OPEN, utcnow(), "GET", "", PERSON)
    spool.append(encode(arrival))
    os.write(spool._file, encode(arrival)[:20])
    spool._torn = True
    spool.append(encode(arrival))
    piece = spool.read(0, 10)
    assert (len(piece.arrivals), piece.broken) == (2, 1)
    spool.close()


@pytest.mark.one_database("sqlite")
def test_a_locked_database_delays_no_hit_and_loses_none(
    app: Flask, folder: Path, mails: list[Message], caplog: pytest.LogCaptureFixture
) -> None:
    collector = Collector(folder)
    hasty = create_engine(db.engine.url, connect_args={"timeout": 0.1})
    settler = Settler(hasty, folder)
    collector.add(opening(mails[0]))
    other = sqlite3.connect(db.engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with hasty.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    thread = threading.Thread(target=settler.run)
    with caplog.at_level(logging.ERROR):
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        for _ in range(20):
            assert collector.add(opening(mails[0]))
        assert time.monotonic() - began < 0.5
        assert counted() == 0
        time.sleep(0.3)
    other.execute("ROLLBACK")
    other.close()
    settler.stop()
    thread.join(30)
    assert counted() == 21
    assert "hits wait in the spool" in caplog.text
    collector.close()
    hasty.dispose()
