"""One search over everything a user may see: bounded, grouped by kind."""

from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from ctm import permissions, sql
from ctm.clients.search import search as search_clients
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Campaign, Contact, Mailing, Message, SmtpAccount, User
from ctm.permissions import Permission, allows
from ctm.portfolio import finding

LONGEST = 200
SHORTEST = 2
MOST_WEIGHED = 2_000


@dataclass(frozen=True)
class Found:
    """One record: its number, what it is called, what tells it from others of that name.

    ``owner`` is the record it belongs to: the client of a contact or mail, a mail's campaign.
    """

    id: int
    label: str
    detail: str = ""
    status: str = ""
    owner: int | None = None


@dataclass(frozen=True)
class Group:
    """What was found of one kind; ``more`` says that there is more than is shown."""

    kind: str
    title: object
    found: list[Found] = field(default_factory=list)
    more: bool = False


def search(text: str, user: User, limit: int = 8) -> list[Group]:
    """Everything the user may see that matches, kind by kind; kinds without a match are left out.

    Fewer than two letters find nothing.
    """
    text = " ".join(text.split())[:LONGEST]
    if len(text) < SHORTEST:
        return []
    kinds = (
        ("clients", _l("Clients"), Permission.VIEW_CLIENTS, _clients),
        ("contacts", _l("Contacts"), Permission.VIEW_CLIENTS, _contacts),
        ("policies", _l("Policies"), Permission.VIEW_CLIENTS, _policies),
        ("campaigns", _l("Campaigns"), Permission.VIEW_CAMPAIGNS, _campaigns),
        ("mails", _l("Mails"), Permission.VIEW_MAIL, _mails),
        ("accounts", _l("SMTP accounts"), Permission.USE_ACCOUNTS, _accounts),
        ("users", _l("Users"), Permission.MANAGE_USERS, _users),
    )
    groups = []
    for kind, title, permission, find in kinds:
        if allows(user, permission):
            found = find(text, user, limit + 1)
            if found:
                groups.append(Group(kind, title, found[:limit], len(found) > limit))
    return groups


def _clients(text: str, _user: User, limit: int) -> list[Found]:
    return [
        Found(
            client.id,
            client.display_name,
            " · ".join(part for part in (client.email1, client.city) if part),
            "" if client.active else "inactive",
        )
        for client in search_clients(text, limit)
    ]


def _contacts(text: str, _user: User, limit: int) -> list[Found]:
    name = Contact.first_name + " " + Contact.last_name
    query = (
        select(Contact)
        .options(joinedload(Contact.client))
        .where(or_(sql.holds(name, text), sql.holds(Contact.email, text)))
        .order_by(Contact.last_name, Contact.id)
        .limit(limit)
    )
    return [
        Found(
            contact.id,
            str(contact),
            " · ".join(part for part in (contact.email, contact.client.display_name) if part),
            owner=contact.client_id,
        )
        for contact in db.session.scalars(query)
    ]


def _policies(text: str, _user: User, limit: int) -> list[Found]:
    return [
        Found(
            policy.id,
            policy.number,
            " · ".join(part for part in (policy.client.display_name, policy.company) if part),
        )
        for policy in finding.by_number(text, limit)
    ]


def _campaigns(text: str, _user: User, limit: int) -> list[Found]:
    query = (
        select(Campaign)
        .where(or_(sql.holds(Campaign.name, text), sql.holds(Campaign.subject, text)))
        .order_by(Campaign.id.desc())
        .limit(limit)
    )
    return [Found(one.id, one.name, one.subject, one.state) for one in db.session.scalars(query)]


def _mails(text: str, _user: User, limit: int) -> list[Found]:
    """By the start of the recipient's address, which is indexed; newest first, of very many
    those first in the alphabet."""
    key = text.lower()
    some = (
        select(Message.id)
        .where(Message.recipient_key >= key, Message.recipient_key < key + "\U0010ffff")
        .order_by(Message.recipient_key)
        .limit(MOST_WEIGHED)
    )
    query = (
        select(Message)
        .where(Message.id.in_(some))
        .options(joinedload(Message.mailing).joinedload(Mailing.campaign))
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [_mail(message) for message in db.session.scalars(query)]


def _mail(message: Message) -> Found:
    steps = (
        ("removed", message.removed_at),
        ("clicked", message.clicked_at),
        ("read", message.opened_at),
    )
    status = next((name for name, at in steps if at), message.state)
    campaign = message.mailing.campaign
    detail = campaign.name if campaign else message.mailing.subject
    return Found(message.id, message.to_address, detail, status, message.client_id)


def _accounts(text: str, user: User, limit: int) -> list[Found]:
    query = permissions.visible_accounts(user).where(
        or_(sql.holds(SmtpAccount.name, text), sql.holds(SmtpAccount.from_email, text))
    )
    return [
        Found(one.id, one.name, one.from_email, "stopped" if one.stopped_at else "")
        for one in db.session.scalars(query.limit(limit))
    ]


def _users(text: str, _user: User, limit: int) -> list[Found]:
    query = (
        select(User)
        .where(or_(sql.holds(User.name, text), sql.holds(User.email, text)))
        .order_by(sql.fold(User.name))
        .limit(limit)
    )
    return [
        Found(one.id, one.name, one.email, "" if one.active else "inactive")
        for one in db.session.scalars(query)
    ]
