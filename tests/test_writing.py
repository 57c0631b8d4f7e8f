"""Beginning to write where another may be writing already."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError

from ctm import sql

HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO words VALUES ('half done')")
print("holds", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "some.sqlite3"
    with sqlite3.connect(found) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE words (word TEXT)")
    connection.close()
    return found


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def add(connection: Connection, word: str) -> None:
    sql.begin_writing(connection)
    connection.exec_driver_sql("INSERT INTO words VALUES (?)", (word,))


def words(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    found = [row[0] for row in connection.execute("SELECT word FROM words ORDER BY rowid")]
    connection.close()
    return found


def test_the_transaction_is_committed_or_taken_back_as_any_other(
    path: Path, engine: Engine
) -> None:
    with engine.begin() as connection:
        add(connection, "one")
        add(connection, "two")
    with engine.connect() as connection:
        add(connection, "three")
        connection.rollback()
    assert words(path) == ["one", "two"]


def test_nobody_else_writes_from_the_beginning_on_and_all_may_read(
    path: Path, engine: Engine
) -> None:
    other = sqlite3.connect(path, timeout=0)
    with engine.begin() as connection:
        sql.begin_writing(connection)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO words VALUES ('mine')")
        assert words(path) == []
    other.close()


def test_who_finds_the_database_locked_is_refused_after_its_usual_patience(
    path: Path, engine: Engine
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 30")
        connection.rollback()
        with pytest.raises(OperationalError, match="locked"):
            sql.begin_writing(connection)
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30
        other.execute("ROLLBACK")
        connection.rollback()
        add(connection, "now")
        connection.commit()
    other.close()
    assert words(path) == ["now"]


def test_a_writer_that_is_killed_lets_the_next_one_in(path: Path, engine: Engine) -> None:
    command = [sys.executable, "-c", HOLDER, str(path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    holder.send_signal(signal.SIGKILL)
    with engine.begin() as connection:
        add(connection, "after")
    holder.wait(10)
    holder.stdout.close()
    assert words(path) == ["after"]
