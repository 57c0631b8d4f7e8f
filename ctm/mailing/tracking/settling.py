"""Hits into the books, in groups: one transaction for some hundred of them.

The result is that of taking one after the other: the first opening and the first click of a mail
count it, a scanner's clicks are taken back. The mails' rows are locked first, in the order of
their numbers, then list statuses and counters are moved.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, bindparam, func, insert, select, update

from ctm import bulk, counters, sql
from ctm.mailing import outcomes
from ctm.mailing.tracking import machines
from ctm.mailing.tracking.arrivals import IP, METHOD, USER_AGENT, Arrival, clean
from ctm.mailing.tracking.mails import Click, Mail
from ctm.models import (
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
MANY_CLICKS = 2000
_PEOPLE = {HitKind.OPEN: "read", HitKind.CLICK: "clicked"}
_MACHINES = {HitKind.OPEN: "machine_read", HitKind.CLICK: "machine_clicked"}


def settle(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    """Count these hits within the caller's transaction, which :func:`ctm.sql.begin_writing` began.

    Hits of mails or links that are gone, and of mails of no campaign (tests), are not counted.
    """
    mails = _read_mails(connection, {arrival.message_id for arrival in arrivals})
    links = _read_links(connection, mails, arrivals)
    group = _Group(mails)
    found: list[tuple[Arrival, Mail, tuple[int | None, str], str]] = []
    for arrival in arrivals:
        mail = mails.get(arrival.message_id)
        link: tuple[int | None, str] | None = (None, READ)
        if mail is not None and arrival.kind == HitKind.CLICK:
            link = links.get((mail.mailing_id, arrival.position))
        if mail is not None and link is not None:
            found.append((arrival, mail, link, _machine(arrival, mail)))
    people = [each for each in found if each[0].kind == HitKind.CLICK and not each[3]]
    if people:
        _read_clicks(connection, people)
    for arrival, mail, link, machine in found:
        group.take(arrival, mail, link, machine)
    group.write(connection)


def _machine(arrival: Arrival, mail: Mail) -> str:
    return machines.reason(
        arrival.method,
        arrival.user_agent,
        arrival.ip,
        arrival.at,
        arrival.at if mail.under_way else mail.sent_at,
        mail.practice,
    )


def _read_mails(connection: Connection, ids: Collection[int]) -> dict[int, Mail]:
    dialect = connection.dialect.name
    values = {"ids": bulk.listed(dialect, sorted(ids))}
    return {row[0]: Mail(*row) for row in connection.execute(_mails(dialect), values)}


@lru_cache(4)
def _mails(dialect: str) -> "Select[*tuple[Any, ...]]":
    return (
        select(
            Message.id,
            Message.mailing_id,
            Message.campaign_id,
            Message.member_id,
            Message.client_id,
            Message.state,
            Message.sent_at,
            Message.opened_at,
            Message.clicked_at,
            Message.clicks,
            Message.machine_hits,
            SmtpAccount.practice,
        )
        .join(SmtpAccount, SmtpAccount.id == Message.account_id)
        .where(bulk.among(dialect, Message.id, "ids"), Message.campaign_id.is_not(None))
        .order_by(Message.id)
        .with_for_update(of=Message, key_share=True)
    )


def _read_links(
    connection: Connection, mails: dict[int, Mail], arrivals: Sequence[Arrival]
) -> dict[tuple[int, int], tuple[int | None, str]]:
    """(mailing, position) → (link, URL), of the places asked for."""
    clicks = [each for each in arrivals if each.kind == HitKind.CLICK and each.message_id in mails]
    if not clicks:
        return {}
    dialect = connection.dialect.name
    mailings = {mails[each.message_id].mailing_id for each in clicks}
    values = {
        "mailings": bulk.listed(dialect, sorted(mailings)),
        "positions": bulk.listed(dialect, sorted({each.position for each in clicks})),
    }
    rows = connection.execute(_links(dialect), values)
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


@lru_cache(4)
def _links(dialect: str) -> Select[int, int, int, str]:
    return select(
        TrackedLink.mailing_id, TrackedLink.position, TrackedLink.id, TrackedLink.url
    ).where(
        bulk.among(dialect, TrackedLink.mailing_id, "mailings"),
        bulk.among(dialect, TrackedLink.position, "positions"),
    )


_People = Sequence[tuple[Arrival, Mail, tuple[int | None, str], str]]


def _read_clicks(connection: Connection, people: _People) -> None:
    """What these mails' people clicked before: how often on each URL, and what was just now."""
    clicked = {mail.id: mail for _arrival, mail, _link, _machine in people if mail.hit_before}
    if not clicked:
        return
    since = min(arrival.at for arrival, _mail, _link, _machine in people) - machines.AT_ONCE
    recent = (
        select(Hit.message_id, Hit.id, Hit.at, Hit.link_id, TrackedLink.url, Hit.machine)
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(
            Hit.message_id.in_(sorted(clicked)),
            Hit.kind == HitKind.CLICK,
            Hit.machine.in_(["", machines.ALL_LINKS]),
            Hit.at >= since,
        )
        .order_by(Hit.id)
    )
    for row in connection.execute(recent):
        clicked[row[0]].recent.append(Click(row.id, row.at, row.link_id, row.url, row.machine))
    few = [mail.id for mail in clicked.values() if mail.clicks <= MANY_CLICKS]
    query = (
        select(Hit.message_id, TrackedLink.url, func.count())
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(Hit.message_id.in_(sorted(few)), Hit.kind == HitKind.CLICK, Hit.machine == "")
        .group_by(Hit.message_id, TrackedLink.url)
    )
    for message_id, url, count in connection.execute(query):
        clicked[message_id].people[url] = count
    urls = {(mail.id, link[1]) for _arrival, mail, link, _machine in people}
    urls |= {(mail.id, click.url) for mail in clicked.values() for click in mail.recent}
    for message_id, url in sorted(urls):
        if message_id in clicked and clicked[message_id].clicks > MANY_CLICKS:
            clicked[message_id].people[url] = _people_on(connection, message_id, url)


