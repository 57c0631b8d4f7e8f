"""From what happened to a mail to where its client stands in the campaign (G3, G8).

An outcome moves a client's list status only upwards: failed, sent, read, clicked, replied,
bounced, removed. A status chosen by hand stays, until the client removes itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select, update

from ctm import counters, sql
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
    query = select(
        CampaignMember.id,
        CampaignMember.campaign_id,
        CampaignMember.outcome,
        CampaignMember.by_hand,
        CampaignMember.list_status_id,
    ).where(CampaignMember.id.in_(member_ids))
    for member_id, campaign_id, reached, by_hand, status_id in executor.execute(query):
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
    query = select(OutcomeStatus.campaign_id, OutcomeStatus.list_status_id).where(
        OutcomeStatus.outcome == outcome, OutcomeStatus.campaign_id.in_(list(campaign_ids))
    )
    return {row[0]: row[1] for row in executor.execute(query)}


def _compare_and_set(
    executor: sql.Executor,
    state: _Standing,
    ids: list[int],
    outcome: Outcome,
    status: int | None,
) -> set[int]:
    statement = (
        update(CampaignMember)
        .where(
            CampaignMember.id.in_(ids),
            CampaignMember.outcome == state.outcome,
            CampaignMember.by_hand == state.by_hand,
            CampaignMember.list_status_id.is_not_distinct_from(state.list_status_id),
        )
        .values(outcome=outcome.value, list_status_id=status, changed_at=utcnow())
        .returning(CampaignMember.id)
        .execution_options(synchronize_session=False)
    )
    return set(executor.execute(statement).scalars())
