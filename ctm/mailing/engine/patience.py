"""Steps of a worker's start that a busy database must not end."""

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

log = logging.getLogger(__name__)

PATIENT_FOR = 30.0


def patiently(step: Callable[[], object]) -> None:
    """Do it; a database that is locked or away is asked again for a while.

    :raises OperationalError: it has not answered in all that time.
    """
    end = time.monotonic() + PATIENT_FOR
    while True:
        try:
            step()
            return
        except OperationalError as error:
            if time.monotonic() > end:
                raise
            log.error("the database does not answer: %s", error.orig)
            time.sleep(0.2)
