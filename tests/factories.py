"""Records for tests. Each function saves and returns one, with sensible values for the rest."""

import itertools
from typing import Any

from ctm.extensions import db
from ctm.models import (
    Campaign,
    CampaignMember,
    Client,
    ListStatus,
    Role,
    SmtpAccount,
    User,
)

_number = itertools.count(1)


def _save(record: Any) -> Any:
    db.session.add(record)
    db.session.commit()
    return record


def user(**values: Any) -> User:
    n = next(_number)
    values = {
        "email": f"user{n}@office.example",
        "name": f"User {n}",
        "role": Role.OPERATOR,
        "password_hash": "",
        "session_stamp": f"stamp{n}",
        "language": "en",
    } | values
    return _save(User(**values))  # type: ignore[no-any-return]


def customer(**values: Any) -> Client:
    n = next(_number)
    values = {
        "first_name": f"Name{n}",
        "last_name": f"Surname{n}",
        "display_name": f"Surname{n} Name{n}",
        "email1": f"client{n}@example.com",
        "search_text": f"surname{n} name{n} client{n}@example.com",
    } | values
    return _save(Client(**values))  # type: ignore[no-any-return]


def account(**values: Any) -> SmtpAccount:
    n = next(_number)
    values = {
        "name": f"Account {n}",
        "host": "127.0.0.1",
        "port": 2525,
        "security": "none",
        "from_email": f"office{n}@office.example",
        "from_name": "The Office",
    } | values
    return _save(SmtpAccount(**values))  # type: ignore[no-any-return]


def list_status(name: str, **values: Any) -> ListStatus:
    return _save(ListStatus(name=name, **values))  # type: ignore[no-any-return]


def campaign(**values: Any) -> Campaign:
    n = next(_number)
    if "account" not in values and "account_id" not in values:
        values["account"] = account()
    values = {
        "name": f"Campaign {n}",
        "subject": "Renewal for [clienti.nome]",
        "body_html": '<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>',
    } | values
    return _save(Campaign(**values))  # type: ignore[no-any-return]


def member(of: Campaign, who: Client, **values: Any) -> CampaignMember:
    record = CampaignMember(campaign_id=of.id, client_id=who.id, **values)
    return _save(record)  # type: ignore[no-any-return]
