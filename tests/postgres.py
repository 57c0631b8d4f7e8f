"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.mailing.engine.servers import free_port


def programs() -> Path:
    """Where initdb and pg_ctl are; the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    return found[-1].parent


class Cluster:
    """A running PostgreSQL. ``url`` is its one database."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def create(self) -> None:
        arguments = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]
        self._run("initdb", *arguments)
        self.start()

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self._port} -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "-o", options, "-l", str(self._folder / "log"), "-w", "start")

    def stop(self, mode: str) -> None:
        """``mode`` is ``smart``, ``fast`` or ``immediate``, as for pg_ctl."""
        self._run("pg_ctl", "-m", mode, "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        data = str(self._folder / "data")
        subprocess.run(
            [*as_user, str(programs() / program), "-D", data, *arguments],
            check=True,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL with an empty database; everything is gone afterwards."""
    programs()
    folder = Path(tempfile.mkdtemp(prefix="ctm-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Cluster(folder, free_port())
    try:
        with _outlived_by_nobody(folder):
            server.create()
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _outlived_by_nobody(folder: Path) -> Iterator[None]:
    """Stops the server of this folder at the end, also if the tests are killed: a pipe closes."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    script = 'read _; "$0" -D "$1/data" -m immediate -w stop; rm -rf "$1"'
    command = [*as_user, "sh", "-c", script, str(programs() / "pg_ctl"), str(folder)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        yield


def url_of(connection: "psycopg.Connection[Any]", name: str = "postgres") -> str:
    """The value of ``CTM_DATABASE_URL`` for a database of the server of this connection."""
    return f"postgresql://postgres@127.0.0.1:{connection.info.port}/{name}"


USED = """
SELECT tables.tablename::text, sequences.sequencename::text
FROM pg_tables AS tables
LEFT JOIN pg_sequences AS sequences
    ON sequences.schemaname = 'public' AND sequences.sequencename = tables.tablename || '_id_seq'
WHERE tables.schemaname = 'public' AND (
    sequences.last_value IS NOT NULL
    OR (xpath('/row/c/text()', query_to_xml(
        format('SELECT EXISTS (SELECT FROM %I) AS c', tables.tablename), false, true, ''
    )))[1]::text = 'true'
)
"""


def clear(connection: "psycopg.Connection[Any]") -> None:
    """Empty the tables that were used, and let their numbers start at one again.

    Rows are deleted: for the few of a test that takes a tenth of the time of TRUNCATE. A test
    that left a transaction open fails here instead of waiting for it for ever.
    """
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '5s'")
        connection.execute("SET LOCAL session_replication_role = 'replica'")  # no foreign keys
        for table, sequence in connection.execute(USED).fetchall():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            if sequence is not None:
                restart = sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence))
                connection.execute(restart)
