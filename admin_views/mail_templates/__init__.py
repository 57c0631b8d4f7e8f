"""The pages of mail templates (A16): list, form, preview, versions, usage."""

from flask import Flask
from flask_admin import Admin

from admin_views.mail_templates import editing, listing, previewing, versions
from admin_views.mail_templates.blueprint import bp

PAGES = (listing, editing, previewing, versions)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
