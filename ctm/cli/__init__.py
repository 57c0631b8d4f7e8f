"""Commands of ``flask --app app``. Each takes ``--json`` for machines to read."""

from flask import Flask

from ctm.cli import worker


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(worker.worker)
