"""The pages of campaigns: list, E-Mailing, preview, clients, adding, history."""

from flask import Flask
from flask_admin import Admin

from admin_views.campaigns import (
    adding,
    emailing,
    history,
    listing,
    mailing,
    members,
    preview,
    statistics,
)
from admin_views.campaigns.blueprint import bp

PAGES = (listing, mailing, statistics, members, adding, emailing, preview, history)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
