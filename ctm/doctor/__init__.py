"""Looking the whole installation over: each check says what it means and what to do next."""

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from ctm import trouble
from ctm.doctor import configuration, database, network, running, storage
from ctm.doctor.checks import AREAS, LEVELS, PROBLEM, Check, worst
from ctm.extensions import db
from ctm.i18n import _

__all__ = ["AREAS", "LEVELS", "PARTS", "PROBLEM", "Check", "examine", "worst"]

log = logging.getLogger(__name__)
Step = Callable[[int], None]


def _parts(
    with_network: bool, alive: Callable[[], None]
) -> tuple[tuple[str, Callable[[], list[Check]]], ...]:
    return (
        ("configuration", configuration.look),
        ("keys", storage.keys),
        ("keys", storage.passwords),
        ("storage", storage.folders),
        ("database", database.look),
        ("clock", running.clock),
        ("processes", running.processes),
        ("mails", running.mails),
        ("public_url", lambda: network.public_url(with_network)),
        ("accounts", lambda: network.accounts(with_network, alive)),
        ("dns", lambda: network.dns(with_network, alive)),
    )


PARTS = len(_parts(False, lambda: None))


def examine(with_network: bool = True, step: Step = lambda _count: None) -> list[Check]:
    """Look at everything; ``step(1)`` is called after each of the ``PARTS`` parts, ``step(0)``
    now and then between.

    Mail servers are asked and logged in to, no mail is sent. A part that cannot be looked at is
    a problem itself, and the rest is looked at all the same.
    """
    found: list[Check] = []
    for area, look in _parts(with_network, lambda: step(0)):
        try:
            found += look()
        except SQLAlchemyError as error:
            found.append(_database_fails(area, error))
        except OSError as error:
            says = _("This could not be looked at: %(words)s", words=str(error)[:200])
            found.append(Check(area, PROBLEM, says))
        step(1)
    return found


def _database_fails(area: str, error: SQLAlchemyError) -> Check:
    log.error("the doctor cannot look at %s", area, exc_info=error)
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()
    known = trouble.of(error)
    says = known.words if known else _("The database does not answer as it should.")
    return Check(area, PROBLEM, str(says), _("The terminal and instance/logs have its own words."))
