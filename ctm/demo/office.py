"""The demo office as a whole, made in one transaction."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from argon2 import PasswordHasher
from flask import current_app
from sqlalchemy import select

from ctm import audit, config, counters, settings
from ctm.clients import checks, operations
from ctm.clock import utcnow
from ctm.demo import EMAIL, PASSWORD, agreements, letters, mails, people, portfolio
from ctm.demo.history import History
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import snapshot
from ctm.models import (
    Campaign,
    CampaignMember,
    CampaignState,
    Client,
    Contact,
    ListStatus,
    MailingKind,
    MailingState,
    Outcome,
    OutcomeStatus,
    Role,
    Security,
    SmtpAccount,
    Suppression,
    TrackedLink,
    User,
)

SEED = 1978
USERS = (
    (EMAIL, "Chiara Lombardi", Role.ADMINISTRATOR),
    ("responsabile@brera.example", "Paolo Ferri", Role.MANAGER),
    ("operatore@brera.example", "Marta Colombo", Role.OPERATOR),
    ("supervisore@brera.example", "Luca Rinaldi", Role.SUPERVISOR),
)
STATUSES = (
    ("Da contattare", "todo"),
    ("Inviato", "sent"),
    ("Letto", "read"),
    ("Interessato", "clicked"),
    ("Appuntamento fissato", "good"),
    ("Rimosso", "removed"),
    ("Indirizzo errato", "failed"),
)
OUTCOMES = {
    Outcome.FAILED: "Indirizzo errato",
    Outcome.SENT: "Inviato",
    Outcome.READ: "Letto",
    Outcome.CLICKED: "Interessato",
    Outcome.REMOVED: "Rimosso",
}
FINISHED_MEMBERS, READY_MEMBERS = 210, 120


def is_empty() -> bool:
    """Whether nobody has worked in this database yet."""
    return all(db.session.scalar(select(model.id).limit(1)) is None for model in (User, Client))


def site() -> str:
    """Where the agency's web site is played: on this installation."""
    return f"{config.local_url(current_app.config)}/demo-site"


def create(now: datetime | None = None) -> dict[str, int]:
    """Fill an empty database with the demo office; returns what was made, in numbers.

    The links of its mails lead to this installation, so that a click shows a page.

    :raises Conflict: the database is not empty.
    """
    if not is_empty():
        raise Conflict(_l("The demo office goes into an empty database only; this one is in use."))
    now = (now or utcnow()).replace(microsecond=0)
    rng = Random(SEED)  # noqa: S311 - the same office every time
    settings.put("office_name", "Assicurazioni Brera")
    settings.put("office_language", "it")
    settings.put("demo", True)
    users = _users()
    account = _account(users)
    statuses = {
        name: ListStatus(name=name, colour=colour, position=position)
        for position, (name, colour) in enumerate(STATUSES, start=1)
    }
    db.session.add_all([account, *statuses.values()])
    db.session.flush()
    clients = _clients(rng, now)
    _finished(rng, now, account, statuses, clients)
    _ready(rng, now, account, statuses, clients)
    agreements.write(Random(SEED), clients, now)  # noqa: S311 - the same consents every time
    letters.create()
    policies = portfolio.create(Random(SEED), now.date(), clients)  # noqa: S311
    audit.record("demo.create", clients=len(clients))
    db.session.commit()
    return {"users": len(users), "clients": len(clients), "campaigns": 2, "policies": policies}


def _users() -> list[User]:
    hasher = PasswordHasher()
    users = [
        User(
            email=email,
            name=name,
            role=role,
            password_hash=hasher.hash(PASSWORD),
            session_stamp=f"demo-{number}",
            language="it",
            active=True,
        )
        for number, (email, name, role) in enumerate(USERS)
    ]
    db.session.add_all(users)
    return users


def _account(users: list[User]) -> SmtpAccount:
    return SmtpAccount(
        name="Posta di prova",
        host="127.0.0.1",
        port=2525,
        security=Security.NONE,
        from_email="agenzia@brera.example",
        from_name="Assicurazioni Brera",
        reply_to="clienti@brera.example",
        connections=2,
        practice=True,
        users=users,
    )


def _clients(rng: Random, now: datetime) -> list[Client]:
    made = []
    for values in people.clients(rng, now.date()):
        contacts = values.pop("contacts")
        client = Client(contacts=[Contact(**checks.clean_contact(each)) for each in contacts])
        operations.assign(client, checks.clean_client(values))
        client.created_at = client.updated_at = now - timedelta(
            days=rng.randint(20, 900), minutes=rng.randint(0, 1400)
        )
        db.session.add(client)
        made.append(client)
    db.session.flush()
    return made


