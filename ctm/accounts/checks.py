"""What an account's fields may hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app
from sqlalchemy import select

from ctm.accounts.addresses import check_host, clean_host, clean_port
from ctm.accounts.presets import BY_CODE
from ctm.clients.checks import InvalidFields, clean_email, clean_text
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Security, SmtpAccount, User

MAX_CONNECTIONS = 10
SELECTOR = re.compile(
    r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*"
)
MAX_LIMITS = 5
MAX_MESSAGES = 1_000_000
MAX_SECONDS = 31 * 86400


def clean(values: Mapping[str, Any], account: SmtpAccount | None) -> dict[str, Any]:
    """The values as they are stored; ``account`` is the one that changes, if any.

    :raises InvalidFields: what cannot be accepted, field by field.
    """
    errors: dict[str, object] = {}

    def take(name: str, read: Callable[[Any], Any], default: Any = "") -> Any:
        try:
            return read(values.get(name) or default)
        except InvalidInput as error:
            errors[name] = error.args[0]
            return default

    provider = take("provider", _provider, "custom")
    practice = provider == "practice"
    cleaned = {
        "name": take("name", lambda text: _name(text, account)),
        "provider": provider,
        "practice": practice,
        "from_email": take("from_email", _from_email),
        "from_name": take("from_name", lambda text: clean_text(text, 120)),
        "reply_to": take("reply_to", clean_email),
        "dkim_selector": take("dkim_selector", _selector),
        "connections": take("connections", _connections, 2),
        "limits": take("limits", _limits, []),
        "active": bool(values.get("active", True)),
        "user_ids": take("user_ids", _user_ids, []),
        "host": "127.0.0.1",
        "port": BY_CODE["practice"].port,
        "security": Security.NONE.value,
        "username": "",
        "password": "",
    }
    if not practice:
        cleaned["host"] = take("host", _host)
        cleaned["port"] = take("port", clean_port, 0)
        cleaned["security"] = take("security", _security)
        cleaned["username"] = take("username", lambda text: clean_text(text, 254))
        cleaned["password"] = take("password", _password)
        _login_fits(cleaned, account, errors)
    if errors:
        raise InvalidFields(errors)
    return cleaned


def _login_fits(
    cleaned: Mapping[str, Any], account: SmtpAccount | None, errors: dict[str, object]
) -> None:
    """A login needs both halves, and protection on its way."""
    stored = account is not None and bool(account.password_sealed)
    moved = account is not None and stored and cleaned["host"] != account.host
    if cleaned["username"] and not cleaned["password"] and (not stored or moved):
        errors.setdefault(
            "password",
            _l("Type the password again: it is not handed to another server.")
            if moved
            else _l("The password is needed for this user name."),
        )
    if cleaned["password"] and not cleaned["username"]:
        errors.setdefault("username", _l("The user name is needed for this password."))
    unprotected = cleaned["security"] == Security.NONE and cleaned["username"]
    if unprotected and not current_app.config["CTM_ALLOW_PRIVATE_HOSTS"]:
        errors.setdefault(
            "security",
            _l("Without protection anybody on the way could read the password. Choose TLS."),
        )


def _name(text: str, account: SmtpAccount | None) -> str:
    name = clean_text(text, 120)
    if not name:
        raise InvalidInput(_l("A name is needed, to recognise the account by."))
    taken = select(SmtpAccount.id).where(SmtpAccount.name == name)
    if account is not None:
        taken = taken.where(SmtpAccount.id != account.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("Another account is called “%(name)s”.", name=name))
    return name


def _provider(text: str) -> str:
    if text not in BY_CODE:
        raise InvalidInput(_l("Choose one of the providers, or “Another provider”."))
    return text


def _security(text: str) -> str:
    if text not in set(Security):
        raise InvalidInput(_l("Choose how the connection is protected."))
    return Security(text).value


def _host(text: str) -> str:
    host = clean_host(text)
    check_host(host, bool(current_app.config["CTM_ALLOW_PRIVATE_HOSTS"]))
    return host


def _from_email(text: str) -> str:
    email = clean_email(text)
    if not email:
        raise InvalidInput(_l("The address the mails come from is needed."))
    return email


def _selector(text: str) -> str:
    selector = text.strip().lower().removesuffix("._domainkey")
    if selector and not SELECTOR.fullmatch(selector):
        raise InvalidInput(
            _l("A DKIM selector is a short name like “google” or “s1”: what stands behind s=.")
        )
    return selector


def _password(text: str) -> str:
    if len(text) > 500 or any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise InvalidInput(_l("This password holds characters that cannot be typed, or too many."))
    return text


def _whole(value: object, lowest: int, highest: int) -> int | None:
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        return None
    return int(text) if lowest <= int(text) <= highest else None


def _connections(value: object) -> int:
    number = _whole(value, 1, MAX_CONNECTIONS)
    if number is None:
        raise InvalidInput(
            _l("Connections at a time: a number from 1 to %(most)s.", most=MAX_CONNECTIONS)
        )
    return number


def _limits(rows: Any) -> list[list[int]]:
    if len(rows) > MAX_LIMITS:
        raise InvalidInput(_l("At most %(count)s limits fit.", count=MAX_LIMITS))
    cleaned = []
    for row in rows:
        messages = _whole(row[0], 1, MAX_MESSAGES) if len(row) == 2 else None
        seconds = _whole(row[1], 1, MAX_SECONDS) if len(row) == 2 else None
        if messages is None or seconds is None:
            raise InvalidInput(
                _l("A limit is a number of mails, at least 1, and a time of at most 31 days.")
            )
        if [messages, seconds] not in cleaned:
            cleaned.append([messages, seconds])
    return cleaned


def _user_ids(values: Any) -> list[int]:
    numbers = {_whole(value, 1, 2**31 - 1) for value in values}
    known = set(db.session.scalars(select(User.id).where(User.id.in_(numbers - {None}))))
    if numbers != known:
        raise InvalidInput(_l("One of the chosen users does not exist any more."))
    return sorted(known)
