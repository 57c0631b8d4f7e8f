"""``backup``, ``restore`` and ``upgrade``."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from ctm.backup import restoring, routine, upgrading
from ctm.backup.manifest import KEYS
from ctm.cli.output import answer, command

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("backup")
@click.option("--to", type=_PATH, help="A folder, or a new file. Left out: CTM_BACKUP_FOLDER.")
@click.option("--keep", type=click.IntRange(0), help="Keep so many in the folder; 0 keeps all.")
@command
@with_appcontext
def backup(to: Path | None, keep: int | None, as_json: bool) -> None:
    """Back up database and files while CTM works; the archive is verified."""
    made = routine.back_up(to, keep)
    described = made.manifest
    words = [f"{made.path}: {made.size} bytes, {len(described.files)} files, verified."]
    if made.removed:
        words.append(f"Removed: {', '.join(made.removed)}")
    if not described.has(KEYS):
        words.append(
            "The keys (instance/secrets) are not inside: keep a copy of them apart, or set "
            "CTM_BACKUP_PASSPHRASE."
        )
    if described.missing:
        words.append(routine.incomplete(len(described.missing)))
    answer(
        as_json,
        "\n".join(words),
        path=made.path,
        size=made.size,
        files=len(described.files),
        missing=described.missing,
        tables=described.tables,
        keys=described.has(KEYS),
        removed=made.removed,
    )


@click.command("restore")
@click.argument("file", type=_PATH)
@click.option("--replace", is_flag=True, help="Take the place of an installation in use.")
@click.option("--keys", type=_FOLDER, help="A copy of instance/secrets.")
@click.option("--without-keys", is_flag=True, help="Restore although the keys are lost.")
@click.option("--although-running", is_flag=True, help="Don't look whether CTM is running.")
@command
@with_appcontext
def restore(
    file: Path,
    replace: bool,
    keys: Path | None,
    without_keys: bool,
    although_running: bool,
    as_json: bool,
) -> None:
    """Put a backup in the place of this installation; what is here is set aside."""
    wanted = restoring.Wanted(replace, although_running, keys, without_keys)
    done = restoring.restore(file, wanted)
    made_at, held = done.manifest.made_at, done.held
    words = [f"Restored: the backup of {made_at:%Y-%m-%d %H:%M:%S} UTC."]
    words.append(f"What was here is set aside as {done.aside}.")
    if held.campaigns:
        words.append(
            f"{held.campaigns} campaigns with {held.mails} mails still to be sent then are held: "
            "some may have left since. A manager looks and confirms each (MAILING, or "
            "flask --app app campaigns release NAME)."
        )
    if held.doubtful:
        words.append(f"{held.doubtful} mails were leaving just then: they are to be decided.")
    answer(
        as_json,
        "\n".join(words),
        made_at=made_at,
        aside=done.aside,
        campaigns=held.campaigns,
        mails=held.mails,
        doubtful=held.doubtful,
    )


@click.command("upgrade")
@click.option("--without-backup", is_flag=True, help="Don't back up first.")
@command
@with_appcontext
def upgrade(without_backup: bool, as_json: bool) -> None:
    """Bring the database to this version; an older one is backed up first."""
    done = upgrading.upgrade(not without_backup)
    if done.before == done.after:
        words = f"The database is at {done.after}: nothing to do."
    elif done.backup is None:
        words = f"The database is at {done.after}."
    else:
        words = f"Backed up to {done.backup}. The database went from {done.before} to {done.after}."
    answer(as_json, words, before=done.before, after=done.after, backup=done.backup)
