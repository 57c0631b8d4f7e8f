"""The page that plays the demo agency's web site: where a click in a demo mail arrives."""

from typing import Any

from flask import Blueprint, Flask, abort, render_template
from flask_admin import Admin

from ctm import settings
from ctm.i18n import _l

bp = Blueprint("demo_site", __name__, url_prefix="/demo-site")

PAGES = {
    "rc-auto/rinnovo": _l("Renew your motor policy"),
    "rc-auto/preventivo": _l("Ask for a quotation"),
    "casa/check-up": _l("Book the check-up of your home"),
    "casa/guida": _l("Ten things to look at before the winter"),
    "contatti": _l("Where we are"),
}


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("/<path:page>")
def show(page: str) -> Any:
    """Open to everybody, as a web site is; there is none outside the demo office."""
    if page not in PAGES or not settings.is_demo():
        abort(404)
    return render_template("demo/site.html", heading=PAGES[page])
