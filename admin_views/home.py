"""Today: what needs attention."""

from typing import Any

from flask import Flask
from flask_admin import Admin, AdminIndexView, expose

from admin_views.base import Guarded
from ctm.permissions import Permission


class HomeView(Guarded, AdminIndexView):  # type: ignore[misc]
    permission = Permission.VIEW_CLIENTS

    @expose("/")
    def index(self) -> Any:
        return self.render("home/index.html")


def register(app: Flask, admin: Admin) -> None:
    """The home page is given to Flask-Admin when it is built."""
