"""From the queue to the figures: what a campaign's statistics say after openings and clicks."""

from collections.abc import Callable

from sqlalchemy import func, select

from ctm import counters
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.mailing.tracking import hits, removal
from ctm.models import Campaign, CampaignMember, HitKind, ListStatus, Message
from tests.mailing.engine.servers import SmtpSink


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
