from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from selenium import webdriver

from tests.browser import driving


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"SERVER_NAME": None}


@pytest.fixture
def chromium() -> Iterator[webdriver.Chrome]:
    with driving.browser() as driver:
        yield driver


@pytest.fixture
def root(app: Flask) -> Iterator[str]:
    """Where the application is served."""
    with driving.serving(app) as address:
        yield address
