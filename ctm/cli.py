"""Commands of ``flask --app app``."""

from flask import Flask

from ctm.demo.commands import demo


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(demo)
