"""The first start: who administers the office, and what it is called.

Open from this machine only, or with a code that stands in ``instance/secrets/setup-code`` and is
shown where the server was started: whoever merely reaches the address cannot take the office.
"""

import ipaddress
import os
import secrets
from pathlib import Path

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ctm import list_statuses, settings, users
from ctm.clients.checks import clean_text
from ctm.consent import purposes
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import OfficeSetting, Role, User


def needed() -> bool:
    """Whether nobody can log in yet."""
    return db.session.scalar(select(User.id).limit(1)) is None


def code() -> str:
    """The one-time code, made on first use; empty once the office is set up."""
    if not needed():
        return ""
    path = _code_file()
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = "-".join(secrets.token_hex(2) for _part in range(4))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(made + "\n")
    return made


def is_local(address: str | None) -> bool:
    """Whether a request comes from this machine."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None)
    return bool((inner or found).is_loopback)


def check_code(typed: str) -> None:
    """
    :raises InvalidInput: not the code of this installation.
    """
    if not secrets.compare_digest(typed.strip().lower().encode(), code().encode()):
        raise InvalidInput(
            _l(
                "The code is not right. It stands in the file instance/secrets/setup-code and "
                "where the server was started."
            ),
            "code",
        )


def finish(office: str, language: str, name: str, email: str, password: str) -> User:
    """Make the first administrator and name the office.

    :raises Conflict: somebody else has set it up in the meantime.
    :raises InvalidInput: a value cannot be accepted; ``field`` names it.
    """
    _only_once()
    called = clean_text(office or "", 120)
    if not called:
        db.session.rollback()
        raise InvalidInput(_l("The office needs a name; recipients may see it."), "office")
    settings.put("office_name", called)
    settings.put("office_language", language)
    try:
        user = users.create(email, name, Role.ADMINISTRATOR, password, language)
    except InvalidInput:
        db.session.rollback()
        raise
    purposes.ensure_defaults(language)
    list_statuses.ensure_defaults(language)
    _code_file().unlink(missing_ok=True)
    return user


def _only_once() -> None:
    """Of two people who set up at the same moment one waits here, and is then told."""
    db.session.add(OfficeSetting(name="set_up", value={"value": True}))
    try:
        db.session.flush()
        taken = not needed()
    except IntegrityError:
        taken = True
    if taken:
        db.session.rollback()
        raise Conflict(_l("The office is set up already. Log in."))


def _code_file() -> Path:
    return Path(current_app.instance_path) / "secrets" / "setup-code"
