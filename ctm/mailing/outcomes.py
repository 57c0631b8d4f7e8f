"""From what happened to a mail to where its client stands in the campaign (G3, G8).

An outcome moves a client's list status only upwards: failed, sent, read, clicked, replied,
bounced, removed. A status chosen by hand stays, until the client removes itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, Update, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from ctm import bulk, counters, sql
from ctm.clock import utcnow
from ctm.models import CampaignMember, Outcome, OutcomeStatus

RANK = {"": -1} | {outcome.value: rank for rank, outcome in enumerate(Outcome)}
_ATTEMPTS = 5


class _Standing(NamedTuple):
    """What decides a member's next list status; members that agree in it move together."""

    campaign_id: int
    outcome: str
    by_hand: bool
    list_status_id: int | None


def reach(executor: sql.Executor, outcome: Outcome, member_ids: Sequence[int]) -> None:
    """Record that these members reached ``outcome``, and move their list statuses.

    Runs in the caller's transaction. Compare-and-set: a member that changed meanwhile (a click
    during the bookkeeping of the send) is looked at again.
    """
    pending = set(member_ids)
    for _ in range(_ATTEMPTS):
        if not pending:
            return
        pending = _move(executor, outcome, pending)


def reach_fresh(
    executor: sql.Executor, campaign_id: int, outcome: Outcome, member_ids: Sequence[int]
) -> None:
    """:func:`reach` for members of one campaign of whom most have come nowhere yet."""
    fresh = _Standing(campaign_id, "", False, None)
    status = _mapping(executor, outcome, [campaign_id]).get(campaign_id)
    dialect = sql.dialect_name(executor)
    values = _move_values(dialect, fresh, member_ids, outcome, status)
    moved: int = executor.execute(_moving(dialect), values).rowcount  # type: ignore[attr-defined]
    if moved and status is not None:
        counters.add(campaign_id, {"status:0": -moved, f"status:{status}": moved}, executor)
    if moved < len(member_ids):
        reach(executor, outcome, member_ids)


def step_back(executor: sql.Executor, member_id: int, wrong: Outcome, right: Outcome) -> None:
    """Undo an outcome that turned out to be a machine's, if nothing came after it."""
    query = select(
        CampaignMember.campaign_id,
        CampaignMember.outcome,
        CampaignMember.by_hand,
        CampaignMember.list_status_id,
    ).where(CampaignMember.id == member_id)
    row = executor.execute(query).first()
    if row is None or row[1] != wrong:
        return
    state = _Standing(*row)
    status = _mapping(executor, right, [state.campaign_id]).get(
        state.campaign_id, state.list_status_id
    )
    if state.by_hand:
        status = state.list_status_id
    changed = _compare_and_set(executor, state, [member_id], right, status)
    if changed and status != state.list_status_id:
        deltas = {f"status:{state.list_status_id or 0}": -1, f"status:{status or 0}": 1}
        counters.add(state.campaign_id, deltas, executor)


def _move(executor: sql.Executor, outcome: Outcome, member_ids: set[int]) -> set[int]:
    """Move those that still can be moved; returns those that changed under our hands."""
    groups: dict[_Standing, list[int]] = defaultdict(list)
    dialect = sql.dialect_name(executor)
    standing = executor.execute(
        _standing_of(dialect), {"ids": bulk.listed(dialect, sorted(member_ids))}
    )
    for member_id, campaign_id, reached, by_hand, status_id in standing:
        if RANK[reached] < RANK[outcome]:
            groups[_Standing(campaign_id, reached, by_hand, status_id)].append(member_id)
    statuses = _mapping(executor, outcome, {state.campaign_id for state in groups})
    missed: set[int] = set()
    moved: dict[int, Counter[str]] = defaultdict(Counter)
    for state, ids in groups.items():
        status = statuses.get(state.campaign_id, state.list_status_id)
        if state.by_hand and outcome != Outcome.REMOVED:
            status = state.list_status_id
        changed = _compare_and_set(executor, state, ids, outcome, status)
        missed.update(set(ids) - changed)
        if status != state.list_status_id:
            moved[state.campaign_id][f"status:{state.list_status_id or 0}"] -= len(changed)
            moved[state.campaign_id][f"status:{status or 0}"] += len(changed)
    for campaign_id, deltas in sorted(moved.items()):
        counters.add(campaign_id, deltas, executor)
    return missed


def _mapping(
    executor: sql.Executor, outcome: Outcome, campaign_ids: Iterable[int]
) -> dict[int, int]:
    dialect = sql.dialect_name(executor)
    values = {"b_outcome": outcome.value, "ids": bulk.listed(dialect, campaign_ids)}
    return {row[0]: row[1] for row in executor.execute(_mapped(dialect), values)}


@lru_cache(4)
def _mapped(dialect: str) -> Select[int, int]:
    return select(OutcomeStatus.campaign_id, OutcomeStatus.list_status_id).where(
        OutcomeStatus.outcome == bindparam("b_outcome"),
        bulk.among(dialect, OutcomeStatus.campaign_id, "ids"),
    )


def _compare_and_set(
    executor: sql.Executor,
    state: _Standing,
    ids: list[int],
    outcome: Outcome,
    status: int | None,
) -> set[int]:
    dialect = sql.dialect_name(executor)
    values = _move_values(dialect, state, ids, outcome, status)
    return set(executor.execute(_move_members(dialect), values).scalars())


def _move_values(
    dialect: str, state: _Standing, ids: Sequence[int], outcome: Outcome, status: int | None
) -> dict[str, Any]:
    return {
        "ids": bulk.listed(dialect, ids),
        "b_outcome": state.outcome,
        "b_by_hand": state.by_hand,
        "b_status": state.list_status_id,
        "b_new_outcome": outcome.value,
        "b_new_status": status,
        "b_at": utcnow(),
    }


@lru_cache(4)
def _standing_of(dialect: str) -> Select[int, int, str, bool, int | None]:
    return select(
        CampaignMember.id,
        CampaignMember.campaign_id,
        CampaignMember.outcome,
        CampaignMember.by_hand,
        CampaignMember.list_status_id,
    ).where(bulk.among(dialect, CampaignMember.id, "ids"))


@lru_cache(4)
def _moving(dialect: str) -> Update:
    """Move members that still stand where they were seen."""
    status = bindparam("b_status", type_=Integer)
    return (
        update(CampaignMember)
        .where(
            bulk.among(dialect, CampaignMember.id, "ids"),
            CampaignMember.outcome == bindparam("b_outcome"),
            CampaignMember.by_hand == bindparam("b_by_hand"),
            CampaignMember.list_status_id.is_not_distinct_from(status),
        )
        .values(
            outcome=bindparam("b_new_outcome"),
            list_status_id=bindparam("b_new_status"),
            changed_at=bindparam("b_at"),
        )
        .execution_options(synchronize_session=False)
    )


@lru_cache(4)
def _move_members(dialect: str) -> ReturningUpdate[int]:
    """:func:`_moving`, and who was moved."""
    return _moving(dialect).returning(CampaignMember.id)
