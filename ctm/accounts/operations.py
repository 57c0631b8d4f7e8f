"""Entering, changing, testing and restarting accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select

from ctm import audit, practice, settings
from ctm.accounts import checks, probe
from ctm.clock import utcnow
from ctm.errors import Conflict, NotAllowed, NotFound, Unavailable
from ctm.extensions import db
from ctm.i18n import _l
from ctm.keys import Vault
from ctm.models import Campaign, Mailing, Message, Security, SmtpAccount, User
from ctm.permissions import visible_accounts

CONNECTION = ("provider", "host", "port", "security", "username")


@dataclass(frozen=True)
class Endpoint:
    """Where an account's mails go, and how to log in there. The password is in clear."""

    host: str
    port: int
    security: Security
    username: str
    password: str


def get(account_id: int, user: User) -> SmtpAccount:
    """
    :raises NotFound: no such account, or none this user is enabled for.
    """
    account: SmtpAccount | None = db.session.scalar(
        visible_accounts(user).where(SmtpAccount.id == account_id)
    )
    if account is None:
        raise NotFound(_l("There is no such account, or you are not enabled for it."))
    return account


def endpoint(account: SmtpAccount) -> Endpoint:
    """Where to connect for this account.

    :raises Unavailable: the practice mailbox is off, or the password cannot be read.
    :raises NotAllowed: the demo office writes to nobody outside.
    """
    if account.practice:
        port = practice.port()
        if not port:
            raise Unavailable(_l("The practice mailbox is off (CTM_PRACTICE_PORT is 0)."))
        return Endpoint("127.0.0.1", port, Security.NONE, "", "")
    _only_practice_in_demo(False)
    password = _vault().open(account.password_sealed) if account.password_sealed else ""
    security = Security(account.security)
    return Endpoint(account.host, account.port, security, account.username, password)


def create(values: Mapping[str, Any]) -> SmtpAccount:
    """Add an account. ``values`` are the fields' names; ``password`` in clear, ``user_ids``,
    ``limits`` as ``[[messages, seconds], …]``.

    :raises InvalidFields: what cannot be accepted, field by field.
    :raises NotAllowed: not a practice account, in the demo office.
    """
    cleaned = checks.clean(values, None)
    _only_practice_in_demo(cleaned["practice"])
    account = SmtpAccount(name=cleaned["name"], from_email=cleaned["from_email"])
    _assign(account, cleaned)
    db.session.add(account)
    db.session.flush()
    audit.record("account.create", account, provider=account.provider, host=account.host)
    db.session.commit()
    return account


def update(account: SmtpAccount, values: Mapping[str, Any]) -> SmtpAccount:
    """Change an account; an empty ``password`` leaves the stored one. Another server or login
    makes it untested, and lets it start again if it was stopped.

    :raises InvalidFields: what cannot be accepted, field by field.
    :raises NotAllowed: not a practice account, in the demo office.
    """
    cleaned = checks.clean(values, account)
    _only_practice_in_demo(cleaned["practice"])
    before = {name: getattr(account, name) for name in cleaned if hasattr(account, name)}
    _assign(account, cleaned)
    changed = sorted(name for name, value in before.items() if getattr(account, name) != value)
    if cleaned["password"]:
        changed.append("password")
    if set(changed) & {*CONNECTION, "password"}:
        account.tested_at = account.test_ok = None
        account.test_words = ""
        _clear_stop(account)
    audit.record("account.update", account, changed=changed)
    db.session.commit()
    return account


def delete(account: SmtpAccount) -> None:
    """Remove an account nothing was sent from.

    :raises Conflict: campaigns or mails name it.
    """
    for column in (Campaign.account_id, Mailing.account_id, Message.account_id):
        if db.session.scalar(select(column).where(column == account.id).limit(1)) is not None:
            raise Conflict(
                _l(
                    "Campaigns or sent mails name “%(name)s”, so it stays. Make it not active "
                    "instead.",
                    name=account.name,
                )
            )
    audit.record("account.delete", account)
    db.session.delete(account)
    db.session.commit()


def test(account: SmtpAccount) -> probe.Result:
    """Connect, log in and hang up; no mail is sent. The answer is kept with the account.

    :raises NotAllowed: not a practice account, in the demo office.
    """
    account_id = account.id
    point = endpoint(account)
    allow_private = account.practice or bool(current_app.config["CTM_ALLOW_PRIVATE_HOSTS"])
    provider = account.provider
    db.session.rollback()  # no transaction stays open while a server takes its time
    result = probe.probe(point, provider, allow_private)
    found = db.session.get(SmtpAccount, account_id)
    if found is None:
        raise NotFound(_l("The account was deleted in the meantime."))
    found.tested_at, found.test_ok, found.test_words = utcnow(), result.ok, result.words
    audit.record("account.test", found, ok=result.ok, words=result.words)
    db.session.commit()
    return result


def restart(account: SmtpAccount) -> None:
    """Let a stopped or waiting account send again."""
    _clear_stop(account)
    audit.record("account.restart", account)
    db.session.commit()


def _clear_stop(account: SmtpAccount) -> None:
    account.stopped_at = account.retry_at = None
    account.stopped_reason = ""


def _assign(account: SmtpAccount, cleaned: Mapping[str, Any]) -> None:
    for name, value in cleaned.items():
        if name == "password":
            if value:
                account.password_sealed = _vault().seal(value)
        elif name == "user_ids":
            query = select(User).where(User.id.in_(value))
            account.users = list(db.session.scalars(query))
        else:
            setattr(account, name, value)
    if account.practice or not account.username:
        account.password_sealed = None


def _only_practice_in_demo(is_practice: bool) -> None:
    if settings.is_demo() and not is_practice:
        raise NotAllowed(
            _l(
                "The demo office sends to the practice mailbox only, so that no mail of it "
                "leaves this machine. Set up your own office to use real accounts."
            )
        )


def _vault() -> Vault:
    vault: Vault = current_app.extensions["ctm.vault"]
    return vault
