"""From an older version's database to this one's, with a backup first."""

from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from ctm import presence, schema
from ctm.backup import making
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _l
from ctm.schema import SchemaState


@dataclass(frozen=True)
class Upgraded:
    """The migrations before and after, and the backup made in between, if one was."""

    before: str
    after: str
    backup: Path | None


def upgrade(backup: bool = True) -> Upgraded:
    """Bring the database to this version, whatever older one it is at.

    :raises Conflict: it is a newer version's, or CTM is running with it.
    :raises Unavailable: the backup cannot be made; nothing was changed.
    """
    before = schema.revision(db.engine)
    state = schema.judge(before)
    if state == SchemaState.CURRENT:
        return Upgraded(before, before, None)
    if state == SchemaState.NEWER:
        raise schema.newer(before)
    with presence.alone(Path(current_app.instance_path)) as mine:
        if not mine:
            raise Conflict(
                _l("CTM is running with this database. Stop it, then upgrade: nothing was changed.")
            )
        kept = None
        if backup and state == SchemaState.OLDER:
            kept = making.make(keep=0).path
        db.session.remove()
        schema.migrate(db.engine)
    return Upgraded(before, schema.head(), kept)
