"""A log file that belongs to one process, turns itself over, and never stops the program."""

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ctm import filelocks

SLOTS = 64
TRY_AGAIN = 30.0
LOOK_EVERY = 5.0


class SlotFileHandler(logging.Handler):
    """``role.log``; a second process of the same role writes ``role-2.log``, and so on.

    A process holds its slot with a lock that ends with it, so two processes never turn one file
    over. When the folder cannot be written or the disk is full, the lines go to the
    terminal only, which is told once, and the file is tried again now and then.
    """

    def __init__(
        self,
        folder: Path,
        role: str,
        most_bytes: int,
        older_files: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._role = role
        self._most_bytes = most_bytes
        self._older_files = older_files
        self._clock = clock
        self._pid = 0
        self._file = -1
        self._slot = -1
        self._size = 0
        self._retry_at = 0.0
        self._look_at = 0.0
        self._told = False
        self.path: Path | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._pid != os.getpid():
            self._leave_to_parent()
        if self._file < 0 and self._clock() < self._retry_at:
            return
        try:
            self._write((self.format(record) + "\n").encode("utf-8", "backslashreplace"))
            self._told = False
        except OSError as error:
            self._give_up(error)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.acquire()
        try:
            self._shut()
        finally:
            self.release()
        super().close()

    def _write(self, line: bytes) -> None:
        if self._file < 0:
            self._open()
        elif self._clock() >= self._look_at:
            self._look()
        if self._size and self._size + len(line) > self._most_bytes:
            self._turn_over()
        self._size += os.write(self._file, line)

    def _look(self) -> None:
        """Whether the file is still the one under its name; it may have been moved away."""
        self._look_at = self._clock() + LOOK_EVERY
        mine = os.fstat(self._file)
        try:
            named = os.stat(self.path or "")
        except FileNotFoundError:
            named = None
        if named is None or (named.st_dev, named.st_ino) != (mine.st_dev, mine.st_ino):
            os.close(self._file)
            self._file = -1
            self._open_file()

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._pid = os.getpid()
        for number in range(1, SLOTS + 1):
            name = self._role if number == 1 else f"{self._role}-{number}"
            slot = os.open(self._folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o640)
            if not filelocks.lock(slot):
                os.close(slot)
                continue
            self._slot, self.path = slot, self._folder / f"{name}.log"
            self._open_file()
            return
        raise OSError(f"more than {SLOTS} processes of one kind log to {self._folder}")

    def _open_file(self) -> None:
        if self.path is None:
            raise FileNotFoundError
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        self._size = os.fstat(self._file).st_size
        self._look_at = self._clock() + LOOK_EVERY
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            # A full disk cut the last line short.
            self._size += os.write(self._file, b"\n")

    def _turn_over(self) -> None:
        """``role.log`` → ``role.log.1`` → … The oldest goes."""
        if self.path is None:
            return
        os.close(self._file)
        self._file = -1
        try:
            for number in range(self._older_files - 1, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number}")
                if older.exists():
                    older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        finally:
            self._open_file()

    def _give_up(self, error: OSError) -> None:
        self._shut()
        self._retry_at = self._clock() + TRY_AGAIN
        if not self._told:
            self._told = True
            try:
                sys.stderr.write(f"CTM: the log file cannot be written: {error}\n")
            except (OSError, ValueError):
                return

    def _shut(self) -> None:
        for descriptor in (self._file, self._slot):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._slot = -1

    def _leave_to_parent(self) -> None:
        """After a fork the file stays the parent's: this process takes a slot of its own."""
        if self._pid:
            self._shut()
        self._pid = os.getpid()
