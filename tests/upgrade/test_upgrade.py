"""An office of 0.1.0, data in every table, brought to this version on both databases."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import HeadMaintainer
from flask import Flask, current_app
from sqlalchemy import Connection, select, text

from app import create_app
from ctm import counters, schema
from ctm.backup import archive, making, restoring, upgrading
from ctm.errors import Conflict, Unavailable
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.tracking.tokens import make_token, read_token
from ctm.models import Campaign, CampaignState, Message, SmtpAccount, StoredFile, User
from ctm.schema import SchemaState
from tests import postgres
from tests.mailing.engine.conftest import sink
from tests.mailing.engine.servers import SmtpSink

__all__ = ["sink"]
HERE = Path(__file__).resolve().parent
RELEASED = "20261122_create_tables"
KEY = (HERE / "keys" / "tracking").read_bytes().strip()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """This version's program on the released version's data."""
    instance = tmp_path / "instance"
    shutil.copytree(HERE / "keys", instance / "secrets")
    url = ""
    if request.param == "sqlite":
        with sqlite3.connect(instance / "ctm.sqlite3") as connection:
            connection.executescript((HERE / "office-0.1.0.sqlite.sql").read_text())
        connection.close()
    else:
        server = request.getfixturevalue("postgresql")
        server.execute("DROP DATABASE IF EXISTS upgraded WITH (FORCE)")
        server.execute("CREATE DATABASE upgraded")
        url = f"postgresql://postgres@127.0.0.1:{server.info.port}/upgraded"
        psql = [str(postgres.programs() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
        dump = HERE / "office-0.1.0.postgresql.sql"
        subprocess.run([*psql, "-f", str(dump)], check=True, stdout=subprocess.DEVNULL)
    app = create_app(
        {
            "CTM_INSTANCE": str(instance),
            "CTM_DATABASE_URL": url,
            "CTM_LANGUAGE": "en",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "TESTING": True,
        }
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of the released version, column by column."""
    dump = (HERE / "office-0.1.0.sqlite.sql").read_text()
    tables = set(re.findall(r"^INSERT INTO \"?(\w+)\"? VALUES", dump, re.M)) - {"alembic_version"}
    found = {}
    for name in sorted(tables):
        rows = connection.execute(text(f'SELECT * FROM "{name}"')).mappings()
        found[name] = sorted((dict(row) for row in rows), key=repr)
    return found


def test_the_released_office_has_data_in_every_table(old: Flask) -> None:
    with db.engine.connect() as connection:
        assert schema.current(connection) == {RELEASED}
        assert all(contents(connection).values())
        names = set(db.inspect(connection).get_table_names()) - {"alembic_version"}
        assert names == set(contents(connection))


def test_nothing_is_lost(old: Flask, sink: SmtpSink) -> None:
    with db.engine.connect() as connection:
        before = contents(connection)
    assert schema.judge(schema.revision(db.engine)) == SchemaState.OLDER
    done = upgrading.upgrade()
    assert (done.before, done.after) == (RELEASED, schema.head())
    assert done.backup is not None
    assert archive.verify(done.backup).revision == RELEASED
    with db.engine.connect() as connection:
        after = contents(connection)
    for name, rows in before.items():
        kept = [{key: row.get(key) for key in rows[0]} for row in after[name]]
        assert sorted(kept, key=repr) == rows, name
    assert upgrading.upgrade().backup is None
    account = db.session.scalars(select(SmtpAccount)).one()
    assert old.extensions["ctm.vault"].open(account.password_sealed) == "pass€word"
    user = db.session.scalars(select(User)).one()
    assert old.extensions["ctm.vault"].open(user.totp_sealed) == "TOTPSECRET"
    ids = db.session.scalars(select(Message.id).order_by(Message.id)).all()
    assert [read_token(KEY, make_token(KEY, number)) for number in ids] == ids
    resume(account, sink)


def resume(account: SmtpAccount, sink: SmtpSink) -> None:
    """The campaign paused then sends what was left, and only that."""
    account.host, account.port, account.security, account.username = (
        "127.0.0.1",
        sink.port,
        "none",
        "",
    )
    digest = db.session.scalars(select(StoredFile.sha256)).one()
    folder = Path(current_app.instance_path) / "files" / digest[:2]
    folder.mkdir(parents=True)
    (folder / digest).write_bytes(b"Conditions of the policy")
    campaign = db.session.scalars(select(Campaign)).one()
    db.session.execute(text("UPDATE messages SET due_at = NULL WHERE state = 'deferred'"))
    db.session.commit()
    assert campaign.state == CampaignState.PAUSED
    control.resume(campaign)
    assert build_worker().run(until_idle=True) == 5
    assert set(sink.deliveries()) == {f"rossi{number}@example.com" for number in range(5, 10)}
    db.session.expire_all()
    found = counters.read(campaign.id)
    assert (found["sent"], found["failed"], found["uncertain"]) == (7, 1, 1)
    assert found.get("queued", 0) == 0


def test_the_newest_migrations_can_be_taken_back(old: Flask) -> None:
    with db.engine.connect() as connection:
        before = contents(connection)
    schema.migrate(db.engine)
    config = Config()
    config.set_main_option("script_location", str(schema.FOLDER))
    config.attributes["engine"] = db.engine
    command.downgrade(config, RELEASED)
    with db.engine.connect() as connection:
        assert schema.current(connection) == {RELEASED}
        assert contents(connection) == before
    schema.migrate(db.engine)
    assert schema.judge(schema.revision(db.engine)) == SchemaState.CURRENT


def test_a_backup_of_the_released_version_is_restored_and_migrated(
    old: Flask, tmp_path: Path
) -> None:
    made = making.make(tmp_path)
    assert made.manifest.revision == RELEASED
    wanted = restoring.Wanted(replace=True, running_anyway=True)
    done = restoring.restore(made.path, wanted)
    assert schema.judge(schema.revision(db.engine)) == SchemaState.CURRENT
    assert (done.held.campaigns, done.held.mails) == (1, 5)
    assert db.session.scalars(select(SmtpAccount.name)).all() == ["Aruba"]


def test_a_newer_database_is_left_alone_in_words(old: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '20301231_add_wings'"))
    for act in (schema.require_current, schema.refuse_other_versions):
        with pytest.raises(Conflict, match=r"newer version's database \(20301231_add_wings\)"):
            act(db.engine)
    result = old.test_cli_runner().invoke(args=["upgrade"])
    assert result.exit_code == 1
    assert "newer version's database" in result.output
    assert "Traceback" not in result.output


def test_without_room_for_the_backup_nothing_is_migrated(
    old: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "SPARE", 10**15)
    with pytest.raises(Unavailable, match="No backup was made"):
        upgrading.upgrade()
    assert schema.revision(db.engine) == RELEASED
    assert upgrading.upgrade(backup=False).backup is None
    assert schema.judge(schema.revision(db.engine)) == SchemaState.CURRENT


def test_a_migration_that_fails_leaves_the_old_tables(
    old: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[object] = []
    real = HeadMaintainer.update_to_step

    def fail(self: HeadMaintainer, step: Any) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise OSError("out of paper")
        real(self, step)

    monkeypatch.setattr(HeadMaintainer, "update_to_step", fail)
    with pytest.raises(OSError, match="out of paper"):
        schema.migrate(db.engine)
    monkeypatch.undo()
    with db.engine.connect() as connection:
        assert schema.current(connection) == {RELEASED}
        names = set(db.inspect(connection).get_table_names()) - {"alembic_version"}
        assert names == set(contents(connection))
