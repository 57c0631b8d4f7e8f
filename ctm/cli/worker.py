"""``worker``: the engine without the web."""

import logging
import sys

import click
from flask.cli import with_appcontext

from ctm.cli.output import answer, command
from ctm.mailing.engine.command import run_worker


@click.command("worker")
@click.option("--until-idle", is_flag=True, help="End when nothing is left to send.")
@command
@with_appcontext
def worker(until_idle: bool, as_json: bool) -> None:
    """Send what the outbox holds."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    sent = run_worker(until_idle)
    answer(as_json, f"{sent} mails sent.", sent=sent)
