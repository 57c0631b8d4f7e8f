"""The application factory, and ``python app.py``: the web server with its scheduler."""

import sys
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import admin_views
from ctm import cli, config, keys
from ctm.backup import restoring
from ctm.errors import CtmError
from ctm.extensions import babel, csrf, db, limiter, login, migrate
from jobs import schedule

HERE = Path(__file__).resolve().parent


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """Build the application from the environment and ``overrides`` (names of ctm.config)."""
    values = _read_settings() | {k: v for k, v in (overrides or {}).items() if k[:4] == "CTM_"}
    instance = Path(values["CTM_INSTANCE"]).resolve()
    instance.mkdir(parents=True, exist_ok=True, mode=0o750)
    app = Flask(
        "ctm",
        root_path=str(HERE),
        instance_path=str(instance),
        static_folder="admin_views/static",
        template_folder="templates",
    )
    app.config.update(values)
    app.config.update(config.flask_settings(values))
    app.config.update(overrides or {})
    _finish_restore(instance, app.config["SQLALCHEMY_DATABASE_URI"])
    app.config["SECRET_KEY"] = keys.load_key(instance, "session").decode()
    app.extensions["ctm.vault"] = keys.Vault(keys.load_key(instance, "credentials"))
    app.extensions["ctm.tracking_key"] = keys.load_key(instance, "tracking")

    db.init_app(app)
    migrate.init_app(app, db, directory=str(HERE / "ctm" / "migrations"), render_as_batch=True)
    login.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    admin_views.init_app(app, babel)
    cli.init_app(app)
    schedule.init_app(app)
    if values["CTM_TRUSTED_PROXIES"]:
        hops = values["CTM_TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops, hops)  # type: ignore[method-assign]
    return app


def _read_settings() -> dict[str, Any]:
    """The settings of the environment; one that cannot be read ends the program in a sentence."""
    try:
        return config.load()
    except CtmError as error:
        sys.exit(f"CTM: {error}")


def _finish_restore(instance: Path, url: str) -> None:
    """A restore that was interrupted once it counted is brought to its end first."""
    try:
        restoring.finish_pending(instance, url)
    except CtmError as error:
        sys.exit(f"CTM: {error}")


if __name__ == "__main__":
    from jobs.serve import serve

    try:
        sys.exit(serve(create_app()))
    except CtmError as error:
        sys.exit(f"CTM: {error}")
