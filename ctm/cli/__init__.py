"""Commands of ``flask --app app``. Each takes ``--json`` for machines to read."""

from flask import Flask

from ctm.cli import accounts, backup, campaigns, clients, demo, doctor, users, worker


def init_app(app: Flask) -> None:
    """Register the commands."""
    for group in (
        users.users,
        clients.clients,
        accounts.accounts,
        campaigns.campaigns,
        demo.demo,
        worker.worker,
        doctor.doctor,
        backup.backup,
        backup.restore,
        backup.upgrade,
    ):
        app.cli.add_command(group)
