"""Running a worker as a process: ``flask --app app worker``."""

import gc
import logging
import signal
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import Engine, StaticPool, create_engine

from ctm import logs, presence, schema
from ctm.extensions import db
from ctm.mailing.engine.accounts import DatabaseBook
from ctm.mailing.engine.worker import Worker

log = logging.getLogger(__name__)


def journals_folder() -> Path:
    """Where the workers of this instance keep their journals."""
    return Path(current_app.instance_path) / "journals"


def build_worker(**options: Any) -> Worker:
    """A worker on the current application's database; ``options`` as in :class:`Worker`."""
    allow_private = bool(current_app.config["CTM_ALLOW_PRIVATE_HOSTS"])
    return Worker(
        _engine(),
        journals_folder(),
        current_app.extensions["ctm.tracking_key"],
        options.pop("book", None) or DatabaseBook(db.engine, allow_private),
        **options,
    )


def _engine() -> Engine:
    """On SQLite a single connection for all that the loop writes.

    So its own commits are no news to it (``PRAGMA data_version``), and it knows its pages.
    """
    if db.engine.dialect.name != "sqlite":
        return db.engine
    options = current_app.config["SQLALCHEMY_ENGINE_OPTIONS"]
    return create_engine(db.engine.url, poolclass=StaticPool, **options)


def run_worker(until_idle: bool) -> int:
    """Run until SIGTERM or SIGINT (or idle); returns how many mails the servers accepted.

    :raises Conflict: the database is another version's, or a backup is being restored.
    """
    schema.refuse_other_versions(db.engine)
    with presence.at_work(Path(current_app.instance_path)):
        return _run(until_idle)


def _run(until_idle: bool) -> int:
    worker = build_worker()
    logs.always(worker=worker.name)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop())
    _collect_less()
    log.info("worker %s started", worker.name)
    sent = worker.run(until_idle)
    log.info("worker %s ends, %s mails sent", worker.name, sent)
    return sent


def _collect_less() -> None:
    """Mails come and go in thousands a second and leave no cycles behind."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
