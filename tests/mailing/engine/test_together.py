"""The same code on PostgreSQL: a campaign, several workers together, a killed one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import counters
from ctm.config import ROOT
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.tracking import hits, removal
from ctm.models import Campaign, CampaignMember, HitKind, ListStatus, Message
from tests import postgres
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.test_delivery import kept, recounted

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with postgres.cluster() as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    postgres.empty(database_url)
    return {"CTM_DATABASE_URL": database_url}


def test_the_migrations_make_what_the_models_say(database_url: str, app: Flask) -> None:
    db.session.remove()
    db.drop_all()
    runner = app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    assert runner.invoke(args=["db", "check"]).exit_code == 0
    db.drop_all()


def test_a_campaign_goes_out_and_its_statistics_live(
    sink: SmtpSink, big_campaign: Callable[..., Campaign]
) -> None:
    campaign = big_campaign(300, sink.port)
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 300
    assert set(sink.deliveries().values()) == {1}
    first, second = db.session.scalars(select(Message.id).order_by(Message.id).limit(2)).all()
    db.session.execute(Message.__table__.update().values(sent_at=None))
    db.session.commit()
    person = hits.Request("GET", "198.51.100.7", "Mozilla/5.0 (X11; Linux) Firefox/130.0")
    for _ in range(2):
        hits.record(first, HitKind.OPEN, person)
        hits.record(first, HitKind.CLICK, person, hits.link_of(first, 1))
        removal.remove(second, person)
    figures = counters.read(campaign.id)
    assert [figures[name] for name in ("sent", "read", "clicked", "removed")] == [300, 1, 1, 1]
    standing = dict(
        row._mapping.values()
        for row in db.session.execute(
            select(ListStatus.name, func.count())
            .join(CampaignMember, CampaignMember.list_status_id == ListStatus.id)
            .group_by(ListStatus.name)
        )
    )
    number = campaign.id
    assert standing == {f"sent {number}": 298, f"clicked {number}": 1, f"removed {number}": 1}
    db.session.expire_all()
    assert campaign.state == "finished"


@pytest.mark.slow
def test_two_workers_share_a_campaign_and_outlive_one_that_is_killed(
    sink: SmtpSink, big_campaign: Callable[..., Campaign], app: Flask
) -> None:
    campaign = big_campaign(3000, sink.port, connections=4)
    control.start(campaign)
    names = ("CTM_INSTANCE", "CTM_PUBLIC_URL", "CTM_DATABASE_URL")
    environ = os.environ | {name: str(app.config[name]) for name in names}
    environ["CTM_ALLOW_PRIVATE_HOSTS"] = "1"

    def launch() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flask", "--app", "app", "worker", "--until-idle"]
        return subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)

    first, second = launch(), launch()
    while sink.size() == 0:
        assert first.poll() is None or second.poll() is None
        time.sleep(0.005)
    time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait(90) == 0
    assert launch().wait(90) == 0
    deliveries = sink.deliveries()
    assert max(deliveries.values()) == 1
    db.session.expire_all()
    states = recounted(campaign)
    assert states["sent"] + states.get("uncertain", 0) == 3000
    assert states.get("uncertain", 0) <= 4
    assert kept(campaign) == states
