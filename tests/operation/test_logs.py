"""Logs: whole lines, no secrets, no injected lines, a file per process, never a stop."""

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import logs
from ctm.extensions import db
from ctm.logs.files import SlotFileHandler
from ctm.logs.formats import HumanFormatter, JsonFormatter, scrub
from jobs.scheduler import Scheduler
from tests import factories

SETTINGS = {"CTM_LOG_MB": 1, "CTM_LOG_FILES": 3, "CTM_LOG_LEVEL": "INFO", "CTM_METRICS_TOKEN": ""}
ROOT = Path(__file__).resolve().parent.parent.parent


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("test", logging.INFO, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    return made


def as_json(message: str, *args: Any, **extra: Any) -> dict[str, Any]:
    line = JsonFormatter("web").format(record(message, *args, **extra))
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    """Configure the logs; call it to read what this process wrote."""
    logs.configure("web", SETTINGS, tmp_path)
    path = tmp_path / "logs" / "web.log"
    yield lambda: [json.loads(line) for line in path.read_text().splitlines()]
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if getattr(handler, "ctm_owned", False):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(logging.WARNING)
    logs.restart()


# -- form -------------------------------------------------------------------------------------


def test_a_line_is_one_json_object_with_time_in_utc_and_what_it_belongs_to() -> None:
    line = as_json("mail %s left", 7, ctm={"request_id": "abc", "user_id": 3}, message_id=7)
    assert line["time"].endswith("Z")
    assert line["time"][10] == "T"
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "test", "mail 7 left")
    assert (line["request_id"], line["user_id"], line["message_id"]) == ("abc", 3, 7)
    assert (line["process"], line["pid"]) == ("web", os.getpid())


@pytest.mark.parametrize(
    "evil",
    [
        "a\nINFO root: all is well",
        "a\r\n{}",
        "a\x0b\x0c\x85b",
        "a\u2028b\u2029c",
        "\x1b[2Jgone",
        "a\u202eb",
        "\udcff",
        "\x00",
    ],
)
def test_nobody_else_can_begin_a_line_or_steer_the_terminal(evil: str) -> None:
    line = as_json("typed: %s", evil)
    assert line["message"].startswith("typed: ")
    human = HumanFormatter().format(record("typed: %s", evil, ctm={"request_id": evil}))
    assert len(human.splitlines()) == 1
    assert "\x1b" not in human


def test_the_lines_of_a_traceback_cannot_pass_for_lines_of_the_log() -> None:
    try:
        raise ValueError("no\n2026-11-22 04:22:20,716 INFO root: all is well")
    except ValueError:
        made = record("it failed")
        made.exc_info = sys.exc_info()
    first, *rest = HumanFormatter().format(made).splitlines()
    assert first.endswith("test: it failed")
    assert rest
    assert all(line.startswith("    | ") for line in rest)
    assert "all is well" in json.loads(JsonFormatter("web").format(made))["error"]


def test_a_message_that_does_not_fit_its_arguments_is_written_all_the_same() -> None:
    assert "%d" in as_json("%d mails", "many")["message"]


def test_a_huge_message_is_cut_and_quickly() -> None:
    assert len(as_json("x" * 10_000_000)["message"]) <= 8000
    assert len(as_json("a-" * 1_000_000)["message"]) <= 8000


# -- secrets ----------------------------------------------------------------------------------

TOKEN = "AAAAAAABx9_kqj3hFzPwQ0Lm"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("login with password=hunter22 refused", "hunter22"),
        ("{'password': 'hunter22', 'name': 'x'}", "hunter22"),
        ('{"CTM_ACCOUNT_PASSWORD": "hunter 22"}', "hunter 22"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("Cookie: session=eyJfZnJlc2giOmZhbHNlfQ.ZzX.y9", "eyJfZnJlc2giOmZhbHNlfQ.ZzX.y9"),
        ("csrf_token=Ijk0ZGU.aaa.bbb&name=x", "Ijk0ZGU.aaa.bbb"),
        ("AUTH PLAIN AHVzZXIAc2VncmV0YQ==", "AHVzZXIAc2VncmV0YQ=="),
        ("postgresql://ctm:s3cr%40t@db/ctm does not answer", "s3cr%40t"),
        (f"GET /r/{TOKEN} answered 500", TOKEN),
        (f"GET /o/{TOKEN}.gif answered 500", TOKEN),
        (f"https://x.example/c/{TOKEN}/3", TOKEN),
        ("sealed gAAAAABnQ0hJx7d8Zs2Q1kPz0u4m9wYq== cannot be opened", "gAAAAABnQ0hJx7d8Zs2Q"),
        ("secret: 'one two'", "one two"),
        ("api_key = abcdef", "abcdef"),
    ],
)
def test_secrets_are_not_written(text: str, secret: str) -> None:
    assert secret not in scrub(text)
    assert secret not in JsonFormatter("web").format(record("%s", text))
    made = record("it failed")
    try:
        raise RuntimeError(text)
    except RuntimeError:
        made.exc_info = sys.exc_info()
    assert secret not in json.loads(JsonFormatter("web").format(made))["error"]
    assert secret not in HumanFormatter().format(record("x", ctm={"path": text}))


