"""axe-core finds nothing on the main pages, at the width of a desk and of a phone; none of them
is wider than its screen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from selenium import webdriver
from sqlalchemy import select

from ctm.demo import EMAIL, office
from ctm.extensions import db
from ctm.models import Campaign, CampaignState, Client, User
from tests.browser.driving import log_in, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 390)
PAGES = (
    "/",
    "/clients/",
    "/clients/new",
    "/clients/import",
    "/clients/{client}",
    "/campaigns/",
    "/campaigns/new",
    *(
        f"/campaigns/{{{which}}}/{tab}"
        for which in ("ready", "finished")
        for tab in ("mailing", "statistics", "clients", "emailing", "preview", "add", "history")
    ),
    "/policies/",
    "/policies/new",
    "/instalments/?tab=all&f=amount:greater:1&f1=due_date:this_month&f1=number:empty",
    "/mails/",
    "/undecided",
    "/practice",
    "/accounts/",
    "/accounts/new",
    "/list-statuses/",
    "/suppressions/",
    "/documents/",
    "/documents/new/pdf",
    "/documents/new/word",
    "/documents/new/excel",
    "/documents/of-client/{client}",
    "/purposes/",
    "/purposes/new",
    "/clients/{client}?section=consents",
    "/clients/{client}/erase",
    "/mail-templates/",
    "/mail-templates/new?module=titoli",
    "/sql-fields/",
    "/sql-fields/new",
    "/office",
    "/users/",
    "/users/new",
    "/system",
    "/system/backups",
    "/audit/",
    "/tasks/",
    "/profile",
    "/search?q=rossi",
)
STATUS = "return performance.getEntriesByType('navigation')[0].responseStatus"
ASK = """
const done = arguments[0];
axe.run(document).then((found) => done(found.violations.map((rule) =>
  [rule.id, rule.help, rule.nodes.slice(0, 3).map((node) => node.target.join(" "))])));
"""


@pytest.fixture
def root(app: Flask) -> Iterator[str]:
    """The demo office, served."""
    office.create()
    with serving(app) as address:
        yield address


def set_width(driver: webdriver.Chrome, width: int) -> None:
    phone = width < 600
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def addresses() -> list[str]:
    def number(model: Any, *conditions: Any) -> int:
        return int(db.session.scalars(select(model.id).where(*conditions)).first() or 0)

    finished = Campaign.state == CampaignState.FINISHED
    numbers = {
        "client": number(Client),
        "ready": number(Campaign, ~finished),
        "finished": number(Campaign, finished),
    }
    return [page.format(**numbers) for page in PAGES]


def wrongs(driver: webdriver.Chrome, path: str, width: int) -> list[Any]:
    """What axe says of the open page, and how much wider than the screen it is."""
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = [[path, width, *each] for each in driver.execute_async_script(ASK)]
    wide = driver.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [*found, [path, width, "wider than the screen", wide]] if wide > 0 else found


@pytest.fixture
def look(chromium: webdriver.Chrome, root: str) -> Callable[[list[str]], list[Any]]:
    """``look(paths)`` opens each page at each width; returns all that is wrong."""

    def judge(paths: list[str]) -> list[Any]:
        found = []
        for width in WIDTHS:
            set_width(chromium, width)
            for path in paths:
                chromium.get(f"{root}{path}")
                assert chromium.current_url == f"{root}{path}"
                assert chromium.execute_script(STATUS) == 200, path
                found += wrongs(chromium, path, width)
        return found

    return judge


def test_the_login_page(look: Callable[[list[str]], list[Any]]) -> None:
    assert look(["/login"]) == []


def test_the_pages_behind_the_login(
    app: Flask, chromium: webdriver.Chrome, root: str, look: Callable[[list[str]], list[Any]]
) -> None:
    user = db.session.scalars(select(User).where(User.email == EMAIL)).one()
    log_in(app, chromium, root, user)
    assert look(addresses()) == []


def test_axe_sees_what_is_wrong(chromium: webdriver.Chrome, root: str) -> None:
    """So that the tests above cannot pass because axe was not there."""
    chromium.get(f"{root}/login")
    chromium.execute_script("document.querySelector('label[for=email]').remove()")
    assert any("label" in each[2] for each in wrongs(chromium, "/login", 1280))
