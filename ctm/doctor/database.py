"""The database: whether it answers, is whole, durable, and of this version."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ctm import schema
from ctm.doctor.checks import ADVICE, OK, PROBLEM, Check
from ctm.extensions import db
from ctm.i18n import _

AREA = "database"
OLDEST_POSTGRESQL = 13
LARGE_WAL = 1024 * 1024 * 1024
INTEGRITY_SECONDS = 120.0


def look(seconds: float = INTEGRITY_SECONDS) -> list[Check]:
    found = list(_version())
    db.session.rollback()
    dialect = db.engine.dialect.name
    found += _sqlite(seconds) if dialect == "sqlite" else _postgresql()
    return found


def _version() -> Iterator[Check]:
    at = schema.current(db.session.connection())
    name = ",".join(sorted(at))
    if at == schema.heads():
        yield Check(AREA, OK, _("The database answers and is of this version (%(at)s).", at=name))
    else:
        yield Check(
            AREA,
            PROBLEM,
            _("The tables are of another version: %(at)s.", at=name or "–"),
            _("Stop CTM, make a backup, then run: flask --app app upgrade"),
        )


def _sqlite(seconds: float) -> Iterator[Check]:
    with db.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        answer = _integrity(raw, seconds)
        if answer is None:
            yield Check(
                AREA,
                ADVICE,
                _("The database is large: its integrity was not checked to the end."),
                _('At a quiet hour, type: sqlite3 ctm.sqlite3 "PRAGMA quick_check"'),
            )
        elif answer == "ok":
            yield Check(AREA, OK, _("SQLite finds the file whole (quick_check)."))
        else:
            yield Check(
                AREA,
                PROBLEM,
                _("The database's file is damaged: %(words)s", words=answer[:200]),
                _("Stop CTM, keep a copy of the file, restore the last backup, check the disk."),
            )
        mode = str(raw.execute("PRAGMA journal_mode").fetchone()[0])
        synchronous = int(raw.execute("PRAGMA synchronous").fetchone()[0])
    yield from _durable(mode, synchronous)
    wal = Path(f"{db.engine.url.database}-wal")
    if wal.is_file() and wal.stat().st_size > LARGE_WAL:
        yield Check(
            AREA,
            ADVICE,
            _("SQLite's log has grown to %(count)s MB.", count=wal.stat().st_size // 1024**2),
            _("Some program holds the database open for long; restart CTM."),
        )


def _integrity(raw: Any, seconds: float) -> str | None:
    """quick_check's answer; ``None`` when it takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    raw.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)
    try:
        return str(raw.execute("PRAGMA quick_check(5)").fetchone()[0])
    except Exception as error:
        if "interrupted" in str(error):
            return None
        return str(error)
    finally:
        raw.set_progress_handler(None, 0)


def _durable(mode: str, synchronous: int) -> Iterator[Check]:
    if mode == "wal" and synchronous >= 2:
        yield Check(AREA, OK, _("What is saved survives a power cut (WAL, synchronous FULL)."))
    else:
        yield Check(
            AREA,
            PROBLEM,
            _(
                "The database is not durable: journal %(mode)s, synchronous %(level)s.",
                mode=mode,
                level=synchronous,
            ),
            _("Put the instance folder on a local disk: network folders do not bear WAL."),
        )


def _postgresql() -> Iterator[Check]:
    def ask(what: str) -> str:
        return str(db.session.scalar(text(what)))

    number = int(ask("SHOW server_version_num")) // 10000
    old = number < OLDEST_POSTGRESQL
    yield Check(
        AREA,
        PROBLEM if old else OK,
        _("PostgreSQL %(version)s.", version=ask("SHOW server_version")),
        _("Upgrade to a version that is still maintained.") if old else "",
    )
    encoding = ask("SHOW server_encoding")
    if encoding != "UTF8":
        yield Check(
            AREA,
            PROBLEM,
            _("The database's encoding is %(name)s: names with accents get lost.", name=encoding),
            _("Make a new database with ENCODING 'UTF8' and bring the data over."),
        )
    off = [name for name in ("fsync", "full_page_writes") if ask(f"SHOW {name}") == "off"]
    if ask("SHOW synchronous_commit") == "off":
        off.append("synchronous_commit")
    if off:
        yield Check(
            AREA,
            PROBLEM,
            _("What is saved may be lost in a power cut: %(names)s is off.", names=", ".join(off)),
            _("Switch it on in postgresql.conf."),
        )
    db.session.rollback()
