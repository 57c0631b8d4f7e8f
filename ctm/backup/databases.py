"""A consistent copy of the database while others write to it.

SQLite: the online backup API, in steps, under one read transaction: in WAL mode writers go on,
and what they write does not start the copy over. PostgreSQL: ``pg_dump`` of an exported snapshot
in which the rows are counted as well.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from ctm.backup.manifest import POSTGRESQL, SQLITE
from ctm.errors import InvalidInput, Unavailable
from ctm.i18n import _l

PAGES = 2000
REST = 0.002

Watch = Callable[[int], None]


@dataclass(frozen=True)
class Copied:
    """A copy of the database: ``tables`` with their rows, ``files`` that it names with their
    bytes, mails still ``waiting``, the migration it is at."""

    path: Path
    database: str
    tables: dict[str, int]
    files: dict[str, int]
    waiting: int
    revision: str


def copy(engine: Engine, folder: Path, watch: Watch) -> Copied:
    """Copy the database into ``folder`` and look the copy over.

    :raises Unavailable: it cannot be copied, or the copy is not sound.
    """
    if engine.dialect.name == "sqlite":
        return _copy_sqlite(Path(str(engine.url.database)), folder / SQLITE, watch)
    return _copy_postgresql(engine, folder / POSTGRESQL)


def size(engine: Engine) -> int:
    """Bytes of the database, about."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        parts = (path, path.with_name(path.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.is_file())
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def read(connection: Connection) -> dict[str, Any]:
    """What a manifest says of a database: tables, files, waiting, revision."""
    names = _table_names(connection)
    tables = {
        name: int(connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0)  # noqa: S608
        for name in names
    }
    rows = connection.execute(text("SELECT sha256, max(size) FROM stored_files GROUP BY sha256"))
    pending = (
        "SELECT count(*) FROM messages WHERE state IN ('queued','deferred','claimed','sending')"
    )
    return {
        "tables": tables,
        "files": {row[0]: int(row[1]) for row in rows},
        "waiting": int(connection.scalar(text(pending)) or 0),
        "revision": str(connection.scalar(text("SELECT version_num FROM alembic_version")) or ""),
    }


def _table_names(connection: Connection) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    if connection.dialect.name == "sqlite":
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' ORDER BY name"
        )
    return [name for name in connection.execute(text(query)).scalars() if '"' not in name]


# -- SQLite --------------------------------------------------------------------------------------


def _copy_sqlite(source: Path, target: Path, watch: Watch) -> Copied:
    reader = sqlite3.connect(f"file:{source.as_posix()}?mode=ro", uri=True, isolation_level=None)
    writer = sqlite3.connect(target)
    seen = 0

    def step(_status: int, remaining: int, total: int) -> None:
        nonlocal seen
        watch((total - remaining - seen) * page)
        seen = total - remaining
        time.sleep(REST)

    try:
        page = int(reader.execute("PRAGMA page_size").fetchone()[0])
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reader.backup(writer, pages=PAGES, progress=step)
        reader.execute("COMMIT")
        writer.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise _refused(str(error)) from None
    finally:
        reader.close()
        writer.close()
    return Copied(target, "sqlite", **inspect_sqlite(target))


def inspect_sqlite(path: Path) -> dict[str, Any]:
    """Check a SQLite file from end to end, and read what a manifest says of it.

    :raises Unavailable: it is not sound.
    """
    engine = sqlite_engine(path)
    try:
        with engine.connect() as connection:
            words = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
            if words != ["ok"]:
                raise _refused("; ".join(words))
            return read(connection)
    except DBAPIError as error:
        raise _refused(str(error.orig)) from None
    finally:
        engine.dispose()


def sqlite_engine(path: Path) -> Engine:
    """An engine on a file that only this process uses."""
    return create_engine(URL.create("sqlite", database=str(path)))


# -- PostgreSQL ----------------------------------------------------------------------------------


def program(name: str) -> str:
    """Where a program of PostgreSQL is: the newest installed, which knows older servers too.

    :raises Unavailable: it is not installed.
    """
    places = list(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if places:
        return str(max(places, key=lambda place: int(place.parts[-3].partition(".")[0] or 0)))
    found = shutil.which(name)
    if found is None:
        raise Unavailable(
            _l(
                "%(name)s is missing on this machine. Install PostgreSQL's client programs "
                "(Debian: apt-get install postgresql-client).",
                name=name,
            )
        )
    return found


def run(name: str, url: URL, *arguments: str) -> str:
    """Run a program of PostgreSQL; the password goes through its environment.

    :raises Unavailable: it fails; with its words.
    """
    plain = url.set(drivername="postgresql")
    environ = os.environ | ({"PGPASSWORD": plain.password} if plain.password else {})
    target = URL.create(
        "postgresql", plain.username, None, plain.host, plain.port, plain.database, plain.query
    )
    done = subprocess.run(  # noqa: S603 - our own arguments
        [program(name), "--no-password", f"--dbname={target.render_as_string()}", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [name]
        raise _refused(next((line for line in said if "error:" in line.lower()), said[-1]))
    return done.stdout


def _copy_postgresql(engine: Engine, target: Path) -> Copied:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        found = read(connection)
        plain = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges")
        exact = ("--no-comments", f"--snapshot={snapshot}", f"--file={target}")
        run("pg_dump", engine.url, *plain, *exact)
    check_dump(target)
    return Copied(target, "postgresql", **found)


def check_dump(path: Path) -> str:
    """The dump's table of contents.

    :raises InvalidInput: ``pg_restore`` cannot read the dump's table of contents.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        [program("pg_restore"), "--list", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["pg_restore"])[-1]
        raise InvalidInput(_l("The database in the backup cannot be read: %(why)s.", why=words))
    return done.stdout


def _refused(words: str) -> Unavailable:
    if "full" in words or "No space left" in words:
        return disk_full()
    return Unavailable(_l("The database could not be copied: %(why)s.", why=words))


def disk_full() -> Unavailable:
    """What to say when the disk is full while a backup is made or restored."""
    return Unavailable(
        _l(
            "The disk is full. The backups made earlier are untouched, and nothing half is left. "
            "Make room, or choose another folder (CTM_BACKUP_FOLDER)."
        )
    )
