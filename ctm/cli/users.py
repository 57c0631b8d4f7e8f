"""``users create``."""

import secrets

import click
from flask.cli import AppGroup

from ctm import list_statuses, setup
from ctm import users as people
from ctm.cli.output import answer, command
from ctm.models import Role

users = AppGroup("users", help="People who log in.")


@users.command("create")
@click.argument("email")
@click.option("--name", default="", help="Name; the address if left out.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="operator")
@click.option("--password", default="", help="Made up and shown once if left out.")
@click.option("--language", type=click.Choice(["it", "en"]), default="it")
@command
def create(email: str, name: str, role: str, password: str, language: str, as_json: bool) -> None:
    """Create a user."""
    first = setup.needed()
    made_up = "" if password else secrets.token_urlsafe(12)
    user = people.create(email, name or email, role, password or made_up, language)
    if first:
        list_statuses.ensure_defaults(language)
    words = f"User {user.email} ({user.role}) created."
    if made_up:
        words += f" Password: {made_up}"
    answer(as_json, words, id=user.id, email=user.email, role=user.role, password=made_up or None)
