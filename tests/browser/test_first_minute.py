"""The newcomer's first minute, with nothing pretended: the server process with its worker, its
scheduler and its practice mailbox, and Chromium."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent.parent
EMAIL, PASSWORD = "admin@brera.example", "brera-demo-2026"
# What Chromium says of itself with a window; without one it says what robots say.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def flask(environ: dict[str, str], *command: str) -> None:
    line = [sys.executable, "-m", "flask", "--app", "app", *command]
    subprocess.run(line, cwd=ROOT, env=environ, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[str]:
    """A fresh office, served; the server must also leave in order when it is told to."""
    port = free_port()
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("CTM_")},
        "CTM_INSTANCE": str(tmp_path / "instance"),
        "CTM_PORT": str(port),
        "CTM_PRACTICE_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    flask(environ, "db", "upgrade")
    flask(environ, "demo", "create")
    log = tmp_path / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environ, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/login", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the server never answered:\n{log.read_text()}")


@dataclass
class Person:
    """Somebody at the browser. Every page seen is asked for its policy."""

    driver: webdriver.Chrome
    root: str
    seen: set[str] = field(default_factory=set)

    def go(self, path: str) -> None:
        self.driver.get(f"{self.root}{path}")
        self.look()

    def look(self) -> None:
        """Check the policy of the page that is open now."""
        url = self.driver.current_url
        assert url.startswith(self.root)
        script = (
            "const done = arguments[0];"
            "fetch(location.href).then(a => done(a.headers.get('Content-Security-Policy')))"
        )
        assert self.driver.execute_async_script(script) == POLICY, url
        self.seen.add(urlsplit(url).path)

    def until(self, condition: Callable[[], T | None], seconds: float = 30) -> T:
        """Wait for it; what the page replaced meanwhile is looked for again."""
        wait = WebDriverWait(
            self.driver,
            seconds,
            poll_frequency=0.2,
            ignored_exceptions=[StaleElementReferenceException],
        )
        found = wait.until(lambda _driver: condition())
        assert found
        return found

    def press(self, selector: str) -> None:
        """Click; a list that the page replaces meanwhile is looked for again."""
        self.until(lambda: [each.click() for each in self.all(selector)[:1]])

    def find(self, selector: str) -> WebElement:
        return self.until(lambda: next(iter(self.all(selector)), None))

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def number(self, key: str) -> int:
        """A figure of the summary box."""
        text = self.driver.execute_script(
            "return document.querySelector(`.nums [data-live='${arguments[0]}']`)?.textContent", key
        )
        return int(re.sub(r"\D", "", text or "") or -1)

    def mark(self) -> None:
        """Leave a mark that a reload of the page would wipe off."""
        self.driver.execute_script("window.neverReloaded = true")

    def marked(self) -> bool:
        return bool(self.driver.execute_script("return window.neverReloaded === true"))

    def in_new_tab(self, act: Callable[[], object]) -> str:
        """Do what opens a tab and go there; returns where one was."""
        before = set(self.driver.window_handles)
        home = self.driver.current_window_handle
        act()
        opened = self.until(lambda: set(self.driver.window_handles) - before)
        self.driver.switch_to.window(opened.pop())
        self.until(lambda: self.driver.current_url.startswith(self.root))
        self.until(lambda: self.driver.execute_script("return document.readyState") == "complete")
        return home

    def close_tab(self, home: str) -> None:
        self.driver.close()
        self.driver.switch_to.window(home)

    def complaints(self) -> list[Any]:
        """What the console says that it must not: broken policies, errors, missing files."""
        return [
            line
            for line in self.driver.get_log("browser")
            if line["level"] == "SEVERE" or "Content Security" in line["message"]
        ]


@pytest.fixture
def person(root: str, tmp_path: Path) -> Iterator[Person]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        # Whoever says "headless" is counted as a machine.
        "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--window-size=1280,900",
        f"--user-agent={AGENT}",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_script_timeout(20)
    yield Person(driver, root)
    driver.quit()


def log_in(person: Person) -> None:
    person.go("/")
    assert urlsplit(person.driver.current_url).path == "/login"
    person.find("input[name=email]").send_keys(EMAIL)
    person.find("input[name=password]").send_keys(PASSWORD)
    person.find("form.form .btn.go").click()
    person.until(lambda: urlsplit(person.driver.current_url).path == "/")
    person.look()


def open_ready_campaign(person: Person) -> str:
    """From the list, as a newcomer does; returns the campaign's path."""
    person.go("/campaigns/")
    person.driver.find_element(By.LINK_TEXT, "Rinnovo RC Auto").click()
    person.until(lambda: re.match(r"/campaigns/\d+", urlsplit(person.driver.current_url).path))
    found = re.match(r"/campaigns/\d+", urlsplit(person.driver.current_url).path)
    assert found
    person.go(f"{found[0]}/mailing")
    return found[0]


