"""The database's version: what it is at, what this program needs, and the way between them."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ctm.errors import Conflict, Unavailable
from ctm.i18n import _, _l

FOLDER = Path(__file__).resolve().parent / "migrations"


class SchemaState(StrEnum):
    """How a database stands to this program."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    NEWER = "newer"


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))


@lru_cache(maxsize=1)
def heads() -> frozenset[str]:
    """The migrations this version ends with."""
    return frozenset(_scripts().get_heads())


def head() -> str:
    """The migration this program needs."""
    return ",".join(sorted(heads()))


def current(connection: Connection) -> frozenset[str]:
    """The migrations the database is at; none in an empty one."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def is_current(connection: Connection) -> bool:
    """Whether the database is at this version's migrations."""
    return current(connection) == heads()


def revision(engine: Engine) -> str:
    """The migration a database is at; empty if it has no tables of CTM yet.

    :raises Unavailable: the database does not answer.
    """
    try:
        with engine.connect() as connection:
            found = current(connection)
    except (DBAPIError, ArgumentError, NoSuchModuleError) as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Unavailable(
            _("The database does not answer: %(words)s. Check CTM_DATABASE_URL.", words=words)
        ) from None
    return ",".join(sorted(found))


def judge(found: str) -> SchemaState:
    """How a migration stands to this program; one it has never heard of is a newer one."""
    if not found:
        return SchemaState.EMPTY
    if found == head():
        return SchemaState.CURRENT
    try:
        known = {script.revision for script in _scripts().walk_revisions()}
    except CommandError:  # pragma: no cover - the chain in the source is broken
        known = set()
    return SchemaState.OLDER if found in known else SchemaState.NEWER


def newer(found: str) -> Conflict:
    """What to say of a database that a newer program has worked with."""
    return Conflict(
        _l(
            "This is a newer version's database (%(found)s); this program knows it up to "
            "%(head)s and leaves it alone. Install the newer version, or restore the backup "
            "that was made before the upgrade.",
            found=found,
            head=head(),
        )
    )


def require_current(engine: Engine) -> None:
    """
    :raises Conflict: there are no tables yet, or they are another version's.
    :raises Unavailable: the database does not answer.
    """
    if judge(revision(engine)) == SchemaState.EMPTY:
        raise _not_ready()
    refuse_other_versions(engine)


def refuse_other_versions(engine: Engine) -> None:
    """As :func:`require_current`, but content with tables that no migration made.

    :raises Conflict: the tables are another version's, or there are none.
    :raises Unavailable: the database does not answer.
    """
    found = revision(engine)
    state = judge(found)
    if state == SchemaState.NEWER:
        raise newer(found)
    if state == SchemaState.OLDER or (state == SchemaState.EMPTY and not has_tables(engine)):
        raise _not_ready()


def _not_ready() -> Conflict:
    return Conflict(
        _l("The database is not ready for this version. Run: make run, or flask --app app upgrade")
    )


def has_tables(engine: Engine) -> bool:
    """Whether there is anything in the database at all."""
    return bool(inspect(engine).get_table_names())


def migrate(engine: Engine, target: str = "head") -> None:
    """Bring a database up to ``target``. SQLite: all of it or nothing."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["engine"] = engine
    command.upgrade(config, target)
