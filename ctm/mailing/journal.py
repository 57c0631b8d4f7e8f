"""The delivery journal: what a worker was doing, readable after it was killed.

One file per worker in ``instance/journals``, locked (flock) as long as the worker lives. Text
lines, appended with one ``write`` each, so that a killed process loses none:

* ``J <worker> <boot id>``: the head;
* ``C <id> …``: claimed, about to be committed;
* ``B <id>``: the body of this message goes to the server now;
* ``A <id> <JSON>``: the server has answered; what follows from it.

``B`` and ``A`` lines of one round of the worker's loop are written together, before any of the
round's bodies leaves. A record counts from its line end on. Writing survives a killed process
but not a power cut; a journal from before the last boot is therefore not believed when it is
silent about a claimed message: that message becomes uncertain instead of going back to the
queue. The same holds for a journal with a line that cannot be read.
"""

import errno
import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ctm import filelocks

COMPACT_AT = 8 * 1024 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logging.getLogger(__name__)


def boot_id() -> str:
    """Changes with every start of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _open_locked(path: Path) -> int:
    """A new file, and the lock on it. Who looks for remains may hold it, or remove it, meanwhile.

    :raises BlockingIOError: another worker has it.
    """
    for _ in range(20):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        if filelocks.lock_new(descriptor):
            return descriptor
        os.close(descriptor)
        time.sleep(0.01)
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))


class Journal:
    """A worker's own journal, open for appending."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{worker}.journal"
        self._head = f"J {worker} {boot_id()}\n".encode()
        self._file = self._create(self.path)
        self._size = len(self._head)
        self._pending: list[bytes] = []

    def _create(self, path: Path) -> int:
        descriptor = _open_locked(path)
        try:
            os.write(descriptor, self._head)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _append(self, line: bytes) -> None:
        """One write; on a full disk a torn line is taken back, so that the next stands alone."""
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def claimed(self, ids: Iterable[int]) -> None:
        """Written at once, after all that was noted before.

        :raises OSError: the disk is full, or gone: the claim must not be committed.
        """
        numbers = b" ".join([b"%d" % number for number in ids])
        if numbers:
            self._pending.append(b"C " + numbers + b"\n")
            self.flush()

    def begins(self, message_id: int) -> None:
        """The body may leave after the next :meth:`flush`."""
        self._pending.append(b"B %d\n" % message_id)

    def answered(self, message_id: int, result: dict[str, Any]) -> None:
        """The server has answered, and the database does not know yet. Written by ``flush``."""
        self._pending.append(b"A %d %s\n" % (message_id, orjson.dumps(result, default=str)))

    def flush(self) -> None:
        """Write what was noted. If that fails, it is as if it had not been noted.

        :raises OSError: the disk is full, or gone.
        """
        if self._pending:
            lines, self._pending = b"".join(self._pending), []
            self._append(lines)

    def compact(self, begun: Iterable[int]) -> None:
        """Start over when the file has grown; call it when all answers are in the database.

        ``begun`` are the messages whose bodies are on their way.
        """
        self.flush()
        if self._size < COMPACT_AT:
            return
        fresh = self.path.with_suffix(".new")
        old = self._file, self._size
        try:
            self._file, self._size = self._create(fresh), len(self._head)
            for number in begun:
                self.begins(number)
            self.flush()
            fresh.rename(self.path)
        except OSError as error:
            log.warning("the journal goes on growing: %s", error)
            if self._file != old[0]:
                os.close(self._file)
            self._file, self._size = old
            fresh.unlink(missing_ok=True)
            return
        os.close(old[0])

    def close(self) -> None:
        """Remove the journal: everything in it is in the database."""
        self.path.unlink(missing_ok=True)
        os.close(self._file)


@dataclass
class Remains:
    """What a dead worker's journal tells.

    ``claimed``: its last claim, perhaps not committed. ``answers``: message id → what
    :meth:`Journal.answered` got. ``begun``: under way, no answer known. ``trusted``: silence about
    a message means that it never started.
    """

    worker: str
    path: Path
    trusted: bool
    claimed: list[int] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)

    def discard(self) -> None:
        """Remove the file, unless a worker has begun to write it since it was read."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            if filelocks.lock(file.fileno()):
                self.path.unlink(missing_ok=True)


def find_remains(folder: Path) -> list[Remains]:
    """Journals whose workers are dead."""
    found = []
    for path in sorted([*folder.glob("*.journal"), *folder.glob("*.new")]):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        if not filelocks.lock(descriptor):
            os.close(descriptor)
            continue
        with os.fdopen(descriptor, "rb") as file:
            found.append(_read(path, file.read()))
    return found


def _read(path: Path, content: bytes) -> Remains:
    lines = content.split(b"\n")[:-1]
    head = lines[0].decode("utf-8", "replace").split(" ") if lines else []
    believable = len(head) == 3 and head[0] == "J"
    remains = Remains(
        worker=head[1] if believable else path.stem,
        path=path,
        trusted=believable and head[2] == boot_id(),
    )
    for line in lines[1:]:
        try:
            _take(remains, line)
        except ValueError:
            log.error("%s: %r cannot be read", path, line[:80])
            remains.trusted = False
    return remains


def _take(remains: Remains, line: bytes) -> None:
    """
    :raises ValueError: the line is no record.
    """
    kind, _, rest = line.partition(b" ")
    if kind == b"C":
        remains.claimed = [int(each) for each in rest.split()]
        for number in remains.claimed:
            remains.answers.pop(number, None)
            remains.begun.discard(number)
    elif kind == b"B":
        remains.begun.add(int(rest))
    elif kind == b"A":
        written, _, answer = rest.partition(b" ")
        remains.answers[int(written)] = orjson.loads(answer)
        remains.begun.discard(int(written))
    else:
        raise ValueError(kind)
