"""The delivery journal: what a killed worker leaves is read as far as it was written."""

import fcntl
import os
from pathlib import Path

import pytest

from ctm.mailing import journal

SENT = {"state": "sent", "at": "2026-11-22T12:00:00", "words": "250 però"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def killed(written: journal.Journal) -> None:
    """The worker dies: its file is closed, the journal stays."""
    os.close(written._file)


def test_a_dead_workers_journal_tells_what_it_was_doing(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    written.claimed([1, 2, 3, 4])
    written.begins(1)
    written.answered(1, SENT)
    written.begins(2)
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.worker, found.trusted) == ("office-1", True)
    assert found.answers == {1: SENT}
    assert found.begun == {2}
    found.discard()
    assert journal.find_remains(folder) == []


def test_the_journal_of_a_living_worker_is_left_alone(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    assert journal.find_remains(folder) == []
    written.close()
    assert list(folder.iterdir()) == []


def test_two_workers_of_one_name_cannot_share_a_journal(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    with pytest.raises(BlockingIOError):
        journal.Journal(folder, "office-1")
    written.close()


@pytest.mark.parametrize(
    "torn",
    [b"B 3", b"A 2", b'A 2 {"state": "sent', b"C 1 2", b"B", b"A"],
)
def test_a_torn_last_line_is_not_believed(folder: Path, torn: bytes) -> None:
    written = journal.Journal(folder, "office-1")
    written.claimed([1, 2, 3])
    written.begins(1)
    written.answered(1, SENT)
    written.begins(2)
    killed(written)
    with written.path.open("ab") as file:
        file.write(torn)
    [found] = journal.find_remains(folder)
    assert found.answers == {1: SENT}
    assert found.begun == {2}


def test_a_message_claimed_again_starts_anew(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    written.claimed([1])
    written.begins(1)
    written.answered(1, SENT | {"state": "deferred"})
    written.claimed([1])
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.answers, found.begun) == ({}, set())


@pytest.mark.parametrize("head", [b"", b"J office-1", b"J office-1 another-boot\n", b"nonsense\n"])
def test_a_journal_from_before_the_last_boot_is_not_believed_when_silent(
    folder: Path, head: bytes
) -> None:
    folder.mkdir()
    (folder / "office-1.journal").write_bytes(head)
    [found] = journal.find_remains(folder)
    assert (found.worker, found.trusted) == ("office-1", False)


def test_a_grown_journal_starts_over_with_what_is_under_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = journal.Journal(folder, "office-1")
    written.claimed(range(1, 200))
    before = written.path.stat().st_size
    written.compact([7])
    assert written.path.stat().st_size == before
    monkeypatch.setattr(journal, "COMPACT_AT", 100)
    written.compact([7])
    assert written.path.stat().st_size < before
    written.answered(9, SENT)
    with written.path.open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.begun, found.answers) == ({7}, {9: SENT})


def test_both_files_are_read_when_it_died_while_starting_over(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    written.claimed([1])
    killed(written)
    written.path.with_suffix(".new").write_bytes(b"J office-1 " + journal.boot_id().encode())
    assert len(journal.find_remains(folder)) == 2
