"""``worker``: the engine without the web."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from ctm import logs
from ctm.cli.output import answer, command
from ctm.mailing.engine.command import run_worker


@click.command("worker")
@click.option("--until-idle", is_flag=True, help="End when nothing is left to send.")
@command
@with_appcontext
def worker(until_idle: bool, as_json: bool) -> None:
    """Send what the outbox holds."""
    logs.configure("worker", current_app.config, Path(current_app.instance_path))
    sent = run_worker(until_idle)
    answer(as_json, f"{sent} mails sent.", sent=sent)
