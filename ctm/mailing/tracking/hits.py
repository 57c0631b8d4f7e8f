"""Recording what recipients (and machines) ask for: openings, clicks (G8, G9).

One short transaction per hit. "The first opening of this mail" is a compare-and-set on an empty
column, so that two hits at the same moment count one reader.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from ctm import counters, sql
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import outcomes
from ctm.mailing.tracking import machines
from ctm.models import (
    UNDER_WAY,
    Hit,
    HitBucket,
    HitKind,
    LinkCounter,
    Message,
    Outcome,
    SmtpAccount,
    TrackedLink,
)

READ = "READ"
STEP = timedelta(minutes=10)
_FIRST = {HitKind.OPEN: Message.opened_at, HitKind.CLICK: Message.clicked_at}
_COUNT = {HitKind.OPEN: Message.opens, HitKind.CLICK: Message.clicks}
_PEOPLE = {HitKind.OPEN: "read", HitKind.CLICK: "clicked"}
_MACHINES = {HitKind.OPEN: "machine_read", HitKind.CLICK: "machine_clicked"}
_OUTCOMES = {HitKind.OPEN: Outcome.READ, HitKind.CLICK: Outcome.CLICKED}


@dataclass(frozen=True)
class Request:
    """What is known of a request."""

    method: str = "GET"
    ip: str = ""
    user_agent: str = ""


def link_of(message_id: int, position: int) -> TrackedLink | None:
    """The link at a place of the message's own mailing."""
    query = (
        select(TrackedLink)
        .join(Message, Message.mailing_id == TrackedLink.mailing_id)
        .where(Message.id == message_id, TrackedLink.position == position)
    )
    link: TrackedLink | None = db.session.scalar(query)
    return link


def record(
    message_id: int, kind: HitKind, request: Request, link: TrackedLink | None = None
) -> None:
    """Keep a hit and count it. A message of no campaign (a test) is not counted."""
    query = (
        select(
            Message.campaign_id,
            Message.member_id,
            Message.client_id,
            Message.state,
            Message.sent_at,
            SmtpAccount.practice,
        )
        .join(SmtpAccount, SmtpAccount.id == Message.account_id)
        .where(Message.id == message_id)
    )
    row = db.session.execute(query).first()
    if row is None or row.campaign_id is None:
        return
    now = utcnow()
    sent_at = now if row.state in UNDER_WAY else row.sent_at
    machine = machines.reason(
        request.method, request.user_agent, request.ip, now, sent_at, row.practice
    )
    url = READ if link is None else link.url
    hit = Hit(
        at=now,
        kind=kind,
        campaign_id=row.campaign_id,
        message_id=message_id,
        link_id=link.id if link else None,
        method=request.method[:10],
        ip=request.ip[:45],
        user_agent=request.user_agent[:300],
        machine=machine,
    )
    db.session.add(hit)
    db.session.flush()
    if machine:
        _count_machine(row.campaign_id, message_id, kind, url)
    else:
        _count_person(row.campaign_id, message_id, kind, url, now, row.client_id)
        if row.member_id is not None:
            outcomes.reach(db.session, _OUTCOMES[kind], [row.member_id])
    db.session.commit()
    if kind == HitKind.CLICK and not row.practice:
        _look_for_scanner(row.campaign_id, message_id, now)


def _count_machine(campaign_id: int, message_id: int, kind: HitKind, url: str) -> None:
    counters.add(campaign_id, {_MACHINES[kind]: 1})
    _bump(Message.id == message_id, {Message.machine_hits: Message.machine_hits + 1})
    _count_link(campaign_id, url, machines_=1)


def _count_person(
    campaign_id: int, message_id: int, kind: HitKind, url: str, now: datetime, client: int | None
) -> None:
    column = _FIRST[kind]
    first = _bump((Message.id == message_id) & column.is_(None), {column: now})
    _bump(Message.id == message_id, {_COUNT[kind]: _COUNT[kind] + 1})
    if first:
        counters.add(campaign_id, {_PEOPLE[kind]: 1})
    new_here = first if url == READ else _first_of_url(campaign_id, message_id, url)
    _count_link(campaign_id, url, requests=1, people=int(new_here), at=now, client=client)
    _count_step(campaign_id, now, kind)


def _first_of_url(campaign_id: int, message_id: int, url: str) -> bool:
    """Whether this is the message's first hit by a person on a URL; the new hit is in already."""
    query = (
        select(Hit.id)
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(
            Hit.message_id == message_id,
            Hit.kind == HitKind.CLICK,
            Hit.machine == "",
            TrackedLink.url == url,
        )
        .limit(2)
    )
    return len(db.session.scalars(query).all()) == 1


