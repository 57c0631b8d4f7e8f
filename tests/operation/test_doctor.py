"""The doctor: each thing that can be wrong is named with what to do; the rest is in order."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from ctm import doctor, jobruns, leases, tasks
from ctm.accounts import operations
from ctm.clock import utcnow
from ctm.doctor import Check, configuration, database, network, running, storage
from ctm.extensions import db
from ctm.keys import Vault
from ctm.models import Mailing, Message, MessageState, Worker
from tests import factories
from tests.accounts.servers import PASSWORD, USER, mail_server
from tests.operation.dns_server import name_server
from tests.operation.test_watching import make_healthy

Login = Callable[[str], FlaskClient]


def problems(checks: list[Check]) -> list[str]:
    assert all(check.next for check in checks if check.level == "problem"), checks
    return [check.says for check in checks if check.level == "problem"]


def said(checks: list[Check], level: str) -> str:
    return "\n".join(f"{check.says} → {check.next}" for check in checks if check.level == level)


# -- configuration ----------------------------------------------------------------------------


def test_a_misspelt_setting_is_recognised(app: Flask) -> None:
    text_ = said(configuration.look({"CTM_PUBLIC_ULR": "x", "CTM_XYZZY": "1"}), "advice")
    assert "no setting CTM_PUBLIC_ULR; it does nothing. → Did you mean CTM_PUBLIC_URL?" in text_
    assert "no setting CTM_XYZZY" in text_


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        (
            {"CTM_PUBLIC_URL": "https://m.it", "CTM_TRUSTED_PROXIES": 1},
            "problem",
            "Set CTM_SECURE_COOKIES=1",
        ),
        (
            {"CTM_PUBLIC_URL": "http://m.it", "CTM_SECURE_COOKIES": True},
            "problem",
            "nobody can log in",
        ),
        (
            {"CTM_PUBLIC_URL": "https://m.it", "CTM_SECURE_COOKIES": True},
            "advice",
            "CTM_TRUSTED_PROXIES",
        ),
        ({"CTM_HOST": "0.0.0.0"}, "advice", "passwords can be read"),
        ({"CTM_ALLOW_PRIVATE_HOSTS": True}, "advice", "private networks"),
        ({"CTM_LANGUAGE": "de"}, "advice", "Write it or en"),
        ({"CTM_DEMO": True}, "advice", "CTM_DEMO=0"),
        ({"DEBUG": True}, "problem", "Debugging is on"),
    ],
)
def test_settings_that_contradict_or_endanger_are_named(
    app: Flask, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], level: str, words: str
) -> None:
    monkeypatch.setitem(app.config, "CTM_ALLOW_PRIVATE_HOSTS", False)
    assert said(configuration.look({}), "ok")
    for name, value in values.items():
        monkeypatch.setitem(app.config, name, value)
    assert words in said(configuration.look({}), level)


# -- keys, folders ----------------------------------------------------------------------------


def test_keys_that_others_may_read_are_a_problem(app: Flask) -> None:
    key = Path(app.instance_path) / "secrets" / "session"
    assert problems(storage.keys()) == []
    key.chmod(0o644)
    (text_,) = problems(storage.keys())
    assert f"may read {key}" in text_
    key.chmod(0o600)
    key.parent.chmod(0o755)
    (text_,) = problems(storage.keys())
    assert "may look into" in text_
    key.parent.chmod(0o700)


def test_a_key_that_is_missing_or_broken_is_a_problem(app: Flask) -> None:
    key = Path(app.instance_path) / "secrets" / "tracking"
    kept = key.read_bytes()
    try:
        key.write_bytes(b"no key")
        assert "holds no key" in "".join(problems(storage.keys()))
        key.unlink()
        assert "cannot be read" in "".join(problems(storage.keys()))
    finally:
        key.write_bytes(kept)
        key.chmod(0o600)


def test_passwords_sealed_with_another_key_are_named(app: Flask) -> None:
    from cryptography.fernet import Fernet

    vault = app.extensions["ctm.vault"]
    factories.account(name="Good", password_sealed=vault.seal("x"))
    assert problems(storage.passwords()) == []
    other = Vault(Fernet.generate_key()).seal("x")
    factories.account(name="Moved", password_sealed=other)
    factories.account(name="Broken", password_sealed="garbage")
    (text_,) = problems(storage.passwords())
    assert "Moved, Broken" in text_
    assert "Good" not in text_


def test_a_folder_that_cannot_be_written_and_a_full_disk_are_problems(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problems(storage.folders()) == []
    logs_ = Path(app.instance_path) / "logs"
    logs_.write_text("a file, no folder")
    monkeypatch.setattr(storage, "LOW_BYTES", 2**62)
    found = problems(storage.folders())
    logs_.unlink()
    assert any("Nothing can be written" in each for each in found)
    assert any("MB are free" in each for each in found)


# -- database ---------------------------------------------------------------------------------


def test_a_database_in_order_says_so(app: Flask) -> None:
    make_healthy()
    found = database.look()
    assert {check.level for check in found} == {"ok"}
    assert len(found) == 3


def test_tables_of_another_version_are_a_problem(app: Flask) -> None:
    assert "another version" in problems(database.look())[0]


def test_a_damaged_page_is_found(app: Flask) -> None:
    make_healthy()
    factories.customer()
    db.session.remove()
    db.engine.dispose()
    path = Path(app.instance_path) / "ctm.sqlite3"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit_log'").fetchone()
    root = (
        root
        or raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'suppressions'").fetchone()
    )
    size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    with path.open("r+b") as file:
        file.seek((root[0] - 1) * size)
        file.write(b"\xff" * 64)
    assert any("damaged" in each for each in problems(database.look()))


def test_an_integrity_check_that_takes_too_long_is_given_up(app: Flask) -> None:
    make_healthy()
    db.session.execute(
        text(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40000) "
            "INSERT INTO suppressions (address, reason, note, created_at) "
            "SELECT 'a' || x || '@b.example', 'x', '', '2026-01-01' FROM n"
        )
    )
    db.session.commit()
    assert "not checked to the end" in said(database.look(seconds=-1), "advice")


def test_a_database_that_forgets_in_a_power_cut_is_a_problem(app: Flask) -> None:
    make_healthy()

    def loosen(raw: Any, _record: Any, _proxy: Any) -> None:
        raw.execute("PRAGMA synchronous=OFF")

    db.session.remove()
    event.listen(db.engine, "checkout", loosen)
    try:
        assert any("not durable" in each for each in problems(database.look()))
    finally:
        event.remove(db.engine, "checkout", loosen)
        db.engine.dispose()


# -- what runs --------------------------------------------------------------------------------


def test_worker_scheduler_and_jobs_are_looked_at(app: Flask) -> None:
    assert len(problems(running.processes())) == 2
    db.session.add(Worker(name="w", host="h", pid=1))
    db.session.commit()
    leases.acquire("scheduler", "web", 60)
    assert problems(running.processes()) == []
    jobruns.failed("clean_up", utcnow(), "OSError: no")
    (text_,) = problems(running.processes())
    assert "OSError: no" in text_


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", ""])
def test_a_time_zone_that_is_none_is_named(
    app: Flask, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    assert problems(running.clock()) == []
    monkeypatch.setitem(app.config, "CTM_TIMEZONE", zone)
    (text_,) = problems(running.clock())
    assert "is not known" in text_


def message(**values: Any) -> Message:
    campaign = factories.campaign()
    mailing = Mailing(
        campaign_id=campaign.id, account_id=campaign.account_id, from_email="a@b.it", subject="x"
    )
    db.session.add(mailing)
    db.session.flush()
    made = Message(
        mailing_id=mailing.id,
        account_id=campaign.account_id,
        recipient_key="a",
        to_address="a@b.it",
        message_id="1",
        **values,
    )
    db.session.add(made)
    db.session.commit()
    return made


def test_a_clock_set_back_is_noticed(app: Flask) -> None:
    message(created_at=utcnow() + timedelta(hours=2))
    (text_,) = problems(running.clock())
    assert "clock is wrong" in text_


def test_undecided_mails_are_mentioned_until_they_are_left(app: Flask) -> None:
    made = message(state=MessageState.UNCERTAIN)
    assert "Of 1 mails" in said(running.mails(), "advice")
    made.reason = "left"
    db.session.commit()
    assert said(running.mails(), "ok")


# -- network ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "tracks", "level", "words"),
    [
        ("", True, "problem", "cannot arrive"),
        ("", False, "advice", "cannot arrive"),
        ("http://localhost:5000", True, "problem", "this machine only"),
        ("https://192.168.1.4", True, "problem", "this machine only"),
        ("https://ctm.local", False, "advice", "this machine only"),
        ("http://mail.example.com", True, "advice", "HTTPS"),
    ],
)
def test_the_public_address_must_be_one_for_recipients(
    app: Flask, monkeypatch: pytest.MonkeyPatch, url: str, tracks: bool, level: str, words: str
) -> None:
    monkeypatch.setitem(app.config, "CTM_PUBLIC_URL", url)
    factories.campaign(track=tracks)
    assert words in said(network.public_url(False), level)


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A web server that is not CTM."""
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_public_address_is_tried(app: Flask, elsewhere: str) -> None:
    other = network._answers(f"http://{elsewhere}")
    assert (other.level, "somebody else" in other.says) == ("problem", True)
    protected = network._answers(f"https://{elsewhere}")
    assert (protected.level, "certificate" in protected.says) == ("problem", True)
    nobody = network._answers("http://127.0.0.1:1/x")
    assert (nobody.level, "does not answer" in nobody.says) == ("problem", True)


