"""Sending mail from the lists: the form, its files, preview, check and progress."""

from flask import Flask
from flask_admin import Admin

from admin_views.sending import checking, form, listing, preview, progress, starting
from admin_views.sending.blueprint import bp

PAGES = (starting, listing, form, preview, checking, progress)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
