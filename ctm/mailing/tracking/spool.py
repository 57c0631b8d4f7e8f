"""The spool: hits that were answered and are not in the database yet.

Files in ``instance/spool``, one at a time per server process, locked (flock) as long as it lives;
a free lock means that nobody writes it any more. One line per hit, appended with one ``write``, so
that a killed process loses none. How far a file is settled stands in the database, changed in the
same transaction as what the hits count (:class:`~ctm.models.HitSpool`), so none counts twice.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctm import filelocks
from ctm.mailing.tracking.arrivals import Arrival, decode

CHUNK = 256 * 1024
LARGEST = 512 * 1024 * 1024
_SUFFIX = ".hits"


class SpoolFull(OSError):
    """The spool has reached its bound: the database has not taken anything for long."""


@dataclass(frozen=True)
class Piece:
    """Whole lines of a spool. ``after``: where the next piece begins; ``broken``: no hits."""

    arrivals: list[Arrival]
    after: int
    broken: int


class Spool:
    """One file, open and locked. Appending is safe from several threads."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.name = path.stem
        self._file = descriptor
        self._lock = threading.Lock()
        self._torn = False
        self.written = 0

    @classmethod
    def create(cls, folder: Path) -> "Spool":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        host = "".join(c for c in socket.gethostname()[:30] if c.isalnum() or c in "-_")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
        while True:
            path = folder / f"{host}-{os.getpid()}-{time.time_ns()}{_SUFFIX}"
            descriptor = os.open(path, flags, 0o600)
            if filelocks.lock_new(descriptor):
                return cls(path, descriptor)
            # Before it was locked it looked like one that nobody writes any more.
            os.close(descriptor)

    @classmethod
    def all(cls, folder: Path) -> "Iterator[Spool]":
        """The spools of a folder, oldest first, to be read."""
        paths = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stem.rpartition("-")[2])
        for path in paths:
            try:
                yield cls(path, os.open(path, os.O_RDONLY))
            except FileNotFoundError:
                continue

    def ended(self) -> bool:
        """Whether nobody writes it any more; it is locked by us then."""
        return filelocks.lock(self._file)

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def append(self, line: bytes) -> None:
        """
        :raises OSError: it is not written down: no room, or too much waits already.
        """
        with self._lock:
            if self.written > LARGEST:
                raise SpoolFull("too many hits wait for the database")
            if self._torn:
                line = b"\n" + line
            written = os.write(self._file, line)
            self.written += written
            self._torn = written != len(line)
            if self._torn:
                raise OSError(f"only {written} of {len(line)} bytes written")

    def read(self, start: int, most: int, last: bool = False) -> Piece:
        """Up to ``most`` whole lines from an offset. ``last``: nobody writes it any more, so what
        has no line end is none."""
        data = os.pread(self._file, CHUNK, start)
        end = data.rfind(b"\n") + 1
        if not end:
            useless = len(data) == CHUNK or (last and data)
            return Piece([], start + len(data) if useless else start, int(bool(useless)))
        lines = _lines(data[:end], most)
        arrivals = [arrival for arrival in map(decode, lines) if arrival is not None]
        broken = len(lines) - len(arrivals)
        return Piece(arrivals, start + sum(map(len, lines)), broken)

    def close(self) -> None:
        with self._lock:
            descriptor, self._file = self._file, -1
        if descriptor >= 0:
            os.close(descriptor)

    def delete(self) -> None:
        """Everything in it is in the database. Gone for good before its row may go."""
        self.path.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lines(data: bytes, most: int) -> list[bytes]:
    """The first lines of ``data``, which ends with a line end."""
    return [line + b"\n" for line in data[:-1].split(b"\n", most)[:most]]
