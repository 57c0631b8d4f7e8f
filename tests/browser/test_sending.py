"""From the list of instalments to the sent mail in Chromium: the manual's notice of due dates."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from ctm import tasks
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.engine.command import build_worker
from ctm.models import CampaignState, DocumentKind, DocumentTemplate, Instalment, Message, Purpose
from tests import factories
from tests.browser.driving import log_in
from tests.browser.test_accessibility import set_width, wrongs
from tests.mailing.engine.conftest import sink
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.listmail import office

__all__ = ["sink"]

pytestmark = pytest.mark.browser


class Page:
    """What a person does on the page."""

    def __init__(self, chromium: webdriver.Chrome) -> None:
        self.driver = chromium

    def until(self, condition: Any) -> Any:
        moved = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.driver, 40, ignored_exceptions=moved).until(condition)

    def find(self, css: str) -> WebElement:
        return self.until(lambda d: d.find_element(By.CSS_SELECTOR, css))  # type: ignore[no-any-return]

    def press(self, words: str) -> None:
        found = f"//main//*[self::button or self::a][contains(normalize-space(), '{words}')]"
        node = self.until(lambda d: d.find_element(By.XPATH, found))
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
        self.until(lambda d: node.is_displayed() and node.is_enabled())
        node.click()

    def choose(self, name: str, value: str) -> None:
        Select(self.find(f"select[name={name}]")).select_by_value(value)

    def says(self, words: str) -> None:
        self.until(lambda d: words in d.find_element(By.TAG_NAME, "main").text)


def test_a_state_that_changes_before_the_page_first_asks_is_shown(
    app: Flask, chromium: webdriver.Chrome, root: str
) -> None:
    campaign = factories.campaign(account=factories.account())
    factories.member(campaign, factories.customer())
    control.start(campaign)
    manager = factories.user(role="manager")
    log_in(app, chromium, root, manager)
    page = Page(chromium)
    blocked = ["*/live.json*"]
    chromium.execute_cdp_cmd("Network.enable", {})
    chromium.execute_cdp_cmd("Network.setBlockedURLs", {"urls": blocked})
    chromium.get(f"{root}/campaigns/{campaign.id}/mailing")
    page.says("sending")
    db.session.rollback()
    campaign.state = CampaignState.FINISHED
    db.session.commit()
    chromium.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.says("finished")


def this_month() -> list[Instalment]:
    """Two clients with two instalments each due this month, and one due another month."""
    clients = [factories.customer(first_name=name) for name in ("Anna", "Ugo")]
    due = [each for who in clients for each in office.instalments(who, "100.50", "20", "7")]
    today = utcnow().date()
    for number, each in enumerate(due):
        other = date(today.year + 1, 1, 15)
        each.due_date = other if number % 3 == 2 else today.replace(day=5 + number)
    db.session.commit()
    return due


def documents() -> tuple[int, int]:
    """A PDF and an Excel template for instalments grouped by client."""
    common = {"module": "titoli_anagrafica"}
    table = "<table><tr><td>[titoli.numero;block=tr]</td><td>[titoli.importo]</td></tr></table>"
    pdf = DocumentTemplate(kind=DocumentKind.PDF, name="Notice", html=table, **common)
    columns = {"columns": [{"content": "[titoli.importo]", "title": "Importo"}]}
    sheet = DocumentTemplate(kind=DocumentKind.EXCEL, name="Sheet", options=columns, **common)
    return office.save(pdf).id, office.save(sheet).id


def test_instalments_due_this_month_become_a_notice_for_each_client(
    app: Flask, chromium: webdriver.Chrome, root: str, sink: SmtpSink
) -> None:
    sender, _account = office.sender_with_account(port=sink.port)
    purpose: Purpose = office.purpose(name="Due dates")
    this_month()
    pdf, sheet = documents()
    log_in(app, chromium, root, sender)
    page = Page(chromium)

    chromium.get(f"{root}/instalments/?tab=all&f=due_date:this_month")
    page.find("[data-select-all]").click()
    page.says("4 selected")
    page.press("SEND MAIL")
    page.choose("module", "titoli_anagrafica")
    page.until(
        lambda d: d.find_elements(By.CSS_SELECTOR, f"[name=pdf_template_id] [value='{pdf}']")
    )
    page.choose("purpose_id", str(purpose.id))
    page.choose("pdf_template_id", str(pdf))
    page.choose("excel_template_id", str(sheet))
    page.find("#subject").send_keys("Scadenze di [clienti.nome]")
    page.find("[value=text]").click()
    page.find("#body_text").send_keys("In tutto [titoli.totale;frm='0.000,00 €']")
    wrong = wrongs(chromium, "form", 1280)
    set_width(chromium, 390)
    wrong += wrongs(chromium, "form", 390)
    set_width(chromium, 1280)
    page.press("Preview")
    page.says("Scadenze di Anna")
    page.says("In tutto 120,50 €")
    page.press("Next")
    page.says("Scadenze di Ugo")
    page.press("Check and send")
    page.says("Nobody is left out.")
    wrong += wrongs(chromium, "check", 1280)
    page.press("Send 2 mails")
    page.says("preparing")
    wrong += wrongs(chromium, "progress", 1280)
    db.session.rollback()
    tasks.run_waiting()
    assert build_worker().run(until_idle=True) == 2
    page.says("finished")
    assert sum(sink.deliveries().values()) == 2

    db.session.expire_all()
    mail = db.session.scalars(db.select(Message).order_by(Message.id)).first()
    assert mail is not None
    chromium.get(f"{root}/mails/details/?id={mail.id}")
    page.says("Scadenze di Anna")
    page.says(".pdf")
    page.says(".xlsx")
    wrong += wrongs(chromium, "mail", 1280)
    wrong += [line for line in chromium.get_log("browser") if line["level"] == "SEVERE"]
    assert wrong == []
