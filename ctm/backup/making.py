"""Making a backup: copy, describe, write aside, verify, rename (decision 0018)."""

import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import current_app

from ctm import __version__, config, files, presence
from ctm.backup import archive, databases, keysafe
from ctm.backup.manifest import KEYS, Manifest, Member
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, Unavailable
from ctm.extensions import db
from ctm.i18n import _l

NAME = re.compile(r"ctm-\d{4}-\d\d-\d\d-\d{6}\.tar\.gz")
SPARE = 20 * 1024 * 1024
LOCK = ".backing-up"
WORK = ".ctm-backup-"
SECRET_SETTINGS = {"CTM_DATABASE_URL", "CTM_BACKUP_PASSPHRASE"}

Report = Callable[[int], None]


@dataclass(frozen=True)
class Made:
    """A finished backup: where, how many bytes, what is in it, which old ones made room."""

    path: Path
    size: int
    manifest: Manifest
    removed: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every file that the database names is inside."""
        return not self.manifest.missing


def folder() -> Path:
    """Where backups of this installation go unless told otherwise."""
    chosen = current_app.config["CTM_BACKUP_FOLDER"]
    return Path(chosen) if chosen else Path(current_app.instance_path) / "backups"


def make(to: Path | None = None, keep: int | None = None, report: Report = archive.ignore) -> Made:
    """Back the installation up while it works.

    ``to`` is a folder (the default: :func:`folder`) or a new file. In a folder the ``keep``
    newest stay (0: all). ``report`` hears percents.

    :raises InvalidInput: ``to`` cannot be used.
    :raises Conflict: another backup is under way.
    :raises Unavailable: the disk is or would be full, or the database cannot be copied; nothing
        half is left, and the older backups are untouched.
    """
    keysafe.check_passphrase(current_app.config["CTM_BACKUP_PASSPHRASE"])
    place, name = _target(to)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _only_one(), _workshop(place) as work:
            _check_room(place)
            made = _make(work, place, name, report)
    except OSError as error:
        raise _refusal(error, place) from error
    if to is not None and name is not None:
        return made
    return Made(made.path, made.size, made.manifest, _prune(made, keep))


def _refusal(error: OSError, place: Path) -> Unavailable:
    if error.errno in files.FULL:
        return databases.disk_full()
    return Unavailable(
        _l(
            "The backup cannot be written to %(place)s: %(why)s.",
            place=str(place),
            why=error.strerror or str(error),
        )
    )


def _target(to: Path | None) -> tuple[Path, str | None]:
    """The folder and, if one was given, the file's name."""
    if to is None or to.is_dir():
        return to or folder(), None
    if to.exists():
        raise InvalidInput(
            _l("“%(name)s” exists already. Give another name or a folder.", name=str(to))
        )
    if not to.parent.is_dir():
        raise InvalidInput(_l("There is no folder “%(name)s”.", name=str(to.parent)))
    return to.parent, to.name