def test_words_without_secrets_stay_as_they_are() -> None:
    text = "535 5.7.8 password refused for a@b.example; the token ring has 3 of 4 (Session ended)"
    assert scrub(text) == text


def test_a_secret_known_by_its_value_is_hidden_wherever_it_stands() -> None:
    logs.hide("correct-horse-battery")
    assert "correct-horse" not in scrub("got correct-horse-battery from 10.0.0.1")


def test_the_database_does_not_tell_values_in_its_errors(app: Flask) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError) as caught:
        db.session.execute(text("SELECT :password FROM nowhere"), {"password": "hunter22"})
    assert "hunter22" not in str(caught.value)


# -- what a line belongs to -------------------------------------------------------------------


def test_a_request_has_an_id_in_its_lines_and_in_its_answer(
    lines: Any, login_as: Any, people: Any
) -> None:
    answer = login_as("administrator").post("/language/it", data={"next": "/"})
    code = answer.headers["X-Request-Id"]
    (line,) = [line for line in lines() if line["logger"] == "admin_views.tracing"]
    assert line["request_id"] == code
    assert line["user_id"] == people["administrator"].id
    assert (line["status"], line["message"].split(" in ")[0]) == (
        302,
        "POST /language/it answered 302",
    )


@pytest.mark.parametrize("good", ["a1b2c3d4", "0af7651916cd43dd8448eb211c80319c", "Root_1-67.x"])
def test_an_id_of_a_proxy_is_taken_over(client: FlaskClient, good: str) -> None:
    assert client.get("/login", headers={"X-Request-Id": good}).headers["X-Request-Id"] == good


