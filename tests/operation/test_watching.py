"""/healthz and /metrics: who may ask, what they say, and that asking is cheap."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from ctm import counters, jobruns, leases, schema
from ctm.clock import utcnow
from ctm.config import load
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.models import Mailing, Message, MessageState, Worker
from tests import factories

Login = Callable[[str], FlaskClient]
TOKEN = "a-token-of-32-signs-for-the-tests"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"CTM_METRICS_TOKEN": TOKEN}


def bearer(token: str = TOKEN, kind: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{kind} {token}"}


def make_healthy() -> None:
    db.session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32))"))
    db.session.execute(text("DELETE FROM alembic_version"))
    for head in schema.heads():
        db.session.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
    db.session.add(Worker(name="w-1", host="here", pid=1))
    db.session.commit()
    leases.acquire("scheduler", "web:1", 60)


def figures(answer: Any) -> dict[str, float]:
    assert answer.status_code == 200, answer.text
    return {
        name: float(value)
        for name, value in re.findall(r"^(ctm_[^ ]+(?:\{.*\})?) ([-+.\deE]+)$", answer.text, re.M)
    }


# -- /healthz ---------------------------------------------------------------------------------


def test_anybody_learns_that_it_works_and_no_more(client: FlaskClient) -> None:
    make_healthy()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert client.head("/healthz").status_code == 200


def break_worker() -> None:
    db.session.query(Worker).update({"seen_at": utcnow() - timedelta(minutes=10)})
    db.session.commit()


def break_scheduler() -> None:
    leases.release("scheduler", "web:1")


def break_migrations() -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    db.session.commit()


def break_database() -> None:
    db.session.remove()
    db.drop_all()
    db.session.execute(text("DROP TABLE alembic_version"))
    db.session.commit()


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (break_worker, "worker"),
        (break_scheduler, "scheduler"),
        (break_migrations, "migrations"),
        (break_database, "migrations"),
    ],
)
def test_what_is_missing_makes_it_unavailable_and_the_token_learns_what(
    client: FlaskClient, damage: Callable[[], None], part: str
) -> None:
    make_healthy()
    damage()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (503, "not available\n")
    assert answer.headers["Retry-After"] == "10"
    detail = client.get("/healthz", headers=bearer()).json
    assert detail is not None
    assert detail["ok"] is False
    assert detail["parts"][part] is False


@pytest.mark.parametrize(
    ("role", "sees"), [("administrator", True), ("manager", False), ("supervisor", False)]
)
def test_details_are_for_administrators(login_as: Login, role: str, sees: bool) -> None:
    make_healthy()
    assert login_as(role).get("/healthz").is_json is sees


@pytest.mark.parametrize(
    "headers",
    [bearer("wrong"), bearer(TOKEN + "x"), bearer(TOKEN, "Basic"), {"Authorization": "Bearer"},
     {"Authorization": "Bearer \u00e8\u00e8"}, {"Authorization": "x" * 5000}],
)  # fmt: skip
def test_a_wrong_token_shows_no_details_and_no_figures(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    make_healthy()
    assert client.get("/healthz", headers=headers).text == "ok\n"
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_neither_can_be_posted_to(client: FlaskClient) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.post("/metrics", headers=bearer()).status_code == 405


# -- /metrics ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "allow", "address", "status"),
    [
        ("", "", "127.0.0.1", 404),
        ("", "127.0.0.0/8", "127.0.0.1", 200),
        ("", "192.0.2.7, 2001:db8::/32", "2001:db8::9", 200),
        ("", "192.0.2.7", "::ffff:192.0.2.7", 200),
        ("", "192.0.2.7", "192.0.2.8", 404),
        ("", "192.0.2.7", "no address", 404),
        (TOKEN, "", "127.0.0.1", 401),
        (TOKEN, "192.0.2.7", "192.0.2.7", 200),
    ],
)
def test_figures_are_for_those_who_are_let_in(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    allow: str,
    address: str,
    status: int,
) -> None:
    monkeypatch.setitem(app.config, "CTM_METRICS_TOKEN", token)
    monkeypatch.setitem(app.config, "CTM_METRICS_ALLOW", allow)
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_an_administrator_without_the_token_is_not_let_in(login_as: Login) -> None:
    assert login_as("administrator").get("/metrics").status_code == 401


def test_an_address_in_a_header_counts_for_nothing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "CTM_METRICS_TOKEN", "")
    monkeypatch.setitem(app.config, "CTM_METRICS_ALLOW", "192.0.2.7")
    answer = client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})
    assert answer.status_code == 404


def test_the_figures_are_those_of_the_counters(client: FlaskClient) -> None:
    make_healthy()
    campaign = factories.campaign(account=factories.account(name='Evil "name"\n\\'))
    kept = {"sent": 41, "queued": 7, "failed": 2, "uncertain": 1, "read": 5, "machine_read": 3}
    counters.add(campaign.id, kept)
    mailing = Mailing(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        from_email="a@b.example",
        subject="x",
    )
    db.session.add(mailing)
    db.session.flush()
    for number, state in enumerate((MessageState.SENT, MessageState.DEFERRED, MessageState.QUEUED)):
        db.session.add(
            Message(
                mailing_id=mailing.id,
                account_id=campaign.account_id,
                campaign_id=campaign.id,
                recipient_key=str(number),
                to_address="a@b.example",
                message_id=str(number),
                state=state,
                created_at=utcnow() - timedelta(minutes=10 - number),
            )
        )
    db.session.commit()
    jobruns.succeeded("clean_up", utcnow(), utcnow(), 12)
    jobruns.failed("clean_up", utcnow(), "x")
    found = figures(client.get("/metrics", headers=bearer()))
    assert found['ctm_messages{state="sent"}'] == 41
    assert found['ctm_messages{state="queued"}'] == 7
    assert found['ctm_messages{state="uncertain"}'] == 1
    assert found['ctm_messages{state="deferred"}'] == 1
    assert found['ctm_hits{kind="machine_read"}'] == 3
    assert 535 < found["ctm_oldest_waiting_seconds"] < 600
    assert found['ctm_job_runs_total{job="clean_up"}'] == 13
    assert found['ctm_job_failures_total{job="clean_up"}'] == 1
    assert found['ctm_account{account="Evil \\"name\\"\\n\\\\",state="ready"}'] == 1
    assert found["ctm_scheduler_up"] == 1
    assert found["ctm_up"] == 1
    assert found["ctm_database_bytes"] > 10_000
    assert found['ctm_worker_seen_seconds_ago{worker="w-1"}'] < 60


def test_no_table_of_mails_is_read_through(client: FlaskClient) -> None:
    make_healthy()
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    campaign = factories.campaign()
    db.session.add(
        Mailing(
            campaign_id=campaign.id, account_id=campaign.account_id, from_email="x", subject="x"
        )
    )
    db.session.commit()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        figures(client.get("/metrics", headers=bearer()))
        client.get("/healthz")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    touching = [one for one in asked if "FROM messages" in " ".join(one[0].split())]
    assert len(touching) == 2
    with db.engine.connect() as connection:
        for statement, values in touching:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = [str(row[3]) for row in plan if "messages" in str(row[3])]
            for step in steps:
                small = ("(campaign_id=? AND state=?)", "ix_messages_waiting")
                assert any(name in step for name in small), (statement, step)
    assert len(asked) < 40


def test_addresses_as_typed_make_no_new_series(client: FlaskClient) -> None:
    for number in range(30):
        client.get(f"/nowhere/{number}")
        client.get(f"/r/{'x' * 24}{number}")
    client.open("/login", method="PROPFIND")
    answer = client.get("/metrics", headers=bearer())
    assert 'route="none"' in answer.text
    assert 'route="/r/<token>"' in answer.text
    assert 'method="other"' in answer.text
    assert "nowhere" not in answer.text


def test_without_a_database_the_scrape_still_answers(client: FlaskClient) -> None:
    db.session.remove()
    db.drop_all()
    found = figures(client.get("/metrics", headers=bearer()))
    assert found["ctm_up"] == 0
    assert any(name.startswith("ctm_http_request_seconds_count") for name in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CTM_METRICS_TOKEN", "short"),
        ("CTM_METRICS_TOKEN", "with a blank in the middle"),
        ("CTM_METRICS_ALLOW", "localhost"),
        ("CTM_METRICS_ALLOW", "10.0.0.0/33"),
        ("CTM_LOG_LEVEL", "loud"),
        ("CTM_LOG_MB", "0"),
        ("CTM_LOG_FILES", "-1"),
        ("CTM_LOG_FILES", "many"),
        ("CTM_NAMESERVER", "dns.example"),
        ("CTM_NAMESERVER", "127.0.0.1:99999"),
    ],
)
def test_settings_that_cannot_be_read_are_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        load({name: value})


@pytest.fixture
def not_set_up(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "ctm.set_up", False)


def test_an_office_that_is_not_set_up_yet_answers_too(
    not_set_up: None, client: FlaskClient
) -> None:
    make_healthy()
    assert client.get("/healthz").status_code == 200