def _bump(condition: object, values: dict[object, object]) -> bool:
    """Update messages; whether one matched."""
    statement = (
        update(Message)
        .where(condition)  # type: ignore[arg-type]
        .values(values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(statement).first() is not None


def _count_link(
    campaign_id: int,
    url: str,
    requests: int = 0,
    people: int = 0,
    machines_: int = 0,
    at: datetime | None = None,
    client: int | None = None,
) -> None:
    table = LinkCounter.__table__
    new = {
        "campaign_id": campaign_id,
        "url": url[:2000],
        "requests": requests,
        "people": people,
        "machines": machines_,
    }
    if at is not None:
        new |= {"last_at": at, "last_client_id": client}
    statement = sql.insert(db.session, table).values(new)  # type: ignore[arg-type]
    changed = {
        name: table.c[name] + statement.excluded[name]
        for name in ("requests", "people", "machines")
    }
    if at is not None:
        changed |= {name: statement.excluded[name] for name in ("last_at", "last_client_id")}
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["campaign_id", "url"], set_=changed)
    )


def _count_step(campaign_id: int, at: datetime, kind: HitKind, value: int = 1) -> None:
    """The chart's ten-minute step."""
    minutes = int(STEP.total_seconds() // 60)
    start = at.replace(minute=at.minute - at.minute % minutes, second=0, microsecond=0)
    table = HitBucket.__table__
    statement = sql.insert(db.session, table).values(  # type: ignore[arg-type]
        campaign_id=campaign_id, at=start, kind=kind.value, value=value
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "at", "kind"],
            set_={"value": table.c.value + statement.excluded.value},
        )
    )


def _look_for_scanner(campaign_id: int, message_id: int, now: datetime) -> None:
    """Many links of one mail at the same moment were a machine's: count them again as such.

    Clicks taken back a moment ago still count towards the many: a scanner follows every link.
    """
    query = select(Hit).where(
        Hit.message_id == message_id,
        Hit.kind == HitKind.CLICK,
        Hit.machine.in_(["", machines.ALL_LINKS]),
        Hit.at >= now - machines.AT_ONCE,
    )
    burst = db.session.scalars(query).all()
    if len({hit.link_id for hit in burst}) < machines.MANY_LINKS:
        return
    marked = db.session.execute(
        update(Hit)
        .where(Hit.id.in_([hit.id for hit in burst]), Hit.machine == "")
        .values(machine=machines.ALL_LINKS)
        .returning(Hit.link_id, Hit.at)
        .execution_options(synchronize_session=False)
    ).all()
    if not marked:
        return
    _bump(
        Message.id == message_id,
        {
            Message.clicks: Message.clicks - len(marked),
            Message.machine_hits: Message.machine_hits + len(marked),
        },
    )
    counters.add(campaign_id, {"machine_clicked": len(marked)})
    _uncount_links(campaign_id, message_id, [link_id for link_id, _at in marked])
    for _link_id, at in marked:
        _count_step(campaign_id, at, HitKind.CLICK, -1)
    _unclick(campaign_id, message_id)
    db.session.commit()


def _uncount_links(campaign_id: int, message_id: int, link_ids: Sequence[int | None]) -> None:
    links = db.session.scalars(select(TrackedLink).where(TrackedLink.id.in_(link_ids)))
    times = Counter(link_ids)
    for link in links.all():
        count = times[link.id]
        gone = not _people_on(message_id, link.url)
        _count_link(campaign_id, link.url, -count, -int(gone), machines_=count)


def _unclick(campaign_id: int, message_id: int) -> None:
    """A mail no person clicked in is not a clicked one; its client goes back to read or sent."""
    person = select(Hit.id).where(
        Hit.message_id == message_id, Hit.kind == HitKind.CLICK, Hit.machine == ""
    )
    if db.session.scalar(person.limit(1)) is not None:
        return
    if not _bump(
        (Message.id == message_id) & Message.clicked_at.is_not(None), {Message.clicked_at: None}
    ):
        return
    counters.add(campaign_id, {"clicked": -1})
    message = db.session.get_one(Message, message_id, populate_existing=True)
    if message.member_id is not None:
        before = Outcome.READ if message.opened_at else Outcome.SENT
        outcomes.step_back(db.session, message.member_id, Outcome.CLICKED, before)


def _people_on(message_id: int, url: str) -> bool:
    query = (
        select(Hit.id)
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(Hit.message_id == message_id, Hit.machine == "", TrackedLink.url == url)
        .limit(1)
    )
    return db.session.scalar(query) is not None
