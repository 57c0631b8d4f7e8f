"""``flask --app app demo create``."""

import json

import click
from flask.cli import AppGroup

from ctm.demo import EMAIL, PASSWORD, office
from ctm.errors import CtmError
from ctm.i18n import _

demo = AppGroup("demo", help="The demo office.")


@demo.command()
@click.option("--if-empty", is_flag=True, help="Do nothing if the database is in use.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def create(if_empty: bool, as_json: bool) -> None:
    """Fill an empty database with the demo office."""
    if if_empty and not office.is_empty():
        made = {"users": 0, "clients": 0, "campaigns": 0}
    else:
        try:
            made = office.create()
        except CtmError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(made | {"login": EMAIL, "password": PASSWORD}))
    elif made["clients"]:
        click.echo(
            _("Demo office made: %(clients)s clients, %(campaigns)s campaigns.", **made)
            + " "
            + _("Log in as %(email)s, password %(word)s", email=EMAIL, word=PASSWORD)
        )
