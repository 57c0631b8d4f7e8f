"""Who works with an instance folder: where the file system has no locks."""

import errno
import os
from pathlib import Path

import pytest

from ctm import presence
from ctm.errors import Unavailable


def test_a_folder_that_cannot_be_locked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("ctm.filelocks.fcntl.flock", refuse)
    before = len(os.listdir("/proc/self/fd"))
    refusal = pytest.raises(Unavailable, match="cannot be locked: No locks available")
    with refusal as refused, presence.at_work(tmp_path):
        pass
    assert str(tmp_path) in str(refused.value)
    assert len(os.listdir("/proc/self/fd")) == before
