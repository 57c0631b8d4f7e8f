"""The pages of policies and instalments: lists, cards, forms, actions on many, imports."""

from flask import Flask
from flask_admin import Admin

from admin_views.portfolio import actions, instalments, policies
from admin_views.portfolio.blueprints import instalments_bp, policies_bp

PAGES = (policies, instalments, actions)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(policies_bp)
    app.register_blueprint(instalments_bp)
