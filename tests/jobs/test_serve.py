"""The server process, for real: it serves, and SIGTERM stops everything in order."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
Start = Callable[..., subprocess.Popen[str]]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("CTM_")},
        "CTM_INSTANCE": str(tmp_path / "instance"),
        "CTM_PORT": str(free_port()),
        "CTM_LANGUAGE": "en",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(**more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environ | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def migrate(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True)


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    seen = ""
    assert process.stdout is not None
    for line in process.stdout:
        seen += line
        if re.search(pattern, line):
            return seen
    raise AssertionError(f"never said {pattern!r}:\n{seen}")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children(pid: int, what: str = "worker") -> list[int]:
    """The server's processes of a kind, by a word of their command."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    every = [int(child) for task in found for child in task.read_text().split()]
    return [child for child in every if what.encode() in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.mark.slow
def test_it_serves_the_demo_and_sigterm_stops_it_with_its_worker(
    environ: dict[str, str], start: Start
) -> None:
    migrate(environ)
    process = start(CTM_DEMO="1")
    said = read_until(process, "Ctrl")
    assert f"http://127.0.0.1:{environ['CTM_PORT']}" in said
    assert "admin@brera.example" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{environ['CTM_PORT']}/login") as answer:
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    wait_for(lambda: len(children(process.pid)) == 1)
    (worker,) = children(process.pid)
    process.send_signal(signal.SIGTERM)
    said, _none = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert said.rstrip().endswith("stopped")
    assert not alive(worker)


@pytest.mark.slow
def test_the_worker_does_not_outlive_a_killed_server_and_a_dead_worker_comes_back(
    environ: dict[str, str], start: Start
) -> None:
    migrate(environ)
    process = start(CTM_PRACTICE_PORT="0", CTM_SCHEDULER="0")
    read_until(process, r"worker .* started")
    (worker,) = children(process.pid)
    os.kill(worker, signal.SIGKILL)
    read_until(process, r"worker .* started")
    (second,) = children(process.pid)
    assert second != worker
    process.kill()
    wait_for(lambda: not alive(second))


def test_an_empty_installation_names_the_set_up_page(environ: dict[str, str], start: Start) -> None:
    migrate(environ)
    process = start(CTM_WORKER="0", CTM_PRACTICE_PORT="0")
    said = read_until(process, "Ctrl")
    assert f"http://127.0.0.1:{environ['CTM_PORT']}/setup" in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"CTM_PORT": "abc"}, "CTM_PORT='abc'"),
        ({"CTM_PORT": "70000"}, "CTM_PORT='70000'"),
        ({"CTM_HOST": "192.0.2.1"}, "Check CTM_HOST and CTM_PORT"),
        ({"CTM_HOST": "no such host"}, "Check CTM_HOST and CTM_PORT"),
        ({"CTM_WORKER": "perhaps"}, "CTM_WORKER='perhaps'"),
        ({"CTM_DATABASE_URL": "mysql://office/ctm"}, "CTM_DATABASE_URL='mysql"),
        ({"CTM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "does not answer"),
        ({"CTM_PUBLIC_URL": "mail.example.com"}, "CTM_PUBLIC_URL="),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_bad_setting_is_named_in_one_sentence(
    environ: dict[str, str], start: Start, more: dict[str, str], words: str
) -> None:
    if "CTM_DATABASE_URL" not in more:
        migrate(environ)
    process = start(**{"CTM_WORKER": "0", "CTM_PRACTICE_PORT": "0"} | more)
    said, _none = process.communicate(timeout=30)
    assert process.returncode == 1
    assert words in said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("CTM: ")


def test_a_busy_port_is_named_with_the_way_out(environ: dict[str, str], start: Start) -> None:
    migrate(environ)
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environ["CTM_PORT"])))
        other.listen()
        process = start(CTM_WORKER="0", CTM_PRACTICE_PORT="0")
        said, _none = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {environ['CTM_PORT']} is in use" in said
    assert f"CTM_PORT={int(environ['CTM_PORT']) + 1}" in said


def test_a_database_without_tables_names_the_command(environ: dict[str, str], start: Start) -> None:
    process = start()
    said, _none = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "flask --app app upgrade" in said
