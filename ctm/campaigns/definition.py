"""A campaign written as a TOML file, for the command line.

::

    name = "Rinnovo RC Auto"
    account = "Posta dell'agenzia"        # an SMTP account's name
    subject = "La sua polizza, [clienti.nome]"
    html_file = "mail.html"               # beside this file; or html = "…", text = "…", text_file
    from_name = "Assicurazioni Brera"     # from_email, reply_to, bcc likewise
    delay_seconds = 2
    hours = { from = "9:00", to = "18:00", days = [0, 1, 2, 3, 4], holidays = true }
    addresses = ["email1", "email2"]      # also email3, contacts
    attachments = ["brochure.pdf"]
    initial_status = "Da contattare"
    track = true
    unsubscribe = true

    [statuses]                            # outcome = list status
    sent = "Mail inviata"
"""

import mimetypes
import tomllib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ctm import files
from ctm.campaigns import operations
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Campaign, ListStatus, Outcome, SmtpAccount

_PLAIN = ("name", "notes", "subject", "from_email", "from_name", "reply_to", "bcc")
_BODIES = {"html": "body_html", "text": "body_text"}
_ADDRESSES = ("email1", "email2", "email3", "contacts")
KEYS = {
    *_PLAIN,
    *_BODIES,
    "html_file",
    "text_file",
    "account",
    "delay_seconds",
    "hours",
    "addresses",
    "attachments",
    "initial_status",
    "track",
    "unsubscribe",
    "statuses",
}


_TYPES: dict[str, type | tuple[type, ...]] = {
    "delay_seconds": (int, float),
    "hours": dict,
    "addresses": list,
    "attachments": list,
    "track": bool,
    "unsubscribe": bool,
    "statuses": dict,
}


def create_from_file(path: Path) -> Campaign:
    """Create a campaign from a TOML file.

    :raises InvalidInput: the file cannot be read; the message names the key.
    """
    data = _read(path)
    values: dict[str, Any] = {key: data[key] for key in _PLAIN if key in data}
    values |= _bodies(data, path.parent)
    for key in ("delay_seconds", "hours", "track", "unsubscribe"):
        if key in data:
            values[key] = data[key]
    if "account" in data:
        values["account_id"] = _named(SmtpAccount, str(data["account"]), "account")
    if "initial_status" in data:
        values["initial_status_id"] = _named(
            ListStatus, str(data["initial_status"]), "initial_status"
        )
    if "addresses" in data:
        values |= _addresses(data["addresses"])
    values["statuses"] = _statuses(data.get("statuses", {}))
    attached = [_beside(path.parent, name, "attachments") for name in data.get("attachments", [])]
    operations.check_attached(sum(place.stat().st_size for place in attached), "attachments")
    campaign = operations.create(values)
    for place in attached:
        kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
        with place.open("rb") as stream:
            operations.attach(campaign, files.store(stream, place.name, kind))
    return campaign


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(_l("%(path)s: %(why)s", path=path, why=error.strerror)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(_l("%(path)s: %(why)s", path=path, why=error)) from None
    for key in data:
        if key not in KEYS:
            raise InvalidInput(_l("Unknown key “%(key)s”.", key=key), key)
        if not isinstance(data[key], _TYPES.get(key, str)) or (
            key == "delay_seconds" and isinstance(data[key], bool)
        ):
            raise InvalidInput(_l("“%(key)s” has a value of the wrong kind.", key=key), key)
    if not isinstance(data.get("name"), str):
        raise InvalidInput(_l("“name” is missing."), "name")
    return data


def _bodies(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, column in _BODIES.items():
        if f"{key}_file" in data:
            place = _beside(folder, data[f"{key}_file"], f"{key}_file")
            try:
                values[column] = place.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                message = _l(
                    "“%(key)s”: %(name)s is not UTF-8.", key=f"{key}_file", name=place.name
                )
                raise InvalidInput(message, f"{key}_file") from None
        elif key in data:
            values[column] = data[key]
    values["body_format"] = "html" if "body_html" in values else "text"
    return values


def _beside(folder: Path, name: Any, key: str) -> Path:
    """A file in the definition's own folder or below, nowhere else."""
    place = (folder / str(name)).resolve()
    if not place.is_relative_to(folder.resolve()) or not place.is_file():
        raise InvalidInput(
            _l("“%(key)s”: there is no file %(name)s beside the definition.", key=key, name=name),
            key,
        )
    return place


def _named(model: type[SmtpAccount] | type[ListStatus], name: str, key: str) -> int:
    identity = db.session.scalar(select(model.id).where(model.name == name))
    if identity is None:
        raise InvalidInput(_l("“%(key)s”: there is no “%(name)s”.", key=key, name=name), key)
    return identity


def _addresses(given: list[Any]) -> dict[str, bool]:
    if not all(each in _ADDRESSES for each in given):
        raise InvalidInput(
            _l("“addresses” is a list of: %(names)s.", names=", ".join(_ADDRESSES)), "addresses"
        )
    return {f"use_{name}": name in given for name in _ADDRESSES}


def _statuses(given: dict[str, Any]) -> dict[str, int]:
    known = {outcome.value for outcome in Outcome}
    for outcome in given:
        if outcome not in known:
            raise InvalidInput(_l("Unknown outcome “%(name)s”.", name=outcome), "statuses")
    return {
        outcome: _named(ListStatus, str(name), f"statuses.{outcome}")
        for outcome, name in given.items()
    }
