"""Today: what needs attention, and what is under way."""

from typing import Any

from flask import Flask, jsonify, render_template, request
from flask_admin import Admin, AdminIndexView, expose
from flask_login import current_user

from admin_views.base import Guarded
from ctm import overview
from ctm.permissions import Permission


class HomeView(Guarded, AdminIndexView):  # type: ignore[misc]
    permission = Permission.VIEW_CLIENTS

    @expose("/")
    def index(self) -> Any:
        return self.render("home/index.html", today=overview.today(current_user))

    @expose("/today.json")
    def live(self) -> Any:
        """The page's two columns as fragments, for the page that refreshes itself."""
        values = {"today": overview.today(current_user)}
        answer = jsonify(
            attention=render_template("home/_attention.html", **values),
            campaigns=render_template("home/_campaigns.html", **values),
        )
        answer.add_etag()
        return answer.make_conditional(request)


def register(app: Flask, admin: Admin) -> None:
    """The home page is given to Flask-Admin when it is built."""
