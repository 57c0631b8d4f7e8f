"""The system page: jobs, queue, accounts and workers in plain words."""

from typing import Any

from flask import Blueprint, Flask, render_template
from flask_admin import Admin

from admin_views.security import requires
from ctm import jobruns, machinery
from ctm.permissions import Permission

bp = Blueprint("system", __name__, url_prefix="/system")


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
@requires(Permission.VIEW_SYSTEM)
def index() -> Any:
    return render_template(
        "system/index.html",
        jobs=jobruns.states(),
        queue=machinery.queue(),
        accounts=machinery.accounts(),
        workers=machinery.workers(),
        machine=machinery.machine(),
    )
