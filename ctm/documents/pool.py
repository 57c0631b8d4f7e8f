"""Processes that make documents, beside each other and apart from everything else.

Each process serves one job at a time. A job that takes too long is ended with its process, and
one that breaks its process costs only itself: a new process takes the place. Nothing waits
without bound, and only so many jobs are under way that memory stays flat.
"""

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple

from ctm.documents.errors import DocumentError
from ctm.documents.making import Document, digest
from ctm.documents.snapshots import load
from ctm.i18n import _l

log = logging.getLogger(__name__)

SECONDS = 30.0
STARTING_SECONDS = 15.0
JOBS_OF_A_PROCESS = 1_000
_AT_ONCE = threading.BoundedSemaphore(2)
_AHEAD = 3
_ROOT = Path(__file__).resolve().parents[2]
_KEPT_SETTINGS = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "HOME")

Key = Hashable


class Job(NamedTuple):
    """One document to make. ``key`` comes back with it; ``snapshot`` may be a kept one."""

    key: Key
    snapshot: Mapping[str, Any]
    values: Mapping[str, object]
    rows: Sequence[Mapping[str, object]] = ()


class Made(NamedTuple):
    """What became of a job: a document, or the words for why there is none."""

    key: Key
    document: Document | None
    error: DocumentError | None


class _Child:
    """One process, with what it was told already."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        settings = {name: os.environ[name] for name in _KEPT_SETTINGS if name in os.environ}
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "ctm.documents.child", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=_ROOT,
            env=settings,
        )
        theirs.close()
        self.knows: set[str] = set()
        self.jobs = 0

    def make(self, key: str, job: Job, seconds: float) -> Document:
        """
        :raises DocumentError: the document cannot be made; the process goes on.
        :raises TimeoutError: it took longer than ``seconds``.
        :raises OSError, EOFError: the process is gone.
        """
        limit = seconds if self.jobs else seconds + STARTING_SECONDS
        self.jobs += 1
        if key not in self.knows:
            self.connection.send(("template", key, dict(job.snapshot)))
            self.knows.add(key)
        rows = [dict(row) for row in job.rows]
        self.connection.send(("job", key, dict(job.values), rows, int(limit) + 5))
        until = monotonic() + limit
        if not self.connection.poll(limit):
            raise TimeoutError
        head = json.loads(self.connection.recv_bytes(100_000))
        if not self.connection.poll(max(until - monotonic(), 1.0)):
            raise TimeoutError
        data = self.connection.recv_bytes()
        if "error" in head:
            raise DocumentError(head["error"])
        return Document(head["name"], head["type"], data)

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Pool:
    """Makes documents in ``processes`` processes (as many as there are cores, if not given).

    Safe to use from several threads. Use it in a ``with``, or close it.
    """

    def __init__(self, processes: int | None = None, seconds: float = SECONDS) -> None:
        self.processes = processes or len(os.sched_getaffinity(0))
        self.seconds = seconds
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _number in range(self.processes):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(self.processes, thread_name_prefix="documents")
        self._children: set[_Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._loaded: dict[str, Mapping[str, Any]] = {}

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; what was under way fails."""
        with self._lock:
            self._closed = True
            children, self._children = self._children, set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.process.kill()
        self._threads.shutdown(wait=True)
        for child in children:
            child.end()

    def make(
        self,
        snapshot: Mapping[str, Any],
        values: Mapping[str, object],
        rows: Sequence[Mapping[str, object]] = (),
    ) -> Document:
        """One document, within the time limit; raises ``DocumentError``."""
        return self.submit(Job(None, snapshot, values, rows)).result()

    def submit(self, job: Job) -> "Future[Document]":
        """Begin a job; its result is the document, or raises ``DocumentError``."""
        key = digest(job.snapshot)
        if "data" not in job.snapshot:
            if key not in self._loaded:
                self._loaded[key] = load(job.snapshot)
            job = job._replace(snapshot=self._loaded[key])
        return self._threads.submit(self._run, key, job)

    def map(self, jobs: Iterable[Job], stop: Callable[[], bool] = lambda: False) -> Iterator[Made]:
        """What becomes of each job, in order; only a few are under way or waiting at once.

        With ``stop`` no further job is begun; those under way are still given.
        """
        waiting: deque[tuple[Key, Future[Document]]] = deque()
        for job in jobs:
            if stop():
                break
            waiting.append((job.key, self.submit(job)))
            while len(waiting) >= self.processes * _AHEAD or (waiting and waiting[0][1].done()):
                yield _made(*waiting.popleft())
        while waiting:
            yield _made(*waiting.popleft())

    def _run(self, key: str, job: Job) -> Document:
        """Give a job to an idle process; one that fails it is replaced."""
        child = self._idle.get()
        try:
            if child is not None and child.jobs >= JOBS_OF_A_PROCESS:
                self._drop(child)
                child = None
            if child is None:
                child = self._start()
            return child.make(key, job, self.seconds)
        except TimeoutError:
            log.warning("document template %s took too long", job.snapshot["id"])
            self._drop(child)
            child = None
            raise DocumentError(
                _l(
                    "The document was given up: it took longer than %(seconds)s seconds.",
                    seconds=round(self.seconds),
                )
            ) from None
        except (OSError, EOFError, ValueError) as problem:
            log.warning("document process ended: %s", problem or type(problem).__name__)
            self._drop(child)
            child = None
            raise DocumentError(
                _l("The document needs more memory than it may have, or broke its process.")
            ) from None
        finally:
            self._idle.put(child)

    def _start(self) -> _Child:
        with self._lock:
            if self._closed:
                raise OSError("the pool is closed")
            child = _Child()
            self._children.add(child)
            return child

    def _drop(self, child: _Child | None) -> None:
        if child is None:
            return
        with self._lock:
            mine = child in self._children
            self._children.discard(child)
        if mine:
            child.end()


def _made(key: Key, future: "Future[Document]") -> Made:
    try:
        return Made(key, future.result(), None)
    except DocumentError as problem:
        return Made(key, None, problem)


def make_one(
    snapshot: Mapping[str, Any],
    values: Mapping[str, object],
    rows: Sequence[Mapping[str, object]] = (),
    seconds: float = SECONDS,
) -> Document:
    """One document in a process of its own: for previews and single downloads.

    :raises DocumentError: it cannot be made, or takes longer than ``seconds``.
    """
    if not _AT_ONCE.acquire(timeout=seconds):
        raise DocumentError(
            _l("Too many documents are being made at this moment: try again in a minute.")
        )
    try:
        with Pool(1, seconds) as pool:
            return pool.make(snapshot, values, rows)
    finally:
        _AT_ONCE.release()