@pytest.mark.parametrize("bad", ["", "short", "a" * 65, "a b c d e f", "<script>1234", "àèìòùàèì"])
def test_an_id_that_is_not_well_formed_is_replaced(client: FlaskClient, bad: str) -> None:
    code = client.get("/login", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
    assert code != bad
    assert logs.well_formed(code)


def test_ids_do_not_stay_for_the_next_request(client: FlaskClient) -> None:
    first = client.get("/login").headers["X-Request-Id"]
    assert client.get("/nothing").headers["X-Request-Id"] != first
    assert logs.bound().get("request_id") is None


def test_the_address_of_a_removal_page_is_not_written_whole(
    lines: Any, client: FlaskClient
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    client.get(f"/r/{TOKEN}")
    assert TOKEN not in json.dumps(lines())
    assert TOKEN[:6] in json.dumps(lines())


def test_lines_of_a_job_say_which_job_and_which_run(lines: Any, app: Flask) -> None:
    from ctm.i18n import _l
    from ctm.jobruns import Job

    def fail() -> None:
        raise RuntimeError("job's own error")

    scheduler = Scheduler(app, [])
    scheduler._beat()
    scheduler._run(Job("broken", 5, fail, _l("Job")))
    (line,) = [each for each in lines() if each.get("job") == "broken"]
    assert line["job"] == "broken"
    assert logs.well_formed(line["job_run"])
    assert "job's own error" in line["error"]


def test_lines_of_a_task_say_which_task_and_whose(lines: Any, app: Flask) -> None:
    from ctm import tasks

    @tasks.task_kind("test.fails")
    def fail(_task: Any, _progress: Any) -> None:
        raise RuntimeError

    owner = factories.user()
    task = tasks.submit("test.fails", "x", {}, owner)
    task_id, owner_id = task.id, owner.id
    tasks.run_waiting()
    (line,) = [line for line in lines() if line["logger"] == "ctm.tasks"]
    assert (line["task"], line["task_id"], line["user_id"]) == ("test.fails", task_id, owner_id)


# -- files ------------------------------------------------------------------------------------


def handler(folder: Path, most: int = 300, older: int = 2) -> SlotFileHandler:
    made = SlotFileHandler(folder, "worker", most, older)
    made.setFormatter(JsonFormatter("worker"))
    return made


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    file = handler(tmp_path)
    for number in range(12):
        file.emit(record("line %s", number))
    file.close()
    names = sorted(path.name for path in tmp_path.glob("worker.log*"))
    assert names == ["worker.log", "worker.log.1", "worker.log.2"]
    kept = [
        json.loads(line)["message"]
        for name in reversed(names)
        for line in (tmp_path / name).read_text().splitlines()
    ]
    assert kept[-1] == "line 11"
    assert kept == [f"line {n}" for n in range(12 - len(kept), 12)]
    assert (tmp_path / "worker.log").stat().st_mode & 0o777 == 0o640


def test_two_processes_of_one_kind_write_two_files_and_a_third_takes_the_free_one(
    tmp_path: Path,
) -> None:
    one, two = handler(tmp_path), handler(tmp_path)
    one.emit(record("one"))
    two.emit(record("two"))
    assert (one.path, two.path) == (tmp_path / "worker.log", tmp_path / "worker-2.log")
    one.close()
    three = handler(tmp_path)
    three.emit(record("three"))
    assert three.path == tmp_path / "worker.log"
    two.close()
    three.close()


def test_processes_that_turn_over_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    script = (
        "import sys, logging; from pathlib import Path; from ctm import logs;"
        "s = {'CTM_LOG_MB': 1, 'CTM_LOG_FILES': 50, 'CTM_LOG_LEVEL': 'INFO'};"
        "logs.configure('worker', s, Path(sys.argv[1]));"
        "[logging.info('%s %06d %s', sys.argv[2], n, 'x' * 3000) for n in range(600)]"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), name],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    seen = []
    for path in (tmp_path / "logs").glob("worker*.log*"):
        messages = [json.loads(line)["message"] for line in path.read_text().splitlines()]
        seen += [message[:8] for message in messages]
    assert sorted(seen) == [f"{name} {n:06d}" for name in "ab" for n in range(600)]


def test_after_a_fork_the_child_writes_a_file_of_its_own(tmp_path: Path) -> None:
    file = handler(tmp_path, most=10_000)
    file.emit(record("parent"))
    child = os.fork()
    if child == 0:
        file.emit(record("child"))
        os._exit(0)
    os.waitpid(child, 0)
    file.emit(record("parent again"))
    file.close()
    assert (tmp_path / "worker.log").read_text().count("\n") == 2
    assert "child" in (tmp_path / "worker-2.log").read_text()


def test_a_file_moved_away_is_begun_anew(tmp_path: Path) -> None:
    now = [0.0]
    file = SlotFileHandler(tmp_path, "web", 10_000, 2, clock=lambda: now[0])
    file.setFormatter(JsonFormatter("web"))
    file.emit(record("before"))
    (tmp_path / "web.log").rename(tmp_path / "taken.log")
    now[0] = 60.0
    file.emit(record("after"))
    file.close()
    assert "after" in (tmp_path / "web.log").read_text()
    assert "after" not in (tmp_path / "taken.log").read_text()


def test_a_folder_that_cannot_be_made_leaves_the_terminal_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file, no folder")
    logs.configure("web", SETTINGS, tmp_path)
    for _ in range(3):
        logging.getLogger("test").info("still here")
    said = capsys.readouterr().err
    assert said.count("still here") == 3
    assert said.count("the log file cannot be written") == 1
    for each in logging.getLogger().handlers[:]:
        if getattr(each, "ctm_owned", False):
            logging.getLogger().removeHandler(each)
            each.close()


def test_a_full_disk_stops_nothing_and_the_next_line_is_whole_again(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel refuse the bytes beyond, as a full disk does."""
    script = f"""
import json, logging, resource, signal, sys
from pathlib import Path
from ctm.logs.files import SlotFileHandler
from ctm.logs.formats import JsonFormatter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
now = [0.0]
file = SlotFileHandler(Path({str(tmp_path)!r}), "web", 10**9, 2, clock=lambda: now[0])
file.setFormatter(JsonFormatter("web"))
def say(text):
    file.emit(logging.LogRecord("t", 20, "f", 1, text, (), None))
say("first")
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
for n in range(5):
    say(f"lost {{n}} " + "x" * 300)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.RLIM_INFINITY))
now[0] = 100.0
say("room again")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the log file cannot be written") == 1
    written = (tmp_path / "web.log").read_text().splitlines()
    assert json.loads(written[0])["message"] == "first"
    assert json.loads(written[-1])["message"] == "room again"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
