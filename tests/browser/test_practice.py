"""The practice mailbox in Chromium: a mail is shown as its recipient would see it, in a sandbox."""

from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ctm import practice
from tests import factories
from tests.browser.driving import log_in

pytestmark = pytest.mark.browser


def keep(root: str, subject: str = "Rinnovo") -> int:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@brera.example", "m@posta.example", subject
    mail.set_content("Buongiorno")
    mail.add_alternative(
        f'<p id="said">Buongiorno</p><img id="pixel" src="{root}/static/img/icon.svg" width="20">'
        f'<img id="remote" src="http://127.0.0.1:9/x.png"><a id="link" href="{root}/login">qui</a>'
        "<script>document.title = 'run'</script>",
        subtype="html",
    )
    return practice.store("a@brera.example", ["m@posta.example"], mail.as_bytes()).id


def until(chromium: webdriver.Chrome, condition: Any) -> Any:
    return WebDriverWait(chromium, 15).until(condition)


def test_the_mail_shows_its_pictures_runs_nothing_and_its_links_open_a_new_tab(
    app: Flask, chromium: webdriver.Chrome, root: str
) -> None:
    number = keep(root)
    log_in(app, chromium, root, factories.user())
    chromium.get(f"{root}/practice/{number}")
    frame = until(chromium, lambda d: d.find_element(By.CSS_SELECTOR, "iframe.pm-frame"))
    assert "allow-scripts" not in frame.get_attribute("sandbox")
    chromium.switch_to.frame(frame)
    picture = until(chromium, lambda d: d.find_element(By.ID, "pixel"))
    until(chromium, lambda d: picture.get_property("naturalWidth") > 0)
    assert chromium.find_element(By.ID, "remote").get_property("naturalWidth") == 0
    assert not chromium.find_elements(By.TAG_NAME, "script")
    chromium.find_element(By.ID, "link").click()
    until(chromium, lambda d: len(d.window_handles) == 2)
    chromium.switch_to.window(chromium.window_handles[1])
    until(chromium, lambda d: d.current_url.startswith(root))
    chromium.switch_to.window(chromium.window_handles[0])
    assert chromium.current_url == f"{root}/practice/{number}"


def test_mails_appear_by_themselves_and_the_page_breaks_no_policy(
    app: Flask, chromium: webdriver.Chrome, root: str
) -> None:
    log_in(app, chromium, root, factories.user())
    chromium.get(f"{root}/practice")
    assert "Nothing has arrived yet" in chromium.find_element(By.TAG_NAME, "main").text
    keep(root, "Appena arrivata")
    until(chromium, lambda d: "Appena arrivata" in d.find_element(By.TAG_NAME, "main").text)
    wrong = [line for line in chromium.get_log("browser") if "Content Security" in line["message"]]
    assert wrong == []


def test_on_a_phone_the_open_mail_takes_the_place_of_the_list(
    app: Flask, chromium: webdriver.Chrome, root: str
) -> None:
    number = keep(root)
    log_in(app, chromium, root, factories.user())
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chromium.get(f"{root}/practice")
    assert chromium.find_element(By.CSS_SELECTOR, ".pm-side").is_displayed()
    assert not chromium.find_element(By.CSS_SELECTOR, ".pm-read").is_displayed()
    chromium.get(f"{root}/practice/{number}")
    assert not chromium.find_element(By.CSS_SELECTOR, ".pm-side").is_displayed()
    assert chromium.find_element(By.CSS_SELECTOR, ".pm-read").is_displayed()
    wide = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert chromium.execute_script(wide)
