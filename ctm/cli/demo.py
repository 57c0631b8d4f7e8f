"""``demo``: the demo office."""

import click
from flask.cli import AppGroup

from ctm.cli.output import answer, command
from ctm.demo import EMAIL, PASSWORD, office

demo = AppGroup("demo", help="The demo office.")


@demo.command("create")
@click.option("--if-empty", is_flag=True, help="Do nothing if the database is in use.")
@command
def create(if_empty: bool, as_json: bool) -> None:
    """Fill an empty database with the demo office."""
    if if_empty and not office.is_empty():
        answer(as_json, "The database is in use; nothing was made.", made=False)
        return
    made = office.create()
    words = f"Demo office made: {made['clients']} clients, {made['campaigns']} campaigns."
    login = f"Log in as {EMAIL}, password {PASSWORD}"
    answer(as_json, f"{words} {login}", made=True, **made, login=EMAIL, password=PASSWORD)
