"""What asks the database in its own words, on PostgreSQL."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ctm import health, trouble
from ctm.doctor import database, running
from ctm.extensions import db
from tests import factories
from tests.operation.test_watching import bearer, figures

pytestmark = pytest.mark.one_database("postgresql")


def test_the_doctor_reads_version_encoding_and_durability(client: FlaskClient) -> None:
    found = {check.says: check.level for check in database.look()}
    assert any(says.startswith("PostgreSQL 1") and level == "ok" for says, level in found.items())
    lost = [says for says in found if "may be lost in a power cut" in says]
    assert len(lost) == 1, found  # the cluster of the tests runs with fsync off
    assert "fsync" in lost[0]
    assert {check.level for check in running.clock()} == {"ok"}


def test_figures_and_health_are_read(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.campaign()
    token = bearer()["Authorization"].split()[1]
    monkeypatch.setitem(client.application.config, "CTM_METRICS_TOKEN", token)
    found = figures(client.get("/metrics", headers=bearer()))
    assert found["ctm_up"] == 1
    assert found["ctm_database_bytes"] > 1_000_000
    parts = health.check().parts  # the tables of the tests come from no migration
    assert (parts["database"], parts["migrations"]) == (True, False)


def test_its_troubles_are_recognised(client: FlaskClient) -> None:
    with pytest.raises(DBAPIError) as missing:
        db.session.execute(text("SELECT 1 FROM nowhere"))
    db.session.rollback()
    assert trouble.of(missing.value) is trouble.NOT_READY
    db.session.execute(text("SET statement_timeout = 20"))
    with pytest.raises(DBAPIError) as slow:
        db.session.execute(text("SELECT pg_sleep(5)"))
    db.session.rollback()
    assert trouble.of(slow.value) is trouble.BUSY
    db.session.execute(text("SET TRANSACTION READ ONLY"))
    with pytest.raises(DBAPIError) as refused:
        db.session.execute(text("DELETE FROM workers"))
    db.session.rollback()
    assert trouble.of(refused.value) is trouble.READ_ONLY
