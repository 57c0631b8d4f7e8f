"""The statements of the delivery find what they look for by an index, however long the table."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import claiming, outbox
from ctm.models import Mailing, Message

pytestmark = pytest.mark.one_database

CLAIM = {"b_mailing": 1, "b_now": utcnow(), "b_limit": 800, "b_worker": "w"}
ANYTHING_LEFT = select(Message.id).where(outbox.sendable(1, utcnow())).limit(1)
DONE = select(Mailing.id).where(~outbox.is_pending(Mailing.id))


def plan(statement: Any, values: dict[str, Any]) -> str:
    """SQLite's plan, with the parameters bound as they are when the statement runs."""
    compiled = statement.compile(
        dialect=db.engine.dialect, compile_kwargs={"render_postcompile": True}
    )
    given = compiled.construct_params(values)
    bound = [str(given[name]) for name in compiled.positiontup]
    rows = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(bound))
    return "\n".join(row[3] for row in rows)


def test_a_claim_reads_the_waiting_messages_alone(app: Flask) -> None:
    found = plan(claiming.claiming_statement("sqlite"), CLAIM)
    assert "ix_messages_waiting" in found
    assert "SCAN messages" not in found
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("statement", [ANYTHING_LEFT, DONE], ids=["anything left", "done"])
def test_what_is_left_is_found_by_the_index_of_waiting_messages(app: Flask, statement: Any) -> None:
    found = plan(statement, {})
    assert "ix_messages_waiting" in found
    assert "SCAN messages" not in found
