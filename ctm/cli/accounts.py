"""``accounts create`` and ``accounts test``."""

import os
import sys

import click
from flask.cli import AppGroup
from sqlalchemy import select

from ctm.accounts import operations
from ctm.accounts.presets import BY_CODE
from ctm.cli.output import answer, command
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Security, SmtpAccount, User
from ctm.sender import operations as sender
from ctm.sender import words
from ctm.sender.report import PROBLEM

accounts = AppGroup("accounts", help="SMTP accounts.")
PASSWORD_VARIABLE = "CTM_ACCOUNT_PASSWORD"  # noqa: S105 - the variable's name


@accounts.command("create")
@click.argument("name")
@click.option("--provider", type=click.Choice(list(BY_CODE)), default="custom")
@click.option("--from-email", required=True)
@click.option("--from-name", default="")
@click.option("--reply-to", default="")
@click.option("--dkim-selector", default="", help="If it is known; else the usual are tried.")
@click.option("--host", default=None, help="Left out: the provider's.")
@click.option("--port", type=int, default=None)
@click.option("--security", type=click.Choice([each.value for each in Security]), default=None)
@click.option("--username", default="")
@click.option("--connections", type=int, default=2)
@click.option("--limit", "limits", multiple=True, help="MESSAGES/SECONDS, e.g. 250/1200.")
@click.option("--user", "emails", multiple=True, help="E-mail of a user who may send with it.")
@command
def create(
    name: str,
    provider: str,
    host: str | None,
    port: int | None,
    security: str | None,
    limits: tuple[str, ...],
    emails: tuple[str, ...],
    as_json: bool,
    **values: object,
) -> None:
    """Create an account. The password is read from CTM_ACCOUNT_PASSWORD."""
    preset = BY_CODE[provider]
    given = values | {
        "name": name,
        "provider": provider,
        "host": host or preset.host,
        "port": port or preset.port,
        "security": security or preset.security.value,
        "password": os.environ.get(PASSWORD_VARIABLE, ""),
        "limits": [_limit(each) for each in limits] or [list(each) for each in preset.limits],
        "user_ids": [_user(email).id for email in emails],
    }
    account = operations.create(given)
    answer(as_json, f"Account “{account.name}” created.", id=account.id, name=account.name)


def _limit(text: str) -> list[int]:
    messages, _slash, seconds = text.partition("/")
    if not (messages.isdecimal() and seconds.isdecimal()):
        raise InvalidInput(_l("“%(text)s” is no limit: write MESSAGES/SECONDS.", text=text))
    return [int(messages), int(seconds)]


def _user(email: str) -> User:
    user: User | None = db.session.scalar(select(User).where(User.email == email.lower()))
    if user is None:
        raise NotFound(_l("There is no user %(email)s.", email=email))
    return user


@accounts.command("dns")
@click.argument("name")
@command
def dns(name: str, as_json: bool) -> None:
    """Check SPF, DKIM, DMARC and MX of the account's domain. Exit status 1 at a problem."""
    account = _named(name)
    if account.practice:
        raise Conflict(
            _l("“%(name)s” delivers to the practice mailbox: no DNS is asked.", name=name)
        )
    found = sender.look(account)
    lines = []
    for each in found.findings:
        lines.append(f"{each.level.upper()} {words.PARTS[each.part]}: {words.says(each)}")
        lines += [f"  {text}" for text in (words.next_step(each),) if text]
        lines += [f"  {' '.join(each.write)}"] if each.write else []
    answer(as_json, "\n".join(lines), level=found.level, **found.to_dict())
    if found.level == PROBLEM:
        sys.exit(1)


def _named(name: str) -> SmtpAccount:
    account: SmtpAccount | None = db.session.scalar(
        select(SmtpAccount).where(SmtpAccount.name == name)
    )
    if account is None:
        raise NotFound(_l("There is no account “%(name)s”.", name=name))
    return account


@accounts.command("test")
@click.argument("name")
@command
def test(name: str, as_json: bool) -> None:
    """Connect and log in; shows the server's words. Exit status 1 if it fails."""
    account = _named(name)
    result = operations.test(account)
    if not result.ok:
        raise Conflict(f"{result.words}\n{result.hint}")
    answer(as_json, result.words, ok=True, server=result.words)