def start(person: Person) -> None:
    """Press START; nothing leaves before the dialog is agreed to."""
    person.find("form[action$='/mailing/start'] .btn.go").click()
    dialog = person.find("dialog[open]")
    assert re.search(r"\d+", dialog.find_element(By.TAG_NAME, "p").text)
    assert not person.all("form[action$='/mailing/pause']")
    dialog.find_element(By.CSS_SELECTOR, ".dialog-foot .btn.go").click()
    person.until(lambda: bool(person.all("form[action$='/mailing/pause']")))
    person.look()


def list_status(person: Person, campaign: str, address: str) -> str:
    """The client's list status, in the campaign's clients tab."""
    person.go(f"{campaign}/clients?q={address}")
    rows = [row for row in person.all("tbody tr") if address in row.text]
    assert len(rows) == 1
    return rows[0].find_elements(By.TAG_NAME, "td")[2].text.split("\n")[0]


def test_the_newcomers_first_minute(person: Person) -> None:
    log_in(person)
    campaign = open_ready_campaign(person)
    start(person)

    person.mark()
    sent = person.number("sent")
    person.until(lambda: person.number("sent") >= max(sent, 0) + 3)
    assert person.marked(), "the summary moved because the page was loaded again"
    assert person.number("queued") < person.number("total")

    desk = person.driver.current_window_handle
    person.driver.switch_to.new_window("window")
    statistics = person.driver.current_window_handle
    person.go(f"{campaign}/statistics")
    assert (person.number("read"), person.number("clicked"), person.number("removed")) == (0, 0, 0)
    person.mark()

    def watch(key: str, value: int) -> None:
        """The open statistics page comes to say it, by itself."""
        person.driver.switch_to.window(statistics)
        person.until(lambda: person.number(key) == value, 15)
        assert person.marked(), "the statistics page was loaded again"
        person.driver.switch_to.window(desk)

    person.driver.switch_to.window(desk)
    person.go("/practice")
    address = person.find(".pm-list .pm-to").text
    assert list_status(person, campaign, address) == "Inviato"

    open_mail_to(person, address)
    watch("read", 1)
    assert list_status(person, campaign, address) == "Letto"

    open_mail_to(person, address)
    home = person.in_new_tab(lambda: inside_mail(person, "a[href*='/c/']").click())
    assert urlsplit(person.driver.current_url).path.startswith("/demo-site/")
    person.look()
    person.close_tab(home)
    watch("clicked", 1)
    assert list_status(person, campaign, address) == "Interessato"

    open_mail_to(person, address)
    home = person.in_new_tab(lambda: inside_mail(person, "a[href*='/r/']").click())
    person.look()
    person.close_tab(home)
    watch("removed", 0)
    assert list_status(person, campaign, address) == "Interessato", "looking at the page removes"

    open_mail_to(person, address)
    home = person.in_new_tab(lambda: inside_mail(person, "a[href*='/r/']").click())
    person.find("main form button").click()
    person.until(lambda: not person.all("main form"))
    person.look()
    person.close_tab(home)
    watch("removed", 1)
    assert list_status(person, campaign, address) == "Rimosso"

    other = unsubscribe_with_one_click(person, address)
    watch("removed", 2)
    assert list_status(person, campaign, other) == "Rimosso"

    person.driver.switch_to.window(statistics)
    person.until(lambda: person.number("read") == 2)
    assert person.marked()
    assert person.complaints() == []
    assert {"/login", "/", "/campaigns/", f"{campaign}/mailing", "/practice"} <= person.seen


def open_mail_to(person: Person, address: str) -> None:
    person.go(f"/practice?q={address}")
    person.press(".pm-list a")
    person.find("iframe.pm-frame")
    person.look()
    frame = person.find("iframe.pm-frame")
    sandbox = (frame.get_attribute("sandbox") or "").split()
    assert "allow-scripts" not in sandbox
    assert "allow-same-origin" not in sandbox
    assert "allow-popups" in sandbox


def inside_mail(person: Person, selector: str) -> WebElement:
    """An element of the mail; the driver stays in the mail's frame."""
    person.driver.switch_to.frame(person.find("iframe.pm-frame"))
    return person.find(selector)


def unsubscribe_with_one_click(person: Person, but: str) -> str:
    """Another recipient's mail, removed with the button mail programs show."""
    person.go("/practice")
    other = next(each.text for each in person.all(".pm-list .pm-to") if each.text != but)
    open_mail_to(person, other)
    person.find("form[data-one-click] button").click()
    said = person.until(lambda: person.find("[data-toasts]").text)
    assert "200" in said
    return other
