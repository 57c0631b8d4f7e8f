"""Keys, folders, permissions, room on the disk."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.fernet import Fernet
from flask import current_app
from sqlalchemy import select

from ctm.doctor.checks import ADVICE, OK, PROBLEM, Check
from ctm.errors import Unavailable
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import SmtpAccount

KEYS = ("session", "credentials", "tracking")
MEGABYTE = 1024 * 1024
LOW_BYTES, SCARCE_BYTES = 500 * MEGABYTE, 2000 * MEGABYTE
FOLDERS = ("files", "logs", "journals")


def keys() -> list[Check]:
    folder = Path(current_app.instance_path) / "secrets"
    found = [check for name in KEYS for check in _key(folder / name)]
    if _others_may(folder, 0o077):
        found.append(
            Check(
                "keys",
                PROBLEM,
                _("Other users of this machine may look into %(path)s.", path=folder),
                _("Type: chmod 700 %(path)s", path=folder),
            )
        )
    return found or [Check("keys", OK, _("The keys are there and only CTM can read them."))]


def _key(path: Path) -> Iterator[Check]:
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        yield Check(
            "keys",
            PROBLEM,
            _("The key %(path)s cannot be read: %(words)s", path=path, words=error.strerror or ""),
            _("Bring the file back from a backup, or give it to the user CTM runs as."),
        )
        return
    try:
        Fernet(content)
    except ValueError:
        yield Check(
            "keys",
            PROBLEM,
            _("%(path)s holds no key.", path=path),
            _("Bring the file back from a backup."),
        )
    if _others_may(path, 0o077):
        yield Check(
            "keys",
            PROBLEM,
            _("Other users of this machine may read %(path)s.", path=path),
            _("Type: chmod 600 %(path)s", path=path),
        )


def passwords() -> list[Check]:
    """Whether what the vault sealed can be opened."""
    vault = current_app.extensions["ctm.vault"]
    query = select(SmtpAccount.name, SmtpAccount.password_sealed)
    sealed = db.session.execute(query.where(SmtpAccount.password_sealed.is_not(None))).all()
    unreadable = []
    for name, text in sealed:
        try:
            vault.open(text)
        except Unavailable:
            unreadable.append(name)
    if unreadable:
        return [
            Check(
                "keys",
                PROBLEM,
                _(
                    "Passwords of accounts that cannot be opened with this key: %(names)s",
                    names=", ".join(unreadable[:20]),
                ),
                _("Bring back instance/secrets/credentials, or type the passwords again."),
            )
        ]
    return [Check("keys", OK, _("%(count)s passwords of accounts can be read.", count=len(sealed)))]


def folders() -> list[Check]:
    instance = Path(current_app.instance_path)
    places = [instance, *(instance / name for name in FOLDERS if (instance / name).exists())]
    found = [check for place in places for check in _folder(place)]
    if _others_may(instance, 0o007):
        found.append(
            Check(
                "storage",
                ADVICE,
                _("Other users of this machine may look into %(path)s.", path=instance),
                _("Type: chmod o-rwx %(path)s", path=instance),
            )
        )
    return [*found, *_room(instance)]


def _folder(path: Path) -> Iterator[Check]:
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"x")
    except OSError as error:
        yield Check(
            "storage",
            PROBLEM,
            _(
                "Nothing can be written in %(path)s: %(words)s",
                path=path,
                words=error.strerror or "",
            ),
            _("Give the folder to the user CTM runs as, and make room on the disk."),
        )


def _room(instance: Path) -> Iterator[Check]:
    free = shutil.disk_usage(instance).free
    level = PROBLEM if free < LOW_BYTES else ADVICE if free < SCARCE_BYTES else OK
    says = _("%(count)s MB are free on the disk of the data.", count=free // MEGABYTE)
    yield Check(
        "storage", level, says, "" if level == OK else _("Make room, or take a larger disk.")
    )
    inodes = os.statvfs(instance)
    if inodes.f_files and inodes.f_favail < 10_000:
        yield Check(
            "storage",
            PROBLEM,
            _("The disk can hold only %(count)s more files.", count=inodes.f_favail),
            _("Delete small files elsewhere on this disk."),
        )


def _others_may(path: Path, mask: int) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & mask)
    except OSError:
        return False
