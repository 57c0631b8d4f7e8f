"""How SQLite answers the big lists: through an index, or with one look at the table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from ctm.campaigns import members
from ctm.clients import filters, search
from ctm.clients.filters import ClientFilter, Condition
from ctm.extensions import db
from ctm.lists import pages
from ctm.mailing import recipients
from ctm.mailing.tracking import statistics
from ctm.models import Client
from tests import factories

pytestmark = pytest.mark.one_database


@contextmanager
def plans(app: Flask) -> Iterator[list[str]]:
    """The plans of all SELECTs made inside, one line a step."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            asked.append((sql, values))

    found: list[str] = []
    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    connection = db.session.connection()
    for sql, values in asked:
        found += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert found


def whole(steps: list[str], table: str) -> list[str]:
    """The steps that read all rows of a table, its index apart."""
    return [step for step in steps if step.startswith(f"SCAN {table}") and "INDEX" not in step]


@pytest.mark.parametrize("sort", filters.SORTS)
@pytest.mark.parametrize("place", ["", "second"])
def test_a_long_list_walks_the_index_of_its_order(
    app: Flask, monkeypatch: pytest.MonkeyPatch, sort: str, place: str
) -> None:
    for _ in range(4):
        factories.customer()
    monkeypatch.setattr(pages, "FREQUENT", 1)
    if place:
        place = search.page(ClientFilter("all"), sort, False, "", 2)[1].next or ""
        assert place
    with plans(app) as steps:
        search.page(ClientFilter("all"), sort, False, place, 2)
    assert not whole(steps, "clients")
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps)
    assert any(f"ix_clients_{filters.SORTS[sort].key}_id" in step for step in steps)


@pytest.mark.parametrize(
    "asked",
    [
        ClientFilter("all", "rossi"),
        ClientFilter("active", "ro mari"),
        ClientFilter("active", "", (Condition("last_name", "contains", "ross"),)),
        ClientFilter("all", "", (Condition("email", "contains", "ross"),)),
    ],
)
def test_words_are_found_through_their_index(app: Flask, asked: ClientFilter) -> None:
    factories.customer()
    with plans(app) as steps:
        search.page(asked, "name", False, "", 50)
        search.count(asked)
    assert not whole(steps, "clients")
    assert any("client_search" in step for step in steps)


def test_a_filter_reads_the_table_once_and_not_by_way_of_an_index(app: Flask) -> None:
    factories.customer()
    asked = ClientFilter("active", "", (Condition("notes", "contains", "unheard"),))
    with plans(app) as steps:
        search.page(asked, "name", False, "", 50)
    assert whole(steps, "clients") == ["SCAN clients"]


def test_a_campaign_of_any_size_is_read_by_index(app: Flask) -> None:
    campaign = factories.campaign()
    factories.customer()
    members.add_clients(campaign, db.select(Client.id))
    with plans(app) as steps:
        statistics.latest(campaign)
        for query in (statistics.readers, statistics.removed, statistics.failed):
            db.session.scalars(query(campaign.id).limit(50)).all()
        db.session.execute(db.select(recipients.chosen(campaign, 10, 20))).all()
    for table in ("messages", "campaign_members", "clients"):
        assert not whole(steps, table)
    handled = [step for step in steps if "recipient_key" in step]
    assert handled
    assert any("campaign_id=? AND id>? AND id<?" in step for step in steps)
