"""A worker does not stand still while somebody else writes to SQLite."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from ctm.clock import SystemClock
from ctm.extensions import db
from ctm.mailing import claiming, control, outbox, settling
from ctm.models import Campaign, Message, MessageState

pytestmark = pytest.mark.one_database


@contextmanager
def somebody_writing() -> Iterator[None]:
    with db.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.rollback()


def claim() -> list[outbox.Claimed] | None:
    with db.engine.connect() as connection:
        (opened,) = outbox.open_mailings(connection)
    now = SystemClock().now()
    return claiming.claim_if_free(db.engine, opened, "w", 2, now, lambda _ids: None)


def count(state: MessageState) -> int:
    found = db.session.scalar(select(func.count()).where(Message.state == state)) or 0
    db.session.rollback()
    return found


def test_claims_and_outcomes_that_can_wait_are_put_off_while_somebody_else_writes(
    big_campaign: Callable[..., Campaign],
) -> None:
    control.start(big_campaign(3, 25))
    with somebody_writing():
        assert claim() is None
    claimed = claim()
    assert claimed is not None
    assert len(claimed) == count(MessageState.CLAIMED) == 2
    now = SystemClock().now()
    results = [outbox.Result(each, MessageState.SENT, now, 250, "250 Ok") for each in claimed]
    with somebody_writing():
        assert not settling.settle_if_free(db.engine, "w", results)
    assert count(MessageState.SENT) == 0
    assert settling.settle_if_free(db.engine, "w", results)
    assert count(MessageState.SENT) == 2


def test_an_outcome_that_is_no_longer_ours_does_not_hold_up_the_others(
    big_campaign: Callable[..., Campaign],
) -> None:
    control.start(big_campaign(3, 25))
    claimed = claim()
    assert claimed is not None
    lost, kept = claimed
    db.session.get_one(Message, lost.id).worker = "another"
    db.session.commit()
    now = SystemClock().now()
    results = [outbox.Result(each, MessageState.SENT, now, 250, "250 Ok") for each in claimed]
    assert settling.settle_if_free(db.engine, "w", results)
    assert count(MessageState.SENT) == 1
    assert db.session.get_one(Message, kept.id).state == MessageState.SENT
