"""Stored files: whole or not at all."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from ctm import files
from ctm.errors import InvalidInput, Unavailable
from ctm.extensions import db
from ctm.models import StoredFile

pytestmark = pytest.mark.usefixtures("app")


def on_disk() -> list[Path]:
    return [path for path in files.folder().rglob("*") if path.is_file()]


def test_the_same_content_is_kept_once() -> None:
    one = files.store(b"hello", "a.txt", "text/plain")
    two = files.store(io.BytesIO(b"hello"), "b.txt", "text/plain")
    db.session.commit()
    assert one.id != two.id
    assert one.sha256 == two.sha256
    assert len(on_disk()) == 1
    assert files.read(two) == b"hello"


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing() -> None:
    with pytest.raises(InvalidInput, match="larger than 25 MB"):
        files.store(io.BytesIO(bytes(30 * 1024 * 1024)), "big.zip")
    assert on_disk() == []
    assert db.session.query(StoredFile).count() == 0


def test_a_full_disk_is_said_in_words_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(Unavailable, match="disk is full"):
        files.store(b"x" * 1000, "a.bin")
    assert on_disk() == []


def test_a_file_that_vanished_is_said_in_words() -> None:
    file = files.store(b"x", "a.bin")
    files.path_of(file).unlink()
    with pytest.raises(Unavailable, match="missing"):
        files.read(file)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\offerta.pdf", "offerta.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "file"),
        ("..", "file"),
        ("x" * 300 + ".pdf", "x" * 180 + ".pdf"),
    ],
)
def test_names_are_made_safe(given: str, kept: str) -> None:
    assert files.safe_name(given) == kept


def test_a_folder_that_cannot_be_written_is_said_in_words(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setattr(files, "folder", lambda: blocked)
    with pytest.raises(Unavailable, match="could not write"):
        files.store(b"x", "a.bin")