@contextmanager
def _only_one() -> Iterator[None]:
    with presence.alone(Path(current_app.instance_path), LOCK) as mine:
        if not mine:
            raise Conflict(_l("A backup is being made already. Wait until it has ended."))
        yield


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A folder aside, on the same disk, gone afterwards; so are those of backups that died."""
    for left in place.glob(f"{WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    work = place / f"{WORK}{secrets.token_hex(6)}"
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def needed() -> int:
    """Bytes a backup may take while it is made."""
    stored = files.folder()
    names = (path for path in stored.glob("??/*"))
    return int(databases.size(db.engine) * 1.5) + sum(p.stat().st_size for p in names) + SPARE


def _check_room(place: Path) -> None:
    free, wanted = shutil.disk_usage(place).free, needed()
    if free < wanted:
        raise Unavailable(
            _l(
                "No backup was made: it may need %(wanted)s MB, and %(place)s has %(free)s MB "
                "free. Make room, or choose another folder (CTM_BACKUP_FOLDER).",
                wanted=wanted // 1024**2,
                free=free // 1024**2,
                place=str(place),
            )
        )


def _make(work: Path, place: Path, name: str | None, report: Report) -> Made:
    made_at = utcnow()
    progress = _Percents(report, 4 * needed())
    part = work / "archive.part"
    with _pinned(work) as pinned:
        copied = databases.copy(db.engine, work, progress)
        stored, missing = _stored(copied.files, pinned, progress)
        digest, size = archive.digest_of(copied.path, progress)
        dump = Member(copied.path.name, size, digest)
        places = {dump: copied.path} | _keys(work) | stored
        described = _describe(made_at, copied, tuple(places), missing)
        lying = {member.name: path for member, path in places.items()}
        archive.write(part, described, lying, progress)
    archive.verify(part, progress)
    target = _publish(part, place, name, made_at)
    report(100)
    return Made(target, target.stat().st_size, described)


def _describe(
    made_at: datetime,
    copied: databases.Copied,
    members: tuple[Member, ...],
    missing: tuple[str, ...],
) -> Manifest:
    return Manifest(
        version=__version__,
        revision=copied.revision,
        made_at=made_at,
        host=socket.gethostname()[:80],
        database=copied.database,
        tables=copied.tables,
        members=members,
        keys=keysafe.fingerprints(keysafe.collect(_secrets())),
        waiting=copied.waiting,
        settings=_settings(),
        missing=missing,
    )


def _secrets() -> Path:
    return Path(current_app.instance_path) / "secrets"


def _settings() -> dict[str, str]:
    """The settings that differ from the defaults, without passwords."""
    return {
        each.name: str(current_app.config[each.name])
        for each in config.SETTINGS
        if each.name not in SECRET_SETTINGS and current_app.config[each.name] != each.default
    }


class _Percents:
    """Turns bytes worked through into percents, and says each once."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done, self._said = report, max(total, 1), 0, 0

    def __call__(self, count: int) -> None:
        self._done += count
        percent = min(99, 100 * self._done // self._total)
        if percent > self._said:
            self._said = percent
            self._report(percent)


@contextmanager
def _pinned(work: Path) -> Iterator[Path]:
    """Hard links on all stored files, so that none is lost that is deleted while we copy."""
    pinned = files.folder() / f".pinned-{work.name}"
    for left in files.folder().glob(f".pinned-{WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        for path in files.folder().glob("??/*"):
            pinned.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                os.link(path, pinned / path.name)
        yield pinned
    finally:
        shutil.rmtree(pinned, ignore_errors=True)


def _stored(
    wanted: Mapping[str, int], pinned: Path, watch: archive.Watch
) -> tuple[dict[Member, Path], tuple[str, ...]]:
    """The files the database names, each proved by its checksum; and those that are not there."""
    found: dict[Member, Path] = {}
    missing: list[str] = []
    for digest in sorted(wanted):
        for path in (pinned / digest, files.folder() / digest[:2] / digest):
            with suppress(FileNotFoundError):
                real, size = archive.digest_of(path, watch)
                if real == digest:
                    found[Member(f"files/{digest[:2]}/{digest}", size, digest)] = path
                    break
        else:
            missing.append(digest)
    return found, tuple(missing)


def _keys(work: Path) -> dict[Member, Path]:
    passphrase = current_app.config["CTM_BACKUP_PASSPHRASE"]
    if not passphrase:
        return {}
    path = work / KEYS
    path.write_bytes(keysafe.seal(keysafe.collect(_secrets()), passphrase))
    digest, size = archive.digest_of(path)
    return {Member(KEYS, size, digest): path}


def _publish(part: Path, place: Path, name: str | None, made_at: datetime) -> Path:
    """Give the finished archive its name; never over another."""
    later = (made_at + timedelta(seconds=n) for n in range(1000))
    for each in [name] if name else (f"ctm-{at:%Y-%m-%d-%H%M%S}.tar.gz" for at in later):
        target = place / each
        if target.exists():
            continue
        os.rename(part, target)
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return target
    raise InvalidInput(_l("“%(name)s” exists already. Give another name or a folder.", name=name))


def existing(place: Path | None = None) -> list[Path]:
    """The backups in a folder, the newest first."""
    place = place or folder()
    found = [path for path in place.glob("ctm-*.tar.gz") if NAME.fullmatch(path.name)]
    return sorted((p for p in found if p.is_file() and not p.is_symlink()), reverse=True)


def _prune(made: Made, keep: int | None) -> tuple[str, ...]:
    """Delete what is older than the newest ``keep``; an incomplete backup takes nobody's place."""
    keep = int(current_app.config["CTM_BACKUP_KEEP"]) if keep is None else keep
    if keep <= 0 or not made.complete:
        return ()
    old = existing(made.path.parent)[keep:]
    gone = []
    for path in old:
        if path != made.path:
            path.unlink(missing_ok=True)
            gone.append(path.name)
    return tuple(gone)
