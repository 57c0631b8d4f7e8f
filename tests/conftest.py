"""Fixtures every test may use: an application on an empty database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g, request_started
from flask.testing import FlaskClient

from app import create_app
from ctm import audit
from ctm.extensions import db
from ctm.models import Role, User
from tests import factories


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings of the application under test; override in a module to change them."""
    return {}


def _forget(_app: Flask, **_kwargs: object) -> None:
    """Requests of one test share the test's application context: each starts with a clean one."""
    for name in list(g):
        g.pop(name)


@pytest.fixture
def app(tmp_path: Path, settings: dict[str, Any]) -> Iterator[Flask]:
    application = create_app(
        {
            "CTM_INSTANCE": str(tmp_path / "instance"),
            "CTM_LANGUAGE": "en",
            "CTM_PUBLIC_URL": "http://mail.test",
            "CTM_ALLOW_PRIVATE_HOSTS": True,
            "CTM_WORKER": False,
            "CTM_SCHEDULER": False,
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "RATELIMIT_ENABLED": False,
            "SERVER_NAME": "localhost",
        }
        | settings
    )
    with application.app_context(), request_started.connected_to(_forget, application):
        db.create_all()
        audit.act_as(None)
        application.extensions["ctm.set_up"] = True
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is not logged in."""
    return app.test_client()


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    """One user for each role."""
    return {role.value: factories.user(role=role) for role in Role}


@pytest.fixture
def login_as(app: Flask, people: dict[str, User]) -> Callable[[str], FlaskClient]:
    """``login_as("manager")`` is a browser logged in with that role."""

    def log_in(role: str) -> FlaskClient:
        browser = app.test_client()
        with browser.session_transaction() as session:
            session["_user_id"] = people[role].get_id()
            session["_fresh"] = True
        return browser

    return log_in
