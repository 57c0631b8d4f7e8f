"""How commands answer: words for people, JSON for machines, one sentence for an error."""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from ctm import audit
from ctm.errors import CtmError

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def answer(as_json: bool, words: str, **data: Any) -> None:
    """Print ``words``, or ``data`` as one line of JSON."""
    click.echo(json.dumps(data, default=str) if as_json else words)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run as the command line's user; a CtmError is one sentence and exit status 1."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        audit.act_as(None, name="command line")
        try:
            return function(*args, **kwargs)
        except CtmError as error:
            if kwargs.get("as_json"):
                click.echo(json.dumps({"error": str(error)}))
            else:
                click.echo(str(error), err=True)
            sys.exit(1)

    return json_option(run)
