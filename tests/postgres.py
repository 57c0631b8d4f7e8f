"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.mailing.engine.servers import free_port


def programs() -> Path:
    """Where initdb and pg_ctl are; the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return found[-1].parent


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of an empty database; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ctm-postgres-"))
    port = free_port()
    as_root = os.geteuid() == 0
    if as_root:
        shutil.chown(folder, "postgres", "postgres")
    command = ["runuser", "-u", "postgres", "--"] if as_root else []
    data = str(folder / "data")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*command, str(programs() / program), *arguments],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )

    try:
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def empty(url: str) -> None:
    """Throw everything out of the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
