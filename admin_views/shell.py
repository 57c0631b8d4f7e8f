"""What the page's frame shows beside the menu: who is signed in, languages, search."""

from typing import Any

from flask import Flask, current_app, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from admin_views.languages import current_language
from ctm.i18n import LANGUAGES, _l

ROLE_WORDS = {
    "administrator": _l("Administrator"),
    "manager": _l("Manager"),
    "operator": _l("Operator"),
    "supervisor": _l("Supervisor"),
}
LINKS = {
    "home_url": "admin.index",
    "search_url": "search.index",
    "quick_search_url": "search.quick",
    "profile_url": "auth.profile",
    "password_url": "auth.password",
    "logout_url": "auth.logout",
}


def init_app(app: Flask) -> None:
    app.context_processor(_context)
    app.add_url_rule("/favicon.ico", "favicon", favicon)


def favicon() -> Response:
    """Browsers ask for it by themselves, for instance beside a downloaded file."""
    return current_app.send_static_file("img/icon.svg")


def _context() -> dict[str, Any]:
    shell: dict[str, Any] = {
        name: url_for(endpoint)
        for name, endpoint in LINKS.items()
        if endpoint in current_app.view_functions
    }
    shell["languages"] = [(c, n, url_for("languages.choose", code=c)) for c, n in LANGUAGES.items()]
    shell["here"] = request.full_path.rstrip("?") if request.method == "GET" else "/"
    if current_user and current_user.is_authenticated:
        shell["user_name"] = str(current_user.name)
        shell["user_role"] = str(ROLE_WORDS.get(current_user.role, current_user.role))
    return {"shell": shell, "locale": current_language()}
