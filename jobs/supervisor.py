"""Keeps a child process running: started again when it dies, stopped with its parent."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
SETTLED_AFTER = 60.0


class Supervisor:
    """One child. ``stop`` sends it SIGTERM and waits until it has finished what it does."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._command = [sys.executable, "-m", "jobs.child", str(os.getpid()), *command]
        self._folder = folder
        self._environ = dict(environ)
        self._first_wait = first_wait
        self._stopping = threading.Event()
        # The kernel's "parent died" signal follows the thread that started the child: this one
        # lives as long as the process.
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 60.0) -> None:
        """SIGTERM, then wait; after ``patience`` seconds SIGKILL."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                log.error("the child process %s does not end; killing it", process.pid)
                process.kill()
        self._thread.join(patience)

    def _watch(self) -> None:
        wait = self._first_wait
        while not self._stopping.is_set():
            began = time.monotonic()
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._stopping.is_set():
                self._process.send_signal(signal.SIGTERM)
            code = self._process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > SETTLED_AFTER:
                wait = self._first_wait
            log.error("the child process ended with %s; starting it again in %.0f s", code, wait)
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
