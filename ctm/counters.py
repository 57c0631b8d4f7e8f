"""Kept counters of campaigns: what statistics show is read here and never counted.

Mails: ``total``, ``queued`` (all that is still to be sent, also deferred or under way), ``sent``,
``failed``, ``uncertain``, ``skipped``, ``cancelled``. People: ``read``, ``clicked``, ``removed``
(mails with at least one). Machines: ``machine_read``, ``machine_clicked`` (requests). Clients:
``members`` and ``status:<list status id, 0 for none>``.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from ctm import sql
from ctm.extensions import db
from ctm.models import CampaignCounter

TABLE = CampaignCounter.__table__


def add(campaign_id: int, deltas: Mapping[str, int], executor: sql.Executor | None = None) -> None:
    """Add to the counters within the caller's transaction (the session's, if not given)."""
    target = executor if executor is not None else db.session
    rows = [
        {"campaign_id": campaign_id, "name": name, "value": delta}
        for name, delta in sorted(deltas.items())
        if delta
    ]
    if not rows:
        return
    dialect = sql.dialect_name(target)
    if dialect == "postgresql":
        # One statement: after several in psycopg's pipeline PostgreSQL does not end a transaction
        # whose process froze (idle_in_transaction_session_timeout), and its rows stay locked.
        target.execute(_adding(sql.insert_for(dialect, TABLE).values(rows)))
    else:
        target.execute(_adding_one(dialect), rows)


@lru_cache(4)
def _adding_one(dialect: str) -> Any:
    return _adding(sql.insert_for(dialect, TABLE))


def _adding(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["campaign_id", "name"],
        set_={"value": TABLE.c.value + statement.excluded.value},
    )


def read(campaign_id: int) -> dict[str, int]:
    """All counters of a campaign; a name that is missing is zero."""
    query = select(CampaignCounter.name, CampaignCounter.value).where(
        CampaignCounter.campaign_id == campaign_id
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def read_many(campaign_ids: list[int]) -> dict[int, dict[str, int]]:
    """The counters of several campaigns in one query, for lists."""
    found: dict[int, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    query = select(CampaignCounter).where(CampaignCounter.campaign_id.in_(campaign_ids))
    for counter in db.session.scalars(query):
        found[counter.campaign_id][counter.name] = counter.value
    return found