def _campaign(
    now: datetime,
    account: SmtpAccount,
    statuses: dict[str, ListStatus],
    clients: list[Client],
    **values: Any,
) -> tuple[Campaign, list[CampaignMember]]:
    """A campaign with its list; its counters agree with it."""
    first = statuses["Da contattare"]
    campaign = Campaign(
        account=account,
        body_format="html",
        use_email1=True,
        use_email2=False,
        initial_status=first,
        created_at=now,
        outcome_statuses=[
            OutcomeStatus(outcome=outcome, list_status=statuses[name])
            for outcome, name in OUTCOMES.items()
        ],
        **values,
    )
    db.session.add(campaign)
    db.session.flush()
    members = [
        CampaignMember(
            campaign_id=campaign.id,
            client_id=client.id,
            client=client,
            list_status_id=first.id,
            added_at=now,
            changed_at=now,
        )
        for client in clients
    ]
    db.session.add_all(members)
    db.session.flush()
    counters.add(campaign.id, {"members": len(members), f"status:{first.id}": len(members)})
    return campaign, members


def _finished(
    rng: Random,
    now: datetime,
    account: SmtpAccount,
    statuses: dict[str, ListStatus],
    clients: list[Client],
) -> None:
    """“Check-up casa e famiglia”: sent twelve days ago, with its statistics."""
    persons = [each for each in clients if each.kind == "person" and each.active and each.email1]
    chosen = sorted(rng.sample(persons, FINISHED_MEMBERS), key=lambda each: each.display_name)
    began = (now - timedelta(days=12)).replace(hour=8, minute=30, second=0)
    ended = began + timedelta(seconds=FINISHED_MEMBERS * 1.2)
    campaign, members = _campaign(
        began - timedelta(days=3),
        account,
        statuses,
        chosen,
        name="Check-up casa e famiglia",
        subject=mails.HOME_SUBJECT,
        body_html=mails.HOME_HTML.replace(mails.SITE, site()),
        delay_seconds=1.2,
        state=CampaignState.FINISHED,
        started_at=began,
        finished_at=ended,
    )
    mailing = snapshot.take(campaign, MailingKind.CAMPAIGN, None)
    mailing.options = mailing.options | {"public_url": config.local_url(current_app.config)}
    mailing.links = [
        TrackedLink(position=position, url=url)
        for position, url in enumerate(snapshot.compile_mailing(mailing).links, start=1)
    ]
    mailing.state = MailingState.FINISHED
    mailing.created_at = began
    mailing.finished_at = mailing.last_delivery_at = ended
    db.session.flush()
    History(rng, mailing, began, now).write(members)
    _by_hand(rng, members, statuses)


def _by_hand(rng: Random, members: list[CampaignMember], statuses: dict[str, ListStatus]) -> None:
    """Some of those who clicked were called; an operator set their status."""
    wanted = statuses["Appuntamento fissato"]
    for member in members:
        db.session.refresh(member)
        if member.outcome == Outcome.CLICKED and rng.random() < 0.3:
            before = member.list_status_id or 0
            member.list_status_id, member.by_hand = wanted.id, True
            counters.add(member.campaign_id, {f"status:{before}": -1, f"status:{wanted.id}": 1})


def _ready(
    rng: Random,
    now: datetime,
    account: SmtpAccount,
    statuses: dict[str, ListStatus],
    clients: list[Client],
) -> None:
    """“Rinnovo RC Auto”: ready to start, with a few clients that will be left out."""
    gone = set(db.session.scalars(select(Suppression.address)))
    removed = [each for each in clients if each.email1 in gone][:2]
    persons = [each for each in clients if each.kind == "person" and each not in removed]
    working = [each for each in persons if each.active and each.email1]
    unknown, twins = working[:2], working[2:4]
    for client in unknown:
        client.email1 = f"inesistente.{people.slug(client.last_name)}@posta.example"
    twins[1].email1 = twins[0].email1
    silent = [each for each in persons if not each.email1][:2]
    idle = [each for each in persons if each.email1 and not each.active][:1]
    named = [*removed, *unknown, *twins, *silent, *idle]
    for client in (*unknown, twins[1]):
        operations.refresh(client)
    firms = [each for each in clients if each.kind == "company" and each.active]
    chosen = named + rng.sample(firms, 30)
    chosen += rng.sample(working[4:], READY_MEMBERS - len(chosen))
    _campaign(
        now - timedelta(days=1),
        account,
        statuses,
        sorted(chosen, key=lambda each: each.display_name),
        name="Rinnovo RC Auto",
        notes="Scadenze di fine mese. Richiamare chi clicca sul preventivo.",
        subject=mails.RENEWAL_SUBJECT,
        body_html=mails.RENEWAL_HTML.replace(mails.SITE, site()),
        delay_seconds=0.25,
    )
