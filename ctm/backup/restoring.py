"""The way back: verify, stage, migrate, hold the outbox, and then one step that cannot be halved.

Everything is prepared beside what is there. The one moment that counts is the renaming of
the prepared folder to ``.restored``: before it the old installation is untouched, after it
:func:`finish_pending`, which every start of CTM calls, brings the rest to its end.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask import current_app
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from ctm import files, leases, presence, schema
from ctm.backup import archive, databases, keysafe, making, placing
from ctm.backup.manifest import KEYS, Manifest, damaged
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, Unavailable
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import returning
from ctm.models import Client, User, Worker
from ctm.schema import SchemaState

STAGING = ".restore-"
PARTS = "files"
SPARE = 50 * 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """How to restore: over a used installation (``replace``), although something may be running
    (``running_anyway``), with keys from a folder or without any."""

    replace: bool = False
    running_anyway: bool = False
    keys: Path | None = None
    without_keys: bool = False


@dataclass(frozen=True)
class Restored:
    """What came of it: the manifest, what was set aside, what is held for a manager."""

    manifest: Manifest
    aside: str
    held: returning.Held


def restore(path: Path, wanted: Wanted) -> Restored:
    """Put an archive in the place of this installation.

    :raises InvalidInput: it is damaged, hostile, a newer version's or another database's.
    :raises Conflict: CTM is running, or the installation is in use and is not to be replaced.
    :raises Unavailable: the disk or the database refuses. In all cases nothing has changed.
    """
    instance = Path(current_app.instance_path)
    with _alone(instance, wanted.running_anyway), _staging(instance) as staging:
        try:
            return _restore(path, wanted, instance, staging)
        except OSError as error:
            if error.errno in files.FULL:
                raise databases.disk_full() from error
            raise Unavailable(
                _l("The backup could not be restored: %(why)s.", why=error.strerror or str(error))
            ) from error


def _restore(path: Path, wanted: Wanted, instance: Path, staging: Path) -> Restored:
    with archive.opened(path) as reader:
        manifest = reader.manifest
        _check(manifest, wanted)
        _check_room(manifest, instance)
        reader.copy(lambda name: staging / "members" / name)
    members = staging / "members"
    keys = _keys(manifest, members, wanted, instance)
    aside = f"replaced-{utcnow():%Y%m%d-%H%M%S}"
    url = db.engine.url.render_as_string(hide_password=False)
    with placing.staged(manifest, members, db.engine) as stage:
        _compare(manifest, stage.engine)
        schema.migrate(stage.engine)
        held = returning.hold(stage.engine, manifest.made_at)
        stage.seal()
        _bring_files(members / PARTS)
        _commit(instance, staging, stage.plan | {"aside": aside}, keys)
    finish_pending(instance, url)
    return Restored(manifest, aside, held)


# -- refusing ------------------------------------------------------------------------------------


@contextmanager
def _alone(instance: Path, anyway: bool) -> Iterator[None]:
    with ExitStack() as held:
        mine = held.enter_context(presence.alone(instance))
        if not anyway and not (mine and not _at_work_elsewhere()):
            raise Conflict(
                _l(
                    "CTM is running: its server or a worker is at work with this installation. "
                    "Stop it first; after a crash wait two minutes."
                )
            )
        if not held.enter_context(presence.alone(instance, making.LOCK)):
            raise Conflict(_l("A backup is being made already. Wait until it has ended."))
        yield


def _at_work_elsewhere() -> bool:
    """Whether another machine works with the database."""
    here = placing.this_machine()
    try:
        holder = leases.holder("scheduler") or ""
        since = utcnow() - placing.SILENT_FOR
        hosts = set(db.session.scalars(select(Worker.host).where(Worker.seen_at > since)))
    except DBAPIError:
        return False
    finally:
        db.session.rollback()
    return bool(hosts - {here}) or bool(holder and holder.partition(":")[0] != here[:80])


def _check(manifest: Manifest, wanted: Wanted) -> None:
    if schema.judge(manifest.revision) in (SchemaState.NEWER, SchemaState.EMPTY):
        raise InvalidInput(
            _l(
                "This backup was made by a newer version (%(version)s, %(revision)s). "
                "Install that version, then restore it there.",
                version=manifest.version,
                revision=manifest.revision,
            )
        )
    here = db.engine.dialect.name
    if manifest.database != here:
        raise InvalidInput(
            _l(
                "This is a backup of a %(there)s database; this installation uses %(here)s. "
                "Set CTM_DATABASE_URL accordingly.",
                there=manifest.database,
                here=here,
            )
        )
    if not wanted.replace and in_use():
        raise Conflict(
            _l(
                "This installation is in use. To put the backup in its place say --replace: "
                "what is here now is set aside, not deleted."
            )
        )


def in_use() -> bool:
    """Whether anybody works with this installation: it has users or clients."""
    try:
        counts = [select(func.count()).select_from(model) for model in (User, Client)]
        return any(db.session.scalar(count) for count in counts)
    except DBAPIError:
        return schema.has_tables(db.engine)
    finally:
        db.session.rollback()


def _check_room(manifest: Manifest, instance: Path) -> None:
    free, needed = shutil.disk_usage(instance).free, manifest.total + SPARE
    if free < needed:
        raise Unavailable(
            _l(
                "To restore this backup %(wanted)s MB are needed; %(free)s MB are free.",
                wanted=needed // 1024**2,
                free=free // 1024**2,
            )
        )


def _compare(manifest: Manifest, engine: Engine) -> None:
    """Hold the staged database against what the manifest says of it."""
    try:
        with engine.connect() as connection:
            found = databases.read(connection)
    except DBAPIError:
        raise damaged("the database is not CTM's") from None
    if found["tables"] != manifest.tables or found["revision"] != manifest.revision:
        raise damaged("the database has other rows than its manifest says")
    if set(found["files"]) - manifest.files - set(manifest.missing):
        raise damaged("files that the database names are not inside")


def _keys(manifest: Manifest, members: Path, wanted: Wanted, instance: Path) -> dict[str, bytes]:
    """The keys to put in place: none, if those here are the right ones or nobody has any."""
    if keysafe.fingerprints(keysafe.collect(instance / "secrets")) == manifest.keys:
        return {}
    offered: dict[str, bytes] = {}
    passphrase = current_app.config["CTM_BACKUP_PASSPHRASE"]
    if wanted.keys is not None:
        offered = keysafe.collect(wanted.keys)
    elif manifest.has(KEYS) and passphrase:
        offered = keysafe.unseal((members / KEYS).read_bytes(), passphrase)
    if keysafe.fingerprints(offered) == manifest.keys:
        return offered
    if wanted.without_keys and not offered:
        return {}
    raise Conflict(
        _l(
            "The keys of this backup are not here. Set CTM_BACKUP_PASSPHRASE if they are sealed "
            "inside, or give their copy (instance/secrets) with --keys FOLDER. --without-keys "
            "restores without them: account passwords have to be typed again, second factors "
            "set up again, and links in mails that left no longer work."
        )
    )


# -- changing ------------------------------------------------------------------------------------


@contextmanager
def _staging(instance: Path) -> Iterator[Path]:
    for left in instance.glob(f"{STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)
    staging = instance / f"{STAGING}{secrets.token_hex(6)}"
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _bring_files(source: Path) -> None:
    """Stored files go in beside those that are there: their names are their contents."""
    for path in source.glob("??/*"):
        place = files.folder() / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    for folder in {files.folder(), *files.folder().glob("??")}:
        if folder.is_dir():
            placing.sync(folder)


def _commit(instance: Path, staging: Path, plan: dict[str, str], keys: dict[str, bytes]) -> None:
    """From here on the restored installation is the one that counts."""
    ready = staging / "ready"
    (ready / "secrets").mkdir(parents=True, mode=0o700)
    for name, value in keys.items():
        _write(ready / "secrets" / name, value)
    _write(ready / "plan.json", json.dumps(plan).encode())
    placing.sync(ready)
    db.session.remove()
    db.engine.dispose()
    os.rename(ready, instance / placing.READY)
    with suppress(OSError):  # it counts already
        placing.sync(instance)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def finish_pending(instance: Path, url: str) -> bool:
    """Bring a restore that was interrupted after it counted to its end.

    :raises Unavailable: the database does not answer.
    """
    if not (instance / placing.READY).is_dir():
        return False
    try:
        placing.finish(instance, url)
    except (OSError, DBAPIError) as error:
        raise Unavailable(
            _l("A restored backup cannot be put in place: %(why)s.", why=str(error).splitlines()[0])
        ) from error
    return True
