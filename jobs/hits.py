"""``python -m jobs.hits``: the process that brings the spool of hits into the database.

It needs no application: only the settings, the tables and the folder.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from sqlalchemy import create_engine

from ctm import config, logs, presence
from ctm.errors import CtmError
from ctm.mailing.tracking.collector import spool_folder
from ctm.mailing.tracking.settler import Settler


def give_way() -> None:
    """Settling can wait: it does not break in on the sending worker, nor on the pages."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.nice(5)


def main() -> None:
    give_way()
    values = config.load()
    instance = Path(values["CTM_INSTANCE"]).resolve()
    values = values | {"CTM_INSTANCE": str(instance)}
    logs.configure("hits", values, instance)
    url = config.flask_settings(values)["SQLALCHEMY_DATABASE_URI"]
    engine = create_engine(url, pool_pre_ping=True)
    settler = Settler(engine, spool_folder(instance))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: settler.stop())
    with presence.at_work(instance):
        settler.run()
    engine.dispose()


if __name__ == "__main__":
    try:
        main()
    except CtmError as error:
        sys.exit(f"CTM: {error}")
