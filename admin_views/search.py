"""One search over everything the user may see."""

from typing import Any

from flask import Blueprint, Flask, jsonify, render_template, request, url_for
from flask_admin import Admin
from flask_login import current_user

from admin_views import navigation
from admin_views.security import requires
from ctm import searching
from ctm.i18n import _
from ctm.permissions import Permission
from ctm.searching import Found, Group

bp = Blueprint("search", __name__)

PAGE_LIMIT, QUICK_LIMIT = 20, 5


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals["search_link"] = link


@bp.get("/search")
@requires(Permission.VIEW_CLIENTS)
def index() -> Any:
    text = _text()
    return render_template(
        "search/index.html",
        q=text,
        short=len(text) < searching.SHORTEST,
        groups=_groups(text, PAGE_LIMIT),
        limit=PAGE_LIMIT,
    )


@bp.get("/search.json")
@requires(Permission.VIEW_CLIENTS)
def quick() -> Any:
    """The first of each kind, for the search field at the top."""
    return jsonify(
        groups=[
            {
                "title": str(group.title),
                "found": [
                    {"label": one.label, "detail": one.detail, "url": link(group.kind, one)}
                    for one in group.found
                ],
            }
            for group in _groups(_text(), QUICK_LIMIT)
        ]
    )


def _text() -> str:
    return " ".join(request.args.get("q", "").replace("\x00", " ").split())[: searching.LONGEST]


def _groups(text: str, limit: int) -> list[Group]:
    return [*_pages(text), *searching.search(text, current_user, limit)]


def _pages(text: str) -> list[Group]:
    """Pages of the menu whose name holds the text."""
    if len(text) < searching.SHORTEST:
        return []
    found = [
        Found(0, item.label, item.url)
        for item in navigation.entries()
        if text.lower() in item.label.lower()
    ]
    return [Group("pages", _("Pages"), found)] if found else []


def link(kind: str, one: Found) -> str:
    """Where a found record is looked at."""
    if kind == "pages":
        return one.detail
    if kind == "clients":
        return f"/clients/{one.id}"
    if kind == "contacts" or (kind == "mails" and one.owner):
        return f"/clients/{one.owner}"
    if kind == "campaigns":
        return f"/campaigns/{one.id}/mailing"
    if kind == "policies":
        return url_for("policies.show", policy_id=one.id)
    if kind == "users":
        return url_for("users.edit", user_id=one.id)
    if kind == "accounts":
        return "/accounts/"
    return url_for("search.index", q=one.label)
