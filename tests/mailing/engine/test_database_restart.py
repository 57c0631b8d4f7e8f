"""PostgreSQL goes away in the middle of a campaign, and comes back."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from ctm.extensions import db
from ctm.mailing import control
from ctm.models import Base, Campaign
from tests import factories, postgres
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.starter import starting
from tests.mailing.engine.test_killed_worker import check_books, wait_until_it_sends

pytestmark = [pytest.mark.one_database, pytest.mark.postgres]


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL that nobody else uses."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture
def settings(cluster: postgres.Cluster) -> dict[str, Any]:
    return {"CTM_DATABASE_URL": cluster.url}


@pytest.fixture(autouse=True)
def _tables(app: Flask) -> None:
    Base.metadata.create_all(db.engine)


@pytest.mark.slow
def test_a_campaign_goes_on_by_itself_and_nobody_is_lost_or_gets_two(
    sink: SmtpSink,
    big_campaign: Callable[..., Campaign],
    cluster: postgres.Cluster,
    app: Flask,
) -> None:
    campaign = big_campaign(3000, sink.port, connections=4)
    control.start(campaign)
    db.session.remove()
    with starting(app) as starter:
        workers = [starter.start(), starter.start()]
        for mode, seconds in (("fast", 0.0), ("immediate", 0.0), ("fast", 1.5)):
            wait_until_it_sends(sink, workers[0])
            time.sleep(0.05)
            cluster.stop(mode)
            time.sleep(seconds)
            assert all(worker.running() for worker in workers)
            cluster.start()
        assert [worker.wait() for worker in workers] == [0, 0]
    db.engine.dispose()
    states = check_books(db.session.merge(campaign), sink)
    assert states == {"sent": 3000, "total": 3000}


def test_pages_answer_again_after_a_restart(
    cluster: postgres.Cluster, login_as: Callable[[str], Any]
) -> None:
    browser = login_as("manager")
    factories.customer()
    db.session.remove()
    assert browser.get("/clients/").status_code == 200
    for mode in ("fast", "immediate"):
        db.session.remove()
        cluster.stop(mode)
        cluster.start()
        assert browser.get("/clients/").status_code == 200
