"""The pages of clients: list, card, forms, contacts, actions on many, saved searches, imports."""

from flask import Flask
from flask_admin import Admin

from admin_views.clients import actions, card, consents, contacts, forms, imports, listing, searches
from admin_views.clients.blueprint import bp

PAGES = (listing, card, forms, contacts, consents, actions, searches, imports)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
