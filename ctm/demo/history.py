"""The finished campaign's past: who got its mail, who read, clicked, removed themselves."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from ctm import counters
from ctm.extensions import db
from ctm.mailing import outcomes
from ctm.models import (
    CampaignMember,
    Hit,
    HitBucket,
    HitKind,
    LinkCounter,
    Mailing,
    Message,
    MessageState,
    Outcome,
    Suppression,
)

READERS, CLICKERS, REMOVERS, UNKNOWN, PROXIES = 0.58, 0.36, 0.02, 0.025, 0.2
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
DESK = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
SCANNER = "Mozilla/5.0 (compatible; MailScanner/3.2; link check)"
MACHINE_REASON = "agent"


class History:
    """Makes up what happened, message by message, and keeps the counts as the pages need them."""

    def __init__(self, rng: Random, mailing: Mailing, began: datetime, now: datetime) -> None:
        self.rng = rng
        self.mailing = mailing
        self.began = began
        self.now = now
        self.hits: list[Hit] = []
        self.reached: dict[Outcome, list[int]] = {outcome: [] for outcome in Outcome}
        self.suppressed: list[Suppression] = []

    def write(self, members: Sequence[CampaignMember]) -> None:
        """Add the messages and all that follows from them to the session."""
        messages = [self._message(index, member) for index, member in enumerate(members)]
        db.session.add_all(messages)
        db.session.flush()
        for message in messages:
            self._deliver(message)
        self.hits.sort(key=lambda hit: hit.at)
        db.session.add_all([*self.hits, *self.suppressed])
        db.session.flush()
        for outcome, member_ids in self.reached.items():
            outcomes.reach(db.session, outcome, member_ids)
        self._count(messages)

    def _message(self, index: int, member: CampaignMember) -> Message:
        at = self.began + timedelta(seconds=index * 1.2)
        client = member.client
        return Message(
            mailing_id=self.mailing.id,
            account_id=self.mailing.account_id,
            campaign_id=member.campaign_id,
            member_id=member.id,
            client_id=client.id,
            recipient_key=client.email1.lower(),
            to_address=client.email1,
            to_name=client.display_name,
            source="email1",
            message_id=f"<{self.rng.getrandbits(128):032x}@brera.example>",
            merge_values={"clienti.nominativo": client.display_name},
            created_at=self.began,
            attempted_at=at,
            attempts=1,
            opens=0,
            clicks=0,
            machine_hits=0,
        )

    def _deliver(self, message: Message) -> None:
        member_id = message.member_id or 0
        if self.rng.random() < UNKNOWN:
            message.state = MessageState.FAILED
            message.server_code = 550
            message.server_words = (
                f"550 5.1.1 <{message.to_address}>: Recipient address rejected: User unknown"
            )
            self.reached[Outcome.FAILED].append(member_id)
            return
        message.state = MessageState.SENT
        message.sent_at = message.attempted_at
        message.server_code = 250
        message.server_words = f"250 2.0.0 Ok: queued as {self.rng.getrandbits(40):010X}"
        message.size = 6200 + self.rng.randint(0, 80)
        self.reached[Outcome.SENT].append(member_id)
        if self.rng.random() < PROXIES:
            self._machine(message)
        if self.rng.random() < READERS:
            self._read(message)

    def _machine(self, message: Message) -> None:
        at = (message.sent_at or self.began) + timedelta(seconds=self.rng.randint(1, 4))
        self._hit(message, HitKind.OPEN, at, machine=MACHINE_REASON)
        if self.rng.random() < 0.3:
            for link in self.mailing.links:
                self._hit(message, HitKind.CLICK, at, link.id, machine=MACHINE_REASON)

    def _read(self, message: Message) -> None:
        delay = timedelta(hours=self.rng.lognormvariate(1.3, 1.2), seconds=self.rng.randint(20, 90))
        at = (message.sent_at or self.began) + delay
        if at >= self.now:
            return
        message.opened_at = at
        self.reached[Outcome.READ].append(message.member_id or 0)
        for _each in range(self.rng.choice((1, 1, 1, 2, 3))):
            if at < self.now:
                self._hit(message, HitKind.OPEN, at)
                last = at
            at += timedelta(minutes=self.rng.randint(3, 900))
        if self.rng.random() < CLICKERS:
            self._click(message, last)
        if self.rng.random() < REMOVERS:
            self._remove(message, last)

    def _click(self, message: Message, after: datetime) -> None:
        links = self.mailing.links
        chosen = self.rng.choices(links, (0.6, 0.28, 0.12), k=self.rng.choice((1, 1, 2)))
        for number, link in enumerate(chosen):
            at = after + timedelta(seconds=self.rng.randint(8, 140) + 60 * number)
            if at >= self.now:
                return
            if message.clicked_at is None:
                message.clicked_at = at
                self.reached[Outcome.CLICKED].append(message.member_id or 0)
            self._hit(message, HitKind.CLICK, at, link.id)

    def _remove(self, message: Message, after: datetime) -> None:
        at = after + timedelta(seconds=self.rng.randint(10, 60))
        if at >= self.now:
            return
        message.removed_at = at
        self.reached[Outcome.REMOVED].append(message.member_id or 0)
        self._hit(message, HitKind.REMOVE, at)
        self.suppressed.append(
            Suppression(
                address=message.recipient_key,
                reason="removed",
                message_id=message.id,
                created_at=at,
            )
        )

    def _hit(
        self,
        message: Message,
        kind: HitKind,
        at: datetime,
        link_id: int | None = None,
        machine: str = "",
    ) -> None:
        agent = SCANNER if machine else (PHONE if message.id % 3 else DESK)
        self.hits.append(
            Hit(
                at=at,
                kind=kind,
                campaign_id=message.campaign_id,
                message_id=message.id,
                link_id=link_id,
                method="POST" if kind == HitKind.REMOVE else "GET",
                ip=f"192.0.2.{message.id % 250 + 1}",
                user_agent=agent,
                machine=machine,
            )
        )
        if machine:
            message.machine_hits += 1
        elif kind == HitKind.OPEN:
            message.opens += 1
        elif kind == HitKind.CLICK:
            message.clicks += 1

    def _count(self, messages: Sequence[Message]) -> None:
        """Keep the counters, the links' counts and the chart's steps."""
        campaign_id = self.mailing.campaign_id or 0
        states = Counter(message.state for message in messages)
        machines = Counter(hit.kind for hit in self.hits if hit.machine)
        counters.add(
            campaign_id,
            {
                "total": len(messages),
                "sent": states[MessageState.SENT],
                "failed": states[MessageState.FAILED],
                "read": sum(message.opened_at is not None for message in messages),
                "clicked": sum(message.clicked_at is not None for message in messages),
                "removed": sum(message.removed_at is not None for message in messages),
                "machine_read": machines[HitKind.OPEN],
                "machine_clicked": machines[HitKind.CLICK],
            },
        )
        self._count_links(campaign_id, {message.id: message for message in messages})
        steps = Counter(
            (_ten_minutes(hit.at), hit.kind)
            for hit in self.hits
            if not hit.machine and hit.kind in {HitKind.OPEN, HitKind.CLICK}
        )
        db.session.add_all(
            HitBucket(campaign_id=campaign_id, at=at, kind=kind, value=value)
            for (at, kind), value in steps.items()
        )

    def _count_links(self, campaign_id: int, messages: dict[int, Message]) -> None:
        urls = {link.id: link.url for link in self.mailing.links}
        rows: dict[str, LinkCounter] = {}
        seen: set[tuple[str, int]] = set()
        for hit in self.hits:
            if hit.kind == HitKind.REMOVE:
                continue
            url = urls[hit.link_id] if hit.link_id else "READ"
            row = rows.setdefault(
                url,
                LinkCounter(campaign_id=campaign_id, url=url, requests=0, people=0, machines=0),
            )
            if hit.machine:
                row.machines += 1
            else:
                row.requests += 1
                row.people += (url, hit.message_id) not in seen
                seen.add((url, hit.message_id))
                row.last_at = hit.at
                row.last_client_id = messages[hit.message_id].client_id
        db.session.add_all(rows.values())


def _ten_minutes(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0)