def no_beat() -> None:
    return


def test_accounts_are_logged_in_to_without_a_mail(app: Flask) -> None:
    vault = app.extensions["ctm.vault"]
    with mail_server() as port:
        given = {"host": "127.0.0.1", "port": port, "username": USER}
        factories.account(name="Right", password_sealed=vault.seal(PASSWORD), **given)
        factories.account(name="Wrong", password_sealed=vault.seal("no"), **given)
        factories.account(name="Off", active=False, **given)
        factories.account(name="Halted", stopped_at=utcnow(), stopped_reason="535 5.7.8 no")
        found = network.accounts(True, no_beat)
    assert "“Right” accepts the login" in said(found, "ok")
    wrong, halted = problems(found)
    assert "535" in wrong
    assert "“Halted” is stopped: 535 5.7.8 no" in halted
    assert "Off" not in said(found, "ok") + said(found, "problem")


def test_a_certificate_that_soon_ends_is_mentioned(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ctm.accounts.probe import HINTS, Result

    factories.account(name="Soon")
    ends = utcnow().timestamp() + 5 * 86400
    answer = Result(True, "235 ok", HINTS["ok"], ends)
    monkeypatch.setattr(operations, "test", lambda _account: answer)
    assert "certificate of “Soon” ends in" in said(network.accounts(True, no_beat), "advice")


def test_without_the_network_nobody_is_asked(app: Flask) -> None:
    factories.account(name="Far", host="mail.invalid", port=1)
    assert "never been tested" in said(network.accounts(False, no_beat), "advice")
    assert "DNS not checked yet" in said(network.dns(False, no_beat), "advice")


def test_dns_of_each_sender_is_asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.account(name="Shop", from_email="a@shop.it")
    factories.account(name="Play", from_email="a@play.it", practice=True)
    with name_server({}) as (port, asked):
        monkeypatch.setitem(app.config, "CTM_NAMESERVER", f"127.0.0.1:{port}")
        found = network.dns(True, no_beat)
    assert any("SPF (shop.it)" in each for each in problems(found))
    assert "v=DMARC1" in said(found, "problem")
    assert not any("play.it" in each for each in asked)


# -- as a whole -------------------------------------------------------------------------------


def test_a_part_that_fails_is_a_problem_and_the_rest_is_looked_at(app: Flask) -> None:
    db.session.remove()
    db.drop_all()
    found = doctor.examine(with_network=False)
    assert {"configuration", "keys", "storage", "mails", "dns"} <= {check.area for check in found}
    assert any("another version of CTM" in each for each in problems(found))


def test_the_command_says_it_in_words_and_in_json_and_ends_with_one(app: Flask) -> None:
    runner = app.test_cli_runner()
    words = runner.invoke(args=["doctor", "--no-network"])
    assert words.exit_code == 1
    assert "Processes\n  problem No sending worker is at work" in words.output
    machine = runner.invoke(args=["doctor", "--no-network", "--json"])
    assert machine.exit_code == 1
    found = json.loads(machine.output)
    assert found["level"] == "problem"
    assert {"area", "level", "says", "next"} == set(found["checks"][0])


def test_with_advice_alone_the_command_ends_well(app: Flask) -> None:
    make_healthy()
    result = app.test_cli_runner().invoke(args=["doctor", "--no-network"])
    assert result.exit_code == 0, result.output
    assert "advice" in result.output


@pytest.mark.parametrize(
    ("role", "status"),
    [("administrator", 200), ("manager", 403), ("operator", 403), ("supervisor", 403)],
)
def test_the_page_is_for_administrators(login_as: Login, role: str, status: int) -> None:
    browser = login_as(role)
    assert browser.get("/system/doctor").status_code == status
    assert browser.get("/system/doctor.json").status_code == status
    assert browser.post("/system/doctor").status_code == (302 if status == 200 else 403)


def test_strangers_go_to_the_login(client: FlaskClient, people: Any) -> None:
    for answer in (client.get("/system/doctor"), client.post("/system/doctor")):
        assert "/login" in answer.location


def test_the_page_has_it_done_in_the_background_and_shows_it(
    app: Flask, login_as: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "CTM_PUBLIC_URL", "")
    factories.account(name="<b>Evil</b>", stopped_at=utcnow(), stopped_reason="<script>535")
    browser = login_as("administrator")
    browser.post("/system/doctor")
    browser.post("/system/doctor")
    assert len(tasks.recent(factories.user(role="administrator"))) == 1
    assert "Looking everything over" in browser.get("/system/doctor").text
    progress = browser.get("/system/doctor.json").json
    assert progress is not None
    assert progress["finished"] is False
    tasks.run_waiting()
    page = browser.get("/system/doctor").text
    assert "No sending worker is at work" in page
    assert "&lt;script&gt;535" in page
    assert "<script>535" not in page
    assert os.environ.get("CTM_ACCOUNT_PASSWORD", "\0") not in page