def _people_on(connection: Connection, message_id: int, url: str) -> int:
    """Clicks of people on a URL in a mail that was clicked very often; not all of them."""
    some = (
        select(Hit.id)
        .join(TrackedLink, TrackedLink.id == Hit.link_id)
        .where(
            Hit.message_id == message_id,
            Hit.kind == HitKind.CLICK,
            Hit.machine == "",
            TrackedLink.url == url,
        )
        .limit(MANY_CLICKS)
    )
    return connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()


class _Link:
    """What a group adds to a URL's counter."""

    __slots__ = ("at", "client_id", "machines", "people", "requests")

    def __init__(self) -> None:
        self.requests = self.people = self.machines = 0
        self.at: datetime | None = None
        self.client_id: int | None = None


class _Group:
    """Hits taken one after the other in memory, then written together."""

    def __init__(self, mails: dict[int, Mail]) -> None:
        self._mails = mails
        self._hits: list[dict[str, Any]] = []
        self._clicks: list[tuple[Click, dict[str, Any]]] = []
        self._marked: list[int] = []
        self._counts: dict[int, Counter[str]] = defaultdict(Counter)
        self._links: dict[tuple[int, str], _Link] = defaultdict(_Link)
        self._steps: Counter[tuple[int, datetime, str]] = Counter()
        self._reached: dict[Outcome, set[int]] = {Outcome.READ: set(), Outcome.CLICKED: set()}
        self._taken_back: dict[int, Mail] = {}

    def take(
        self, arrival: Arrival, mail: Mail, link: tuple[int | None, str], machine: str
    ) -> None:
        link_id, url = link
        hit = {
            "b_at": arrival.at,
            "b_kind": arrival.kind.value,
            "b_campaign_id": mail.campaign_id,
            "b_message_id": mail.id,
            "b_link_id": link_id,
            "b_method": clean(arrival.method, METHOD),
            "b_ip": clean(arrival.ip, IP),
            "b_user_agent": clean(arrival.user_agent, USER_AGENT),
            "b_machine": machine,
        }
        self._hits.append(hit)
        mail.touched = True
        counter = self._links[mail.campaign_id, url[:2000]]
        if machine:
            self._counts[mail.campaign_id][_MACHINES[arrival.kind]] += 1
            mail.machine_hits += 1
            counter.machines += 1
            return
        counter.requests += 1
        counter.at, counter.client_id = arrival.at, mail.client_id
        self._steps[mail.campaign_id, _step(arrival.at), arrival.kind.value] += 1
        if arrival.kind == HitKind.OPEN:
            self._open(mail, arrival.at, counter)
        else:
            click = Click(None, arrival.at, link_id, url, "")
            self._clicks.append((click, hit))
            self._click(mail, click, counter)

    def _open(self, mail: Mail, at: datetime, counter: _Link) -> None:
        mail.opens += 1
        if mail.opened_at is None:
            mail.opened_at = at
            counter.people += 1
            self._counts[mail.campaign_id]["read"] += 1
        if mail.member_id is not None:
            self._reached[Outcome.READ].add(mail.member_id)

    def _click(self, mail: Mail, click: Click, counter: _Link) -> None:
        mail.clicks += 1
        if mail.clicked_at is None:
            mail.clicked_at = click.at
            self._counts[mail.campaign_id]["clicked"] += 1
        counter.people += int(mail.people[click.url] == 0)
        mail.people[click.url] += 1
        if mail.member_id is not None:
            self._reached[Outcome.CLICKED].add(mail.member_id)
        mail.recent.append(click)
        if not mail.practice:
            self._look_for_scanner(mail, click.at)

    def _look_for_scanner(self, mail: Mail, now: datetime) -> None:
        """Many links of one mail at the same moment were a machine's: count them again as such.

        Clicks taken back a moment ago still count towards the many: a scanner follows every link.
        """
        burst = [click for click in mail.recent if click.at >= now - machines.AT_ONCE]
        if len({click.link_id for click in burst}) < machines.MANY_LINKS:
            return
        for click in burst:
            if not click.machine:
                self._take_back(mail, click)
        if mail.clicks <= 0 and mail.clicked_at is not None:
            mail.clicked_at = None
            self._counts[mail.campaign_id]["clicked"] -= 1
            self._taken_back[mail.id] = mail

    def _take_back(self, mail: Mail, click: Click) -> None:
        click.machine = machines.ALL_LINKS
        if click.id is not None:
            self._marked.append(click.id)
        mail.clicks -= 1
        mail.machine_hits += 1
        mail.people[click.url] -= 1
        counter = self._links[mail.campaign_id, click.url[:2000]]
        counter.requests -= 1
        counter.machines += 1
        counter.people -= int(mail.people[click.url] == 0)
        self._counts[mail.campaign_id]["machine_clicked"] += 1
        self._steps[mail.campaign_id, _step(click.at), HitKind.CLICK.value] -= 1

    # -- writing -----------------------------------------------------------------------------

    def write(self, connection: Connection) -> None:
        if not self._hits:
            return
        for click, hit in self._clicks:
            hit["b_machine"] = click.machine
        _execute(connection, "hits", self._hits)
        if self._marked:
            connection.execute(
                update(Hit).where(Hit.id.in_(self._marked)).values(machine=machines.ALL_LINKS)
            )
        _execute(connection, "mails", [mail.row() for mail in self._mails.values() if mail.touched])
        for outcome, member_ids in self._reached.items():
            outcomes.reach(connection, outcome, sorted(member_ids))
        for mail in self._taken_back.values():
            if mail.clicked_at is None and mail.member_id is not None:
                before = Outcome.READ if mail.opened_at else Outcome.SENT
                outcomes.step_back(connection, mail.member_id, Outcome.CLICKED, before)
        for campaign_id, deltas in sorted(self._counts.items()):
            counters.add(campaign_id, deltas, connection)
        self._write_links(connection)
        self._write_steps(connection)

    def _write_links(self, connection: Connection) -> None:
        table = LinkCounter.__table__
        statement = sql.insert(connection, table)  # type: ignore[arg-type]
        changed = {
            name: table.c[name] + statement.excluded[name]
            for name in ("requests", "people", "machines")
        }
        seen = {name: statement.excluded[name] for name in ("last_at", "last_client_id")}
        keys = ["campaign_id", "url"]
        of_machines = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        of_people = statement.on_conflict_do_update(index_elements=keys, set_=changed | seen)
        for statement_, by_people in ((of_people, True), (of_machines, False)):
            rows = [
                {
                    "campaign_id": campaign_id,
                    "url": url,
                    "requests": link.requests,
                    "people": link.people,
                    "machines": link.machines,
                    "last_at": link.at,
                    "last_client_id": link.client_id,
                }
                for (campaign_id, url), link in sorted(self._links.items(), key=lambda e: e[0])
                if (link.at is not None) == by_people
            ]
            if rows:
                connection.execute(statement_, rows)

    def _write_steps(self, connection: Connection) -> None:
        table = HitBucket.__table__
        statement = sql.insert(connection, table)  # type: ignore[arg-type]
        statement = statement.on_conflict_do_update(
            index_elements=["campaign_id", "at", "kind"],
            set_={"value": table.c.value + statement.excluded.value},
        )
        rows = [
            {"campaign_id": campaign_id, "at": at, "kind": kind, "value": value}
            for (campaign_id, at, kind), value in sorted(self._steps.items())
            if value
        ]
        if rows:
            connection.execute(statement, rows)


_HIT = insert(Hit.__table__).values(  # type: ignore[arg-type]
    {each.name: bindparam(f"b_{each.name}") for each in Hit.__table__.columns if each.name != "id"}
)
_MAIL = (
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("b_id"))
    .values(
        opens=Message.opens + bindparam("b_opens"),
        clicks=bindparam("b_clicks"),
        machine_hits=bindparam("b_machine_hits"),
        opened_at=bindparam("b_opened_at"),
        clicked_at=bindparam("b_clicked_at"),
    )
)


@lru_cache(8)
def _batch(dialect: Dialect, name: str) -> bulk.Batch:
    return bulk.Batch({"hits": _HIT.inline(), "mails": _MAIL}[name], dialect)


def _execute(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """One of the two statements that are executed for every hit."""
    batch = _batch(connection.dialect, name)
    for row in rows:
        for column, value in row.items():
            if isinstance(value, datetime):
                row[column] = batch.time(value)
    batch.execute(connection, rows)


def _step(at: datetime) -> datetime:
    """The beginning of the chart's ten-minute step."""
    minutes = int(STEP.total_seconds() // 60)
    return at.replace(minute=at.minute - at.minute % minutes, second=0, microsecond=0)
