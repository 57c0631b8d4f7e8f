"""Hits counted in a group leave what they leave one after the other."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from ctm import counters, sql
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.tracking import hits, machines
from ctm.mailing.tracking.arrivals import Arrival, decode, encode
from ctm.mailing.tracking.settling import settle
from ctm.models import (
    CampaignCounter,
    CampaignMember,
    Hit,
    HitBucket,
    HitKind,
    LinkCounter,
    Message,
)

PERSON = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"


def settle_group(arrivals: list[Arrival]) -> None:
    with db.engine.begin() as connection:
        sql.begin_writing(connection)
        settle(connection, arrivals)


def books() -> dict[str, Any]:
    """All that hits change, without the numbers of rows; what is zero counts as missing."""
    db.session.expire_all()
    mail = select(
        Message.id, Message.opens, Message.clicks, Message.machine_hits, Message.opened_at
    ).add_columns(Message.clicked_at)
    member = select(CampaignMember.id, CampaignMember.outcome, CampaignMember.list_status_id)
    hit = select(Hit.at, Hit.kind, Hit.message_id, Hit.link_id, Hit.machine)
    link = select(LinkCounter.url, LinkCounter.requests, LinkCounter.people, LinkCounter.machines)
    step = select(HitBucket.at, HitBucket.kind, HitBucket.value).where(HitBucket.value != 0)
    kept = select(CampaignCounter.name, CampaignCounter.value).where(CampaignCounter.value != 0)
    queries = {"mail": mail, "member": member, "hit": hit, "step": step, "kept": kept}
    queries["link"] = link.add_columns(LinkCounter.last_at, LinkCounter.last_client_id)
    return {
        name: sorted(map(str, map(tuple, db.session.execute(query))))
        for name, query in queries.items()
    }


def forget() -> None:
    for model in (Hit, LinkCounter, HitBucket, CampaignCounter):
        db.session.execute(delete(model))
    nothing = {"opens": 0, "clicks": 0, "machine_hits": 0, "opened_at": None, "clicked_at": None}
    db.session.execute(update(Message).values(nothing))
    db.session.execute(update(CampaignMember).values(outcome="", list_status_id=None))
    db.session.commit()


def some_arrivals(mails: list[int], dice: random.Random) -> list[Arrival]:
    """Openings and clicks of people and machines, some in bursts, over half a minute."""
    at = utcnow() - timedelta(minutes=5)
    found = []
    for _ in range(dice.randint(5, 40)):
        at += timedelta(seconds=dice.choice((0.01, 0.1, 0.5, 1.5, 4.0)))
        kind = dice.choice((HitKind.OPEN, HitKind.CLICK, HitKind.CLICK))
        method = dice.choice(("GET",) * 5 + ("HEAD",))
        position = dice.randint(1, 5) if kind == HitKind.CLICK else 0
        found.append(Arrival(dice.choice(mails), kind, at, method, "93.40.1.2", PERSON, position))
    return found


def test_a_group_counts_like_one_after_the_other(app: Flask, mails: list[Message]) -> None:
    ids = [mail.id for mail in mails]
    for seed in range(25):
        dice = random.Random(seed)
        arrivals = some_arrivals(ids, dice)
        forget()
        for arrival in arrivals:
            settle_group([arrival])
        singly = books()
        forget()
        cut = dice.randint(0, len(arrivals))
        settle_group(arrivals[:cut])
        settle_group(arrivals[cut:])
        assert books() == singly, seed
        forget()
        settle_group(arrivals)
        assert books() == singly, seed


def test_people_machines_and_taking_back_at_the_same_moment_end_in_one_truth(
    app: Flask, mails: list[Message]
) -> None:
    """On PostgreSQL these transactions meet in the rows of one mail, and in the counters."""
    ids, campaign_id = [mail.id for mail in mails], mails[0].campaign_id
    db.session.remove()

    def visit(n: int) -> None:
        with app.app_context():
            method = "HEAD" if n % 5 == 0 else "GET"
            request = hits.Request(method, "93.40.1.2", PERSON)
            for mail in ids if n % 2 else reversed(ids):
                link = hits.link_of(mail, 1 + n % 4)
                hits.record(mail, HitKind.CLICK, request, link)
                hits.record(mail, HitKind.OPEN, request)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(16)))

    kept = counters.read(campaign_id or 0)
    machine = select(func.count()).where(Hit.kind == HitKind.CLICK, Hit.machine != "")
    people = select(func.count()).where(Hit.kind == HitKind.CLICK, Hit.machine == "")
    clicks = db.session.scalar(select(func.sum(Message.clicks)))
    assert db.session.scalar(machine) == kept["machine_clicked"]
    assert db.session.scalar(people) == clicks
    assert (kept["machine_read"], kept["read"]) == (4 * 3, 3)
    totals = db.session.execute(
        select(func.sum(LinkCounter.requests), func.sum(LinkCounter.machines))
    ).one()
    assert sum(totals) == 2 * 16 * 3


def test_what_is_kept_is_what_the_hits_say(app: Flask, mails: list[Message]) -> None:
    ids = [mail.id for mail in mails]
    for seed in range(100, 110):
        forget()
        settle_group(some_arrivals(ids, random.Random(seed)))
        kept = counters.read(mails[0].campaign_id or 0)
        people = db.session.scalars(select(Hit).where(Hit.machine == "")).all()
        opened = {hit.message_id for hit in people if hit.kind == HitKind.OPEN}
        clicked = {hit.message_id for hit in people if hit.kind == HitKind.CLICK}
        assert (kept.get("read", 0), kept.get("clicked", 0)) == (len(opened), len(clicked))
        links = {link.url: link for link in db.session.scalars(select(LinkCounter))}
        for url in {hit.link.url for hit in people if hit.link}:
            by = [hit.message_id for hit in people if hit.link and hit.link.url == url]
            assert (links[url].requests, links[url].people) == (len(by), len(set(by)))
        assert sum(link.requests for link in links.values()) == len(people)


def test_a_mail_clicked_thousands_of_times_is_still_counted_exactly(
    app: Flask, mails: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctm.mailing.tracking.settling.MANY_CLICKS", 2)
    at = utcnow() - timedelta(minutes=5)
    for n in range(5):
        click = Arrival(
            mails[0].id, HitKind.CLICK, at + timedelta(seconds=10 * n), "GET", "", PERSON, 1
        )
        settle_group([click])
    last = at + timedelta(seconds=60)
    settle_group(
        [Arrival(mails[0].id, HitKind.CLICK, last, "GET", "", PERSON, n) for n in (1, 2, 3)]
    )
    db.session.expire_all()
    rows = {row.url[-1]: row for row in db.session.scalars(select(LinkCounter))}
    assert (rows["1"].requests, rows["1"].people, rows["1"].machines) == (5, 1, 1)
    assert (rows["2"].requests, rows["2"].people, rows["2"].machines) == (0, 0, 1)
    assert (mails[0].clicks, mails[0].machine_hits) == (5, 3)
    burst = db.session.scalars(select(Hit).where(Hit.machine == machines.ALL_LINKS)).all()
    assert len(burst) == 3


@pytest.mark.parametrize(
    "agent",
    ["a\0b", "\x00", "caf\xe9 \udcff", "\U0001f600" * 400, "x" * 60_000, '"],[', "\r\n2", "\u2028"],
    ids=["nul", "only nul", "lone surrogate", "emoji", "long", "json", "line end", "separator"],
)
def test_hostile_agents_are_one_line_and_come_back_harmless(agent: str) -> None:
    arrival = Arrival(7, HitKind.CLICK, utcnow(), "GET", "93.40.1.2", agent, 3)
    line = encode(arrival)
    back = decode(line)
    assert line.count(b"\n") == 1
    assert len(line) < 4096
    assert back is not None
    assert (back.message_id, back.at, back.position) == (7, arrival.at, 3)
    assert "\0" not in back.user_agent
    back.user_agent.encode()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"\0" * 500,
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'["o",1,2,"GET","",""]\n',
        b'["r",1,2,"GET","","",0]\n',
        b'["o",-1,2,"GET","","",0]\n',
        b'["o",1e300,2,"GET","","",0]\n',
        b'["o",99999999999999999999,2,"GET","","",0]\n',
        b'["o",1,9000000000000000000,"GET","","",0]\n',
        b'["c",1,2,"GET","","",3000000000]\n',
        b'["o",true,2,"GET","","",0]\n',
        b'["o",1,2,3,"","",0]\n',
        b"[" * 100_000 + b"\n",
        b'["o",1,2,"GET","","',
    ],
)
def test_garbage_is_no_hit(line: bytes) -> None:
    assert decode(line) is None
