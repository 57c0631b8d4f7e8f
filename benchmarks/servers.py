"""Mail servers to measure against: postfix's own tools on loopback."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SBIN = "/usr/sbin:/usr/bin:/usr/local/sbin"


def program(name: str) -> str:
    """A program of the package postfix; ends with words if it is missing."""
    found = shutil.which(name, path=SBIN)
    if found is None:
        sys.exit(f"{name} is missing: apt-get install postfix")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, seconds: float = 20.0) -> None:
    """Return as soon as somebody listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


def _privileges() -> tuple[str, ...]:
    """As root the sink wants to be told whom to run as; nobody else may choose."""
    return ("-u", "nobody") if os.geteuid() == 0 else ()


@contextmanager
def smtp_sink() -> Iterator[int]:
    """``smtp-sink``, which takes every mail and keeps none; its port."""
    port = free_port()
    command = [program("smtp-sink"), *_privileges(), f"127.0.0.1:{port}", "512"]
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class CountingSink:
    """An ``smtp-sink`` that counts the mails it has taken."""

    port: int
    _output: int

    def mails(self) -> int:
        """All mails taken so far, as the sink itself says."""
        said = os.pread(self._output, 200, max(0, os.fstat(self._output).st_size - 200))
        found = re.findall(rb"mesg=(\d+)\r", said)
        return int(found[-1]) if found else 0


@contextmanager
def counting_sink() -> Iterator[CountingSink]:
    """``smtp-sink -c``. It writes its counter into memory: on a disk that would slow it."""
    port = free_port()
    output = os.memfd_create("smtp-sink")
    command = [program("smtp-sink"), "-c", *_privileges(), f"127.0.0.1:{port}", "512"]
    process = subprocess.Popen(command, stdout=output)
    try:
        wait_for(port)
        yield CountingSink(port, output)
    finally:
        process.terminate()
        process.wait()
        os.close(output)


def smtp_source(port: int, mails: int, size: int, sessions: int = 16) -> float:
    """Mails per second of the load generator written in C."""
    command = [program("smtp-source"), "-d", "-N", "-m", str(mails), "-s", str(sessions)]
    command += ["-l", str(size), "-f", "a@x.test", "-t", "b@y.test", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    done = subprocess.run(command)
    if done.returncode:
        sys.exit(f"smtp-source ends with {done.returncode}: not complete")
    return mails / (time.perf_counter() - start)
