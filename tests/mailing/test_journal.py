"""The delivery journal: what a killed worker leaves is read as far as it was written."""

import fcntl
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing import journal

SENT = {"state": "sent", "at": "2026-11-22T12:00:00", "words": "250 però"}


class Journal(journal.Journal):
    """Writes each line at once, as in a round of the worker's loop with one event."""

    def begins(self, message_id: int) -> None:
        super().begins(message_id)
        self.flush()

    def answered(self, message_id: int, result: dict[str, Any]) -> None:
        super().answered(message_id, result)
        self.flush()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def killed(written: Journal) -> None:
    """The worker dies: its file is closed, the journal stays."""
    os.close(written._file)


def test_a_dead_workers_journal_tells_what_it_was_doing(folder: Path) -> None:
    written = Journal(folder, "office-1")
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
    written = Journal(folder, "office-1")
    assert journal.find_remains(folder) == []
    written.close()
    assert list(folder.iterdir()) == []


def test_two_workers_of_one_name_cannot_share_a_journal(folder: Path) -> None:
    written = Journal(folder, "office-1")
    with pytest.raises(BlockingIOError):
        Journal(folder, "office-1")
    written.close()


@pytest.mark.parametrize(
    "torn",
    [b"B 3", b"A 2", b'A 2 {"state": "sent', b"C 1 2", b"B", b"A"],
)
def test_a_torn_last_line_is_not_believed(folder: Path, torn: bytes) -> None:
    written = Journal(folder, "office-1")
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
    written = Journal(folder, "office-1")
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
    written = Journal(folder, "office-1")
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
    written = Journal(folder, "office-1")
    written.claimed([1])
    killed(written)
    written.path.with_suffix(".new").write_bytes(b"J office-1 " + journal.boot_id().encode())
    assert len(journal.find_remains(folder)) == 2


def test_what_was_noted_of_a_message_comes_before_its_next_claim(folder: Path) -> None:
    written = journal.Journal(folder, "office-1")
    written.begins(1)
    written.answered(1, SENT | {"state": "deferred"})
    written.claimed([1])
    written.begins(2)
    killed_before_its_round_ended = written
    killed(killed_before_its_round_ended)
    [found] = journal.find_remains(folder)
    assert (found.answers, found.begun) == ({}, set())


NUMBERS = st.integers(1, 6)
WORDS = st.text(max_size=30)
DOINGS = st.lists(
    st.tuples(st.just("C"), st.lists(NUMBERS, max_size=4), st.just(""))
    | st.tuples(st.sampled_from("BA"), NUMBERS.map(lambda number: [number]), WORDS),
    max_size=20,
)
Doing = tuple[str, list[int], str]


def write(written: Journal, doing: Doing) -> None:
    kind, numbers, words = doing
    if kind == "C":
        written.claimed(numbers)
    elif kind == "B":
        written.begins(numbers[0])
    else:
        written.answered(numbers[0], {"words": words})


def told(doings: list[Doing]) -> tuple[dict[int, dict[str, str]], set[int]]:
    """What is known of each message by its last word: answered, or begun without an answer."""
    answers: dict[int, dict[str, str]] = {}
    begun: set[int] = set()
    for number in range(1, 7):
        about = [each for each in doings if number in each[1]]
        claims = [place for place, each in enumerate(about) if each[0] == "C"]
        since = about[claims[-1] + 1 :] if claims else about
        replies = [each for each in since if each[0] == "A"]
        if replies:
            answers[number] = {"words": replies[-1][2]}
        if since and since[-1][0] == "B":
            begun.add(number)
    return answers, begun


@given(DOINGS, st.integers(0, 10_000), st.sampled_from([b"", b"\0" * 7, b"\xff", b"A 1 {"]))
def test_wherever_the_file_ends_all_before_counts(
    doings: list[Doing], place: int, rubbish: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        written = Journal(Path(name), "ufficio-è")
        ends = [written.path.stat().st_size]
        for doing in doings:
            write(written, doing)
            ends.append(written.path.stat().st_size)
        killed(written)
        length = place % (ends[-1] + 1)
        os.truncate(written.path, length)
        with written.path.open("ab") as file:
            file.write(rubbish)
        [found] = journal.find_remains(Path(name))
    whole = sum(end <= length for end in ends) - 1
    assert (found.answers, found.begun) == told(doings[: max(whole, 0)])
    assert found.trusted == (whole >= 0)
    assert found.worker == "ufficio-è"


@pytest.mark.parametrize(
    "line", [b"B", b"B x", b"A 5", b"A 5 {", b"C 1 x", b"B 3A 4 {}", b"\xff\xfe", b"", b"Z 1"]
)
def test_a_line_that_cannot_be_read_costs_trust_but_no_answer(folder: Path, line: bytes) -> None:
    written = Journal(folder, "office-1")
    written.answered(1, SENT)
    with written.path.open("ab") as file:
        file.write(line + b"\n")
    written.answered(2, SENT)
    written.begins(7)
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.answers, found.begun, found.trusted) == ({1: SENT, 2: SENT}, {7}, False)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 3])
def test_a_full_disk_leaves_no_torn_line_in_the_middle(folder: Path, room: int) -> None:
    written = Journal(folder, "office-1")
    written.begins(1)
    with full_disk(written.path.stat().st_size + room), pytest.raises(OSError):
        written.answered(1, SENT)
    written.begins(2)
    written.answered(2, SENT)
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.answers, found.begun, found.trusted) == ({2: SENT}, {1}, True)


@pytest.mark.parametrize("room", [0, 60])
def test_a_full_disk_keeps_a_journal_from_starting_over_but_not_from_going_on(
    folder: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "COMPACT_AT", 100)
    written = Journal(folder, "office-1")
    written.claimed(range(1, 200))
    written.answered(5, SENT)
    with full_disk(room):
        written.compact(range(100, 200))
    assert list(folder.iterdir()) == [written.path]
    written.begins(6)
    written.compact([6])
    assert written.path.stat().st_size < 100
    killed(written)
    [found] = journal.find_remains(folder)
    assert (found.answers, found.begun, found.trusted) == ({}, {6}, True)


def test_who_looks_for_remains_takes_no_journal_from_a_worker_that_begins(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "office-1.journal").touch()
    [found] = journal.find_remains(folder)
    written = Journal(folder, "office-1")
    found.discard()
    assert written.path.exists()
    assert journal.find_remains(folder) == []
    written.close()


def test_a_worker_that_begins_outwaits_who_looks_for_remains(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / "office-1.journal"
    path.touch()
    with path.open("rb") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_EX)
        later = threading.Timer(
            0.05, lambda: (path.unlink(), fcntl.flock(looked_at, fcntl.LOCK_UN))
        )
        later.start()
        written = Journal(folder, "office-1")
        later.join()
    assert written.path.exists()
    assert journal.find_remains(folder) == []
    written.close()
