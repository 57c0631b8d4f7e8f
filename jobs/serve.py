"""The server process: web pages, scheduler, practice mailbox, and a sending worker beside it."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import click
import waitress
from flask import Flask
from sqlalchemy import select

from ctm import config, logs, presence, schema, settings, setup
from ctm.demo import EMAIL, PASSWORD, office
from ctm.errors import Unavailable
from ctm.extensions import db
from ctm.i18n import _
from ctm.jobruns import table
from ctm.mailing.tracking.collector import Collector, spool_folder
from ctm.models import User
from jobs.front import Dispatcher, Front
from jobs.looping import Channels, asyncore
from jobs.practice import PracticeServer
from jobs.scheduler import Scheduler
from jobs.supervisor import Supervisor

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent


def serve(app: Flask) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    On the way out everything stops in order: no more requests, the jobs under way end, the worker
    finishes the mail in flight, and the practice mailbox, which may be receiving it, goes last.

    :raises Unavailable: a port is busy, or the address is not this machine's.
    :raises Conflict: the database is another version's, or a backup is being restored.
    """
    logs.configure("web", app.config, Path(app.instance_path))
    with presence.at_work(Path(app.instance_path)), app.app_context():
        schema.require_current(db.engine)
        _prepare_office(app)
        collector = Collector(spool_folder(Path(app.instance_path)))
        app.extensions["ctm.hits"] = collector
        server = listen(app, Front(app, collector))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        with ExitStack() as running:
            running.callback(server.close)
            _start_beside(app, running)
            _greet(app)
            db.session.remove()
            server.run()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            log.info("stopping")
    log.info("stopped")
    return 0


def _prepare_office(app: Flask) -> None:
    """Make the demo office where it is wanted; its recipients are all on this machine."""
    if app.config["CTM_DEMO"] and office.is_empty():
        click.echo(_("Making the demo office…"))
        office.create()
    if settings.is_demo() and not app.config["CTM_PUBLIC_URL"]:
        app.config["CTM_PUBLIC_URL"] = config.local_url(app.config)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _start_beside(app: Flask, running: ExitStack) -> None:
    """Start what runs beside the web; ``running`` stops it in the opposite order."""
    _start_child(app, running, "jobs.hits")
    running.callback(app.extensions["ctm.hits"].close)
    if app.config["CTM_PRACTICE_PORT"]:
        mailbox = PracticeServer(app)
        fixed = "CTM_PRACTICE_PORT" in os.environ
        mailbox.start(app.config["CTM_PRACTICE_PORT"], fixed=fixed)
        app.config["CTM_PRACTICE_PORT"] = mailbox.port
        running.callback(mailbox.stop)
    if app.config["CTM_WORKER"]:
        _start_child(app, running, "flask", "--app", "app", "worker")
    if app.config["CTM_SCHEDULER"]:
        scheduler = Scheduler(app, table())
        scheduler.start()
        running.callback(scheduler.stop)


def _start_child(app: Flask, running: ExitStack, *module: str) -> None:
    """A process beside this one: ``python -m`` something."""
    command = [sys.executable, "-m", *module]
    child = Supervisor(command, folder=ROOT, environ=child_environ(app))
    child.start()
    running.callback(child.stop)


def child_environ(app: Flask) -> dict[str, str]:
    """The environment that gives a child process this application's settings."""
    values = {}
    for setting in config.SETTINGS:
        value = app.config[setting.name]
        values[setting.name] = str(int(value)) if isinstance(value, bool) else str(value)
    return {**os.environ, **values}


def listen(app: Flask, front: Front) -> Any:
    """waitress, bound to its address, with what answers hits in front of the application.

    :raises Unavailable: it cannot be bound.
    """
    host, port = app.config["CTM_HOST"], app.config["CTM_PORT"]
    try:
        server = waitress.create_server(
            app,
            map=Channels(),
            _dispatcher=Dispatcher(front.answer, app.config["CTM_THREADS"]),
            host=host,
            port=port,
            ident=None,
            connection_limit=1000,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["CTM_TRUSTED_PROXIES"],
        )
        server.asyncore = asyncore()
        return server
    except (OSError, OverflowError, ValueError) as error:
        raise Unavailable(_why_not(error, host, port)) from None


def _why_not(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        text = _(
            "Port %(port)s is in use by another program. Stop it, or choose another port: "
            "CTM_PORT=%(other)s",
            port=port,
            other=port + 1,
        )
    elif number == errno.EACCES:
        text = _(
            "This user may not listen on port %(port)s. Choose one above 1024: CTM_PORT=5000",
            port=port,
        )
    else:
        text = _(
            "Cannot listen on %(host)s port %(port)s: %(words)s. Check CTM_HOST and CTM_PORT.",
            host=host,
            port=port,
            words=str(error),
        )
    return str(text)


def _greet(app: Flask, say: Callable[[str], None] = click.echo) -> None:
    url = config.local_url(app.config)
    say("")
    if db.session.scalar(select(User.id).limit(1)) is None:
        say("  " + _("CTM is ready. Set it up at %(url)s", url=f"{url}/setup"))
        say("  " + _("Set-up code") + ": " + setup.code())
    else:
        say("  " + _("CTM is ready at %(url)s", url=url))
        if settings.is_demo():
            say("  " + _("Log in as %(email)s, password %(word)s", email=EMAIL, word=PASSWORD))
    say("  " + _("Ctrl+C stops it."))
    say("")
    sys.stdout.flush()
