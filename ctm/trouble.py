"""When the database or the disk does not do its part: which of the few known ways it is.

The users' pages, the health check and the logs speak of it with the same words.
"""

import errno
import sqlite3
from dataclasses import dataclass

from flask_babel import LazyString
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from ctm.i18n import _l


@dataclass(frozen=True)
class Trouble:
    """``words``: what happened and what to do; ``retry_after``: seconds until it may be over."""

    kind: str
    words: LazyString
    retry_after: int


BUSY = Trouble(
    "busy",
    _l(
        "The database is busy with other work and did not answer in time. Nothing was saved. "
        "Wait a moment and try again."
    ),
    10,
)
FULL = Trouble(
    "full",
    _l(
        "The server's disk is full: nothing can be saved now. What was saved before is safe. Tell "
        "your administrator; then try again."
    ),
    300,
)
READ_ONLY = Trouble(
    "read_only",
    _l(
        "The database can be read but not written: nothing can be saved now. Tell your "
        "administrator to check the permissions of the data folder and the disk."
    ),
    300,
)
GONE = Trouble(
    "gone",
    _l(
        "The database does not answer. Nothing was saved. Wait a minute and try again; if it stays "
        "so, tell your administrator."
    ),
    60,
)
DAMAGED = Trouble(
    "damaged",
    _l(
        "The database's file cannot be read: it may be damaged. Tell your administrator, who will "
        "check the disk and restore the last backup."
    ),
    600,
)
NOT_READY = Trouble(
    "not_ready",
    _l(
        "The database is empty or belongs to another version of CTM. Tell your administrator to "
        "check that it is in its place, and to run: flask --app app upgrade"
    ),
    120,
)

SQLITE = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY_DBMOVED": GONE,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": GONE,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_IOERR_WRITE": FULL,
    "SQLITE_IOERR": DAMAGED,
}
# Classes and codes of SQLSTATE, PostgreSQL's manual, appendix A; the longest that fits counts.
SQLSTATE = {
    "08": GONE,
    "25006": READ_ONLY,
    "3D": GONE,
    "28": GONE,
    "40": BUSY,
    "42P01": NOT_READY,
    "42703": NOT_READY,
    "53": BUSY,
    "53100": FULL,
    "55P03": BUSY,
    "57014": BUSY,
    "57": GONE,
    "58": DAMAGED,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: READ_ONLY,
    errno.EIO: DAMAGED,
}


def of(error: BaseException) -> Trouble | None:
    """Which trouble an exception tells of; ``None`` if it is none of the database or the disk."""
    if isinstance(error, NoConnection):
        return BUSY
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        return _of_database(error)
    if isinstance(error, OSError):
        return ERRNO.get(error.errno or 0)
    return None


def _of_database(error: DBAPIError) -> Trouble | None:
    original = error.orig
    if isinstance(original, sqlite3.Error):
        found = _of_sqlite(original)
    else:
        found = _longest(SQLSTATE, getattr(original, "sqlstate", None) or "")
    lost = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return found or (GONE if lost else None)


def _of_sqlite(error: sqlite3.Error) -> Trouble | None:
    words = str(error)
    if words.startswith(("no such table", "no such column")) or "has no column named" in words:
        return NOT_READY
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_IOERR_FSTAT":
        return GONE
    return _longest(SQLITE, name)


def _longest(table: dict[str, Trouble], code: str) -> Trouble | None:
    fitting = [start for start in table if code.startswith(start)]
    return table[max(fitting, key=len)] if fitting else None
