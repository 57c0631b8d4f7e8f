"""The mail editor in Chromium, under the strict policy of the page around it."""

from typing import Any

import pytest
from flask import Flask, render_template_string
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests import factories
from tests.browser.driving import log_in

pytestmark = pytest.mark.browser

PAGE = """{% extends "base.html" %}{% import "macros/ui.html" as ui %}
{% block body %}<form method="post" data-guard>
<label for="body">Body</label>
<textarea id="body" name="body" data-editor="{{ url_for('editor.frame') }}"
  data-editor-format="format" data-editor-fields="fields">{{ html }}</textarea>
<label><input type="radio" name="format" value="html" checked> HTML</label>
<label><input type="radio" name="format" value="text"> Text</label></form>
<script type="application/json" id="fields">{{ fields|tojson }}</script>{% endblock %}"""

FIELDS = [{"code": "[clienti.nome]", "label": "Name", "group": "Client"}]

MAIL = """<!DOCTYPE html>
<html><head><title>t</title><style>.big{font-size:22px}</style></head>
<body style="margin:0" bgcolor='#f5f6f8'><!-- kept -->
<table width=100%><tr><td style='padding:20px'><p class="big">Gentile,</p></td></tr></table>
</body></html>"""


@pytest.fixture
def open_editor(app: Flask, chromium: webdriver.Chrome, root: str) -> Any:
    """``open_editor(html)`` shows a form with this HTML in the editor."""
    shown = {"html": ""}

    @app.get("/editor-under-test")
    def page() -> str:
        return render_template_string(PAGE, html=shown["html"], fields=FIELDS)

    user = factories.user()

    def show(html: str) -> webdriver.Chrome:
        shown["html"] = html
        log_in(app, chromium, root, user)
        chromium.get(f"{root}/editor-under-test")
        waiting(chromium).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".editor-state span"))
        return chromium

    return show


def waiting(driver: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    return WebDriverWait(driver, 10)


def written(driver: webdriver.Chrome) -> str:
    """What would be saved, as typed (browsers count a line's end as one character)."""
    return str(driver.execute_script("return document.getElementById('body').value"))


def type_at_end(driver: webdriver.Chrome, selector: str, text: str) -> None:
    driver.switch_to.frame(driver.find_element(By.CSS_SELECTOR, ".editor-frame"))
    node = driver.find_element(By.CSS_SELECTOR, selector)
    driver.execute_script(
        "document.body.focus(); getSelection().selectAllChildren(arguments[0]);"
        "getSelection().collapseToEnd()",
        node,
    )
    driver.switch_to.active_element.send_keys(text)
    driver.switch_to.default_content()


def toggle_source(driver: webdriver.Chrome) -> None:
    driver.find_element(By.CSS_SELECTOR, ".editor-bar > .push").click()


def test_html_that_is_not_touched_stays_as_written(open_editor: Any) -> None:
    driver = open_editor(MAIL)
    toggle_source(driver)
    toggle_source(driver)
    toggle_source(driver)
    assert written(driver) == MAIL


def test_typing_changes_only_the_inside_of_the_body(open_editor: Any) -> None:
    driver = open_editor(MAIL)
    type_at_end(driver, "p.big", " benvenuta")
    waiting(driver).until(lambda d: "benvenuta" in written(d))
    html = written(driver)
    assert html.startswith(MAIL[: MAIL.index("<table")])
    assert '<td style="padding:20px"><p class="big">Gentile, benvenuta</p></td>' in html
    assert html.endswith("</body></html>")


def test_a_merge_field_goes_where_the_cursor_is(open_editor: Any) -> None:
    driver = open_editor("<p>Ciao</p><p>fine</p>")
    type_at_end(driver, "p", " ")
    driver.find_element(By.CSS_SELECTOR, ".editor details:not(.swatch-menu) summary").click()
    waiting(driver).until(lambda d: d.switch_to.active_element.get_attribute("type") == "search")
    driver.switch_to.active_element.send_keys("nam", Keys.ENTER)
    waiting(driver).until(lambda d: "[clienti.nome]</p><p>fine" in written(d))


def test_bold_works_from_the_keyboard(open_editor: Any) -> None:
    driver = open_editor("<p>uno</p>")
    type_at_end(driver, "p", Keys.CONTROL + "b" + Keys.NULL + "due")
    waiting(driver).until(lambda d: "<b>due</b>" in written(d))


@pytest.mark.parametrize(
    "html",
    [
        "<table>[titoli.polizza;block=tr]<tr><td>x</td></tr></table>",
        "<p>a<table><tr><td>x</td></tr></table>b</p>",
        "<![if !mso]><p>x</p><![endif]>",
        "<b><p>crossed</b></p>",
    ],
)
def test_html_the_browser_would_change_opens_as_source(open_editor: Any, html: str) -> None:
    driver = open_editor(html)
    assert driver.find_element(By.ID, "body").is_displayed()
    assert "only the source view" in driver.find_element(By.CLASS_NAME, "editor-state").text
    assert written(driver) == html


@pytest.mark.parametrize(
    "html",
    [
        "<img src=x onerror=\"parent.document.title='caught'\">",
        "<script>parent.document.title='caught'</script>",
        "<svg onload=\"parent.document.title='caught'\"></svg>",
        "<iframe srcdoc=\"<script>top.document.title='caught'</script>\"></iframe>",
    ],
)
def test_nothing_in_the_mail_runs(open_editor: Any, html: str) -> None:
    driver = open_editor(f"<p>x</p>{html}")
    if driver.find_element(By.ID, "body").is_displayed():
        toggle_source(driver)
    type_at_end(driver, "p", "y")
    waiting(driver).until(lambda d: "xy" in written(d))
    assert driver.title != "caught"


def test_plain_text_and_back_loses_nothing(open_editor: Any) -> None:
    driver = open_editor(MAIL)
    driver.find_element(By.CSS_SELECTOR, "input[value=text]").click()
    assert written(driver) == "Gentile,"
    driver.find_element(By.CSS_SELECTOR, "input[value=html]").click()
    assert written(driver) == MAIL


def test_a_link_to_a_script_is_refused_in_words(open_editor: Any) -> None:
    driver = open_editor("<p>x</p>")
    type_at_end(driver, "p", Keys.CONTROL + "k")
    field = waiting(driver).until(lambda d: d.find_element(By.ID, "ask-url"))
    field.clear()
    field.send_keys("javascript:alert(1)", Keys.ENTER)
    assert "starts with https://" in driver.find_element(By.ID, "ask-url-err").text
    field.clear()
    field.send_keys("https://brera.example/a?b=1&c=2", Keys.ENTER)
    waiting(driver).until(lambda d: 'href="https://brera.example/a?b=1&amp;c=2"' in written(d))


def test_the_page_breaks_no_policy(open_editor: Any) -> None:
    driver = open_editor(MAIL)
    type_at_end(driver, "p.big", "!")
    waiting(driver).until(lambda d: "!</p>" in written(d))
    assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
