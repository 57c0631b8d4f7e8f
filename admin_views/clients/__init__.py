"""The pages of clients: list, card, forms, contacts, actions on many, searches, imports."""

from flask import Flask
from flask_admin import Admin

from admin_views.clients import actions, card, consents, contacts, forms, listing, privacy
from admin_views.clients.blueprint import bp

PAGES = (listing, card, forms, contacts, consents, privacy, actions)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
