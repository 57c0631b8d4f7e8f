"""Commands of ``flask --app app``. Each takes ``--json`` for machines to read."""

from flask import Flask

from ctm.cli import demo, worker


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(worker.worker)
    app.cli.add_command(demo.demo)
