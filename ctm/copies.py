"""Names for copies of records whose names are unique."""

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from ctm import sql
from ctm.errors import Conflict
from ctm.extensions import db

ROOM = 150
MOST = 1000


def free_name(column: InstrumentedAttribute[str], name: str, refusal: object) -> str:
    """``name (2)``, or the first number that is free in ``column``, whatever the letters' case.

    :raises Conflict: none of them is; ``refusal`` is what the user reads.
    """
    for number in range(2, MOST):
        candidate = f"{name[:ROOM]} ({number})"
        taken = select(func.count()).where(sql.fold(column) == candidate.lower())
        if not db.session.scalar(taken):
            return candidate
    raise Conflict(refusal)
