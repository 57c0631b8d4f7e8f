"""Document templates (A9, A10, A23): their pages, and documents made of them."""

from flask import Flask
from flask_admin import Admin

from admin_views.documents import editing, generating
from admin_views.documents.blueprint import bp

__all__ = ["editing", "generating", "register"]


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
