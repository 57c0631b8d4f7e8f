"""A backup restored is the office as it was, and sends nothing by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from ctm import files, presence
from ctm.backup import archive, making, restoring
from ctm.clock import utcnow
from ctm.config import ROOT
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.mailing import control, returning
from ctm.mailing.engine.command import build_worker
from ctm.models import (
    Campaign,
    CampaignAttachment,
    CampaignState,
    Client,
    Mailing,
    MailingState,
    Message,
    MessageState,
    SmtpAccount,
    Task,
    TaskState,
    User,
    Worker,
)
from tests import factories
from tests.backup.conftest import MakeOffice
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.engine.test_delivery import kept, recounted

REPLACE = restoring.Wanted(replace=True)
MakeCampaign = Callable[..., Campaign]


def names() -> list[str]:
    return sorted(db.session.scalars(select(Client.display_name)))


def test_everything_comes_back_and_what_was_there_is_set_aside(
    office: Flask, tmp_path: Path
) -> None:
    account = factories.account(password_sealed=office.extensions["ctm.vault"].seal("segreto"))
    file = files.store(b"conditions" * 1000, "conditions.txt")
    campaign = factories.campaign(account=account)
    db.session.add(CampaignAttachment(campaign_id=campaign.id, file_id=file.id))
    factories.customer(display_name="Verdi")
    place = files.path_of(file)
    made = making.make(tmp_path)
    assert made.complete
    assert made.manifest.tables["clients"] == 1
    assert archive.verify(made.path) == made.manifest
    factories.customer(display_name="Too late")
    db.session.remove()
    place.unlink()
    done = restoring.restore(made.path, REPLACE)
    assert names() == ["Verdi"]
    assert place.read_bytes() == b"conditions" * 1000
    sealed = db.session.scalar(select(SmtpAccount.password_sealed))
    assert office.extensions["ctm.vault"].open(sealed) == "segreto"
    if db.engine.dialect.name == "sqlite":
        assert (Path(office.instance_path) / done.aside / "ctm.sqlite3").is_file()
    else:
        aside = done.aside.replace("-", "_")
        known = "SELECT count(*) FROM pg_database WHERE datname LIKE :name"
        assert db.session.scalar(db.text(known), {"name": f"%{aside}"}) == 1


def test_a_campaign_under_way_comes_back_held_until_somebody_confirms(
    office: Flask, tmp_path: Path, sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(6, sink.port)
    mailing = control.start(campaign)
    ids = db.session.scalars(select(Message.id).order_by(Message.id)).all()
    sent = {"state": MessageState.SENT.value}
    db.session.execute(Message.__table__.update().where(Message.id == ids[0]).values(**sent))
    held = {"state": MessageState.CLAIMED.value, "worker": "gone"}
    db.session.execute(Message.__table__.update().where(Message.id == ids[1]).values(**held))
    db.session.execute(
        db.text("UPDATE campaign_counters SET value = 5 WHERE name = 'queued'"),
    )
    db.session.execute(
        db.text(f"INSERT INTO campaign_counters VALUES ({campaign.id}, 'sent', 1)"),
    )
    db.session.add(Worker(name="gone", host="elsewhere", pid=1, seen_at=utcnow()))
    planned = factories.campaign(state="scheduled", scheduled_at=utcnow() + timedelta(hours=1))
    idle = factories.campaign(state="draft")
    db.session.commit()
    numbers = campaign.id, mailing.id, planned.id, idle.id
    made = making.make(tmp_path)
    db.session.remove()
    wanted = restoring.Wanted(replace=True, running_anyway=True)
    done = restoring.restore(made.path, wanted)
    assert (done.held.campaigns, done.held.mails, done.held.doubtful) == (2, 4, 1)
    campaign, mailing, planned, idle = (
        db.session.get_one(model, number)
        for model, number in zip((Campaign, Mailing, Campaign, Campaign), numbers, strict=True)
    )
    assert (campaign.state, mailing.state) == (CampaignState.PAUSED, MailingState.PAUSED)
    assert planned.state == CampaignState.OVERDUE
    assert returning.hold_of(idle) is None
    assert kept(campaign) == recounted(campaign) | {"total": 6}
    assert db.session.get_one(Message, ids[1]).state == MessageState.UNCERTAIN
    assert build_worker().run(until_idle=True) == 0
    for act in (control.resume, control.start):
        with pytest.raises(Conflict, match="4 mails were still to be sent then"):
            act(campaign)
    with pytest.raises(Conflict, match="0 mails were still to be sent"):
        control.schedule(planned, utcnow() + timedelta(hours=2))
    returning.release(campaign)
    control.resume(campaign)
    assert build_worker().run(until_idle=True) == 4
    with pytest.raises(Conflict, match="not held"):
        returning.release(campaign)


def test_a_campaign_that_was_being_queued_comes_back_stopped(
    office: Flask, tmp_path: Path, sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(5, sink.port)
    mailing = control.start(campaign)
    mailing.state = MailingState.QUEUEING
    for kind in returning.ENDED_TASKS:
        task = Task(kind=kind, title="Queue", state=TaskState.RUNNING, beat_at=utcnow())
        db.session.add(task)
    db.session.commit()
    campaign_id = campaign.id
    made = making.make(tmp_path)
    db.session.remove()
    restoring.restore(made.path, REPLACE)
    campaign = db.session.get_one(Campaign, campaign_id)
    assert campaign.state == CampaignState.STOPPED
    assert kept(campaign) == recounted(campaign) == {"cancelled": 5, "total": 5}
    assert set(db.session.scalars(select(Task.state))) == {TaskState.CANCELLED}
    assert build_worker().run(until_idle=True) == 0
    with pytest.raises(Conflict, match="5 mails were still to be sent then"):
        control.start(campaign)
    returning.release(campaign)
    control.start(campaign)
    assert build_worker().run(until_idle=True) == 5


@pytest.mark.slow
def test_a_copy_made_while_a_worker_sends_is_sound(
    office: Flask, tmp_path: Path, sink: SmtpSink, big_campaign: MakeCampaign
) -> None:
    campaign = big_campaign(6000, sink.port, connections=1)
    campaign_id = campaign.id
    control.start(campaign)
    names = ("CTM_INSTANCE", "CTM_DATABASE_URL", "CTM_PUBLIC_URL", "CTM_LANGUAGE")
    environ = os.environ | {name: str(current_app.config[name]) for name in names}
    environ["CTM_ALLOW_PRIVATE_HOSTS"] = "1"
    command = [sys.executable, "-m", "flask", "--app", "app", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not sink.size():
            assert time.monotonic() < end
            time.sleep(0.01)
        made = [making.make(tmp_path) for _ in range(2)]
        with pytest.raises(Conflict, match="is running"):
            restoring.restore(made[0].path, REPLACE)
        assert made[0].manifest.waiting, "the campaign was over before the backup"
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    finally:
        worker.kill()
        worker.wait()
    taken = set(sink.deliveries())
    db.session.remove()
    done = restoring.restore(made[0].path, REPLACE)
    campaign = db.session.get_one(Campaign, campaign_id)
    assert kept(campaign) == recounted(campaign)
    assert sum(v for k, v in recounted(campaign).items() if k != "total") == 6000
    assert done.held.mails + done.held.doubtful == made[0].manifest.waiting
    query = select(Message.to_address).where(Message.state == MessageState.SENT)
    assert set(db.session.scalars(query)) <= taken
    assert build_worker().run(until_idle=True) == 0


def test_an_office_moves_to_another_machine_with_its_keys_sealed_inside(
    make_office: MakeOffice, tmp_path: Path
) -> None:
    first = make_office(CTM_BACKUP_PASSPHRASE="a long passphrase")
    with first.app_context():
        factories.user(email="anna@office.example")
        factories.account(password_sealed=first.extensions["ctm.vault"].seal("segreto"))
        path = making.make(tmp_path).path
        db.session.remove()
        db.engine.dispose()
    second = make_office()
    with second.app_context():
        with pytest.raises(Conflict, match="keys of this backup are not here"):
            restoring.restore(path, restoring.Wanted())
        second.config["CTM_BACKUP_PASSPHRASE"] = "a long passphrase"
        restoring.restore(path, restoring.Wanted())
        assert db.session.scalar(select(User.email)) == "anna@office.example"
        db.session.remove()
        db.engine.dispose()
    secrets = [Path(app.instance_path) / "secrets" for app in (first, second)]
    for name in ("credentials", "session", "tracking"):
        assert (secrets[0] / name).read_bytes() == (secrets[1] / name).read_bytes()


def test_nobody_starts_while_a_restore_is_under_way(app: Flask) -> None:
    instance = Path(app.instance_path)
    with (
        presence.alone(instance) as mine,
        pytest.raises(Conflict, match="being restored"),
        presence.at_work(instance),
    ):
        raise AssertionError(mine)
    with presence.at_work(instance), presence.at_work(instance):
        pass
