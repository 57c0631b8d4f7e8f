"""Putting a restored database in the old one's place, and setting the old one aside.

Each step of :func:`finish` may be interrupted and done again.
"""

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text

from ctm.backup import databases
from ctm.backup.manifest import Manifest
from ctm.errors import Unavailable
from ctm.i18n import _l

READY = ".restored"
DONE = ".restore-done"
SILENT_FOR = timedelta(minutes=2)
MAINTENANCE = ("postgres", "template1")


def this_machine() -> str:
    return socket.gethostname()


@dataclass
class Stage:
    """The database as it will be: where it is worked on, and what :func:`finish` must know."""

    engine: Engine
    plan: dict[str, str]

    def seal(self) -> None:
        """Nothing more is written to it."""
        self.engine.dispose()
        if self.plan["database"] == "sqlite":
            _settle(Path(self.plan["staged"]))


@contextmanager
def staged(manifest: Manifest, members: Path, engine: Engine) -> Iterator[Stage]:
    """Lay the archive's database beside the one in use; gone again if something fails.

    :raises InvalidInput: the database in the archive is not sound.
    :raises Unavailable: it cannot be laid there.
    """
    dump = members / manifest.dump.name
    lay = _beside_file if manifest.database == "sqlite" else _beside_database
    with lay(dump, engine) as stage:
        try:
            yield stage
        finally:
            stage.engine.dispose()


# -- SQLite --------------------------------------------------------------------------------------


@contextmanager
def _beside_file(dump: Path, engine: Engine) -> Iterator[Stage]:
    target = Path(str(engine.url.database)).resolve()
    staged = target.with_name(f".{target.name}.restored")
    _forget(staged)
    shutil.move(dump, staged)
    try:
        databases.inspect_sqlite(staged)
        plan = {"database": "sqlite", "staged": str(staged), "target": str(target)}
        yield Stage(databases.sqlite_engine(staged), plan)
    except BaseException:
        _forget(staged)
        raise


def _forget(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """One file that is all there is: no write-ahead log beside it."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
    sync(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk keep what was written to a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap_files(plan: dict[str, str]) -> None:
    staged, target = Path(plan["staged"]), Path(plan["target"])
    if not staged.exists():
        return
    if target.exists():
        aside = target.parent / plan["aside"]
        aside.mkdir(exist_ok=True, mode=0o700)
        with suppress(sqlite3.Error):
            _settle(target)
        for suffix in ("-wal", "-shm", "-journal"):
            left = target.with_name(target.name + suffix)
            if left.exists():
                os.replace(left, aside / left.name)
        if not (aside / target.name).exists():
            os.link(target, aside / target.name)
        sync(aside)
    os.replace(staged, target)
    sync(target.parent)


# -- PostgreSQL ----------------------------------------------------------------------------------


def _server(url: URL) -> Engine:
    """The server's own database, from which others are made and renamed."""
    database = next(name for name in MAINTENANCE if name != url.database)
    return create_engine(url.set(database=database), isolation_level="AUTOCOMMIT")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


@contextmanager
def _beside_database(dump: Path, engine: Engine) -> Iterator[Stage]:
    target = str(engine.url.database)
    staged = f"{target[:40]}_restore"
    contents = databases.check_dump(dump)
    server = _server(engine.url)
    try:
        with server.connect() as connection:
            if not connection.scalar(
                text("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            ):
                raise Unavailable(
                    _l(
                        "To restore, the database's user must be allowed to make databases. As "
                        "PostgreSQL's administrator: ALTER ROLE %(role)s CREATEDB",
                        role=str(engine.url.username),
                    )
                )
            name = _quoted(connection, staged)
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            url = engine.url.set(database=staged)
            if " SCHEMA - public " in contents:
                databases.run("psql", url, "--quiet", "--command=DROP SCHEMA public")
            options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
            databases.run("pg_restore", url, *options, str(dump))
            yield Stage(
                create_engine(url), {"database": "postgresql", "staged": staged, "target": target}
            )
        except BaseException:
            with server.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            raise
    finally:
        server.dispose()


def _swap_databases(plan: dict[str, str], url: URL) -> None:
    """Both names change in one transaction."""
    server = _server(url)
    stamp = plan["aside"].replace("-", "_")
    known = text("SELECT 1 FROM pg_database WHERE datname = :name")
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname IN (:target, :staged) AND pid <> pg_backend_pid()"
    )
    try:
        with server.connect() as connection:
            if not connection.scalar(known, {"name": plan["staged"]}):
                return
            aside = _quoted(connection, f"{plan['target'][:38]}_{stamp}")
            target, staged = (_quoted(connection, plan[name]) for name in ("target", "staged"))
            connection.execute(others, {"target": plan["target"], "staged": plan["staged"]})
            connection.rollback()
            connection.execution_options(isolation_level="READ COMMITTED")
            connection.exec_driver_sql(f"ALTER DATABASE {target} RENAME TO {aside}")
            connection.exec_driver_sql(f"ALTER DATABASE {staged} RENAME TO {target}")
            connection.commit()
    finally:
        server.dispose()


# -- the end -------------------------------------------------------------------------------------


def finish(instance: Path, url: str) -> None:
    """Put what is ready in place and set aside what was there; may be repeated."""
    ready = instance / READY
    plan: dict[str, str] = json.loads((ready / "plan.json").read_bytes())
    if plan["database"] == "sqlite":
        _swap_files(plan)
    else:
        _swap_databases(plan, make_url(url))
    aside = instance / plan["aside"]
    for new in sorted((ready / "secrets").iterdir()):
        old = instance / "secrets" / new.name
        if old.exists():
            kept = aside / "secrets" / new.name
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept.unlink(missing_ok=True)
            os.link(old, kept)
        os.replace(new, old)
    if (instance / "journals").exists() and not (aside / "journals").exists():
        aside.mkdir(exist_ok=True, mode=0o700)
        os.rename(instance / "journals", aside / "journals")
    sync(instance)
    shutil.rmtree(instance / DONE, ignore_errors=True)
    os.rename(ready, instance / DONE)
    shutil.rmtree(instance / DONE, ignore_errors=True)
