"""Choosing a provider in the form of an account, in Chromium."""

from collections.abc import Iterator

import pytest
from flask import Flask
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from ctm.models import Role
from tests import factories
from tests.browser.driving import log_in

pytestmark = pytest.mark.browser


@pytest.fixture
def form(app: Flask, chromium: webdriver.Chrome, root: str) -> Iterator[webdriver.Chrome]:
    """The form of a new account, open in a browser."""
    user = factories.user(role=Role.ADMINISTRATOR, name="Anna Verdi")
    log_in(app, chromium, root, user)
    chromium.get(f"{root}/accounts/new")
    wait_for(chromium, "!document.querySelector('[data-preset-needs]').hidden")
    yield chromium
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def wait_for(driver: webdriver.Chrome, condition: str) -> None:
    WebDriverWait(driver, 10).until(lambda d: d.execute_script(f"return Boolean({condition})"))


def choose(driver: webdriver.Chrome, provider: str) -> None:
    Select(driver.find_element(By.NAME, "provider")).select_by_value(provider)


def typed(driver: webdriver.Chrome, name: str) -> list[str]:
    fields = driver.find_elements(By.CSS_SELECTOR, f"form [name={name}]")
    return [str(field.get_property("value")) for field in fields]


def test_a_provider_fills_in_its_server_and_limits(form: webdriver.Chrome) -> None:
    choose(form, "aruba")
    assert (typed(form, "host"), typed(form, "port")) == (["smtp.aruba.it"], ["465"])
    limit = [typed(form, name)[0] for name in ("limit_messages", "limit_amount", "limit_unit")]
    assert limit == ["250", "20", "60"]
    choose(form, "office365")
    assert (typed(form, "port"), typed(form, "security")) == (["587"], ["starttls"])
    assert typed(form, "limit_messages") == ["30", "10000"]
    needs = form.find_element(By.CSS_SELECTOR, "[data-preset-needs]").text
    assert "Authenticated SMTP" in needs


def test_a_practice_account_asks_for_no_server(form: webdriver.Chrome) -> None:
    choose(form, "practice")
    wait_for(form, "!document.querySelector('#host').offsetParent")
    choose(form, "custom")
    wait_for(form, "document.querySelector('#host').offsetParent")
    assert typed(form, "limit_messages") == []


def test_enabled_users_are_chosen_by_typing_and_saved(form: webdriver.Chrome) -> None:
    other = factories.user(name="Bruno Neri")
    choose(form, "practice")
    form.find_element(By.NAME, "name").send_keys("Prova")
    form.find_element(By.NAME, "from_email").send_keys("prova@office.example")
    form.find_element(By.ID, "user_ids-text").send_keys("bru")
    wait_for(form, "document.querySelector('[role=option]')")
    form.find_element(By.CSS_SELECTOR, "[role=option]").click()
    assert str(other.id) in typed(form, "user_ids")[0].split(",")
    form.find_element(By.CSS_SELECTOR, ".form-foot .btn.go").click()
    wait_for(form, "location.pathname === '/accounts/'")
    assert "Anna Verdi, Bruno Neri" in form.find_element(By.TAG_NAME, "table").text
