"""The DNS card on an account's page: asked for by whoever manages accounts, done as a task."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import tasks
from ctm.extensions import db
from ctm.mailing import control
from ctm.models import AuditEntry, SmtpAccount
from ctm.sender import operations as sender
from tests import factories
from tests.operation.dns_server import Zone, closed_port, name_server, txt

Login = Callable[[str], FlaskClient]
ZONE: Zone = {
    "studio.it TXT": txt("v=spf1 ip4:192.0.2.1 ~all"),
    "s1._domainkey.studio.it TXT": txt("v=DKIM1; p="),
    "_dmarc.studio.it TXT": txt("v=DMARC1; p=none"),
    "studio.it MX": ["10 mx.studio.it."],
    "mx.studio.it A": ["192.0.2.7"],
}


@pytest.fixture
def account(app: Flask) -> SmtpAccount:
    made: SmtpAccount = factories.account(
        name="Studio", provider="gmail", host="smtp.gmail.com", from_email="info@studio.it"
    )
    return made


@pytest.fixture
def zone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with name_server(ZONE) as (port, asked):
        monkeypatch.setitem(app.config, "CTM_NAMESERVER", f"127.0.0.1:{port}")
        yield asked


@pytest.mark.parametrize(
    ("role", "status"), [("manager", 403), ("operator", 403), ("supervisor", 403)]
)
def test_only_who_manages_accounts_may_ask(
    login_as: Login, account: SmtpAccount, role: str, status: int
) -> None:
    browser = login_as(role)
    assert browser.post(f"/accounts/{account.id}/dns").status_code == status
    assert browser.get(f"/accounts/{account.id}/dns.json").status_code == status


def test_strangers_and_unknown_accounts_are_turned_away(
    client: FlaskClient, login_as: Login, account: SmtpAccount
) -> None:
    assert "/login" in client.post(f"/accounts/{account.id}/dns").location
    browser = login_as("administrator")
    assert browser.post("/accounts/999999/dns").status_code == 404
    assert browser.get("/accounts/999999/dns.json").status_code == 404
    assert browser.get(f"/accounts/{account.id}/dns").status_code == 405


def test_the_check_is_done_in_the_background_and_stands_on_the_page(
    login_as: Login, account: SmtpAccount, zone: list[str]
) -> None:
    browser = login_as("administrator")
    page = f"/accounts/{account.id}"
    assert "Check DNS" in browser.get(page).text
    assert browser.post(f"{page}/dns").location == f"{page}#dns"
    browser.post(f"{page}/dns")
    assert zone == []
    assert "DNS is being asked" in browser.get(page).text
    progress = browser.get(f"{page}/dns.json").json
    assert progress is not None
    assert (progress["finished"], progress["total"]) == (False, 4)
    assert tasks.run_waiting() == 1
    shown = browser.get(page).text
    assert "The record does not name this account&#39;s provider" in shown
    assert "v=spf1 ip4:192.0.2.1 include:_spf.google.com ~all" in shown
    assert "is empty, that is withdrawn" in shown
    assert "Check again" in shown
    done = browser.get(f"{page}/dns.json").json
    assert done is not None
    assert done["finished"] is True
    assert 'DNS: <span class="tag failed">problem</span>' in browser.get("/accounts/").text
    actions = db.session.query(AuditEntry.action).filter_by(action="account.dns").count()
    assert actions == 1


def test_it_is_shown_in_the_language_of_who_looks(
    login_as: Login, people: Any, account: SmtpAccount, zone: list[str]
) -> None:
    sender.look(account)
    kept = json.dumps(account.dns_report)
    assert "spf_not_included" in kept
    assert "does not name" not in kept


def test_another_domain_makes_the_old_report_void(
    login_as: Login, account: SmtpAccount, zone: list[str]
) -> None:
    sender.look(account)
    assert sender.kept(account) is not None
    account.from_email = "info@altro.it"
    db.session.commit()
    assert sender.kept(account) is None


def test_practice_accounts_have_no_dns(login_as: Login) -> None:
    account = factories.account(practice=True, provider="practice")
    browser = login_as("administrator")
    assert "Check DNS" not in browser.get(f"/accounts/{account.id}").text
    answer = browser.post(f"/accounts/{account.id}/dns", follow_redirects=True)
    assert "no DNS is asked" in answer.text
    assert tasks.run_waiting() == 0


def test_an_account_deleted_meanwhile_ends_the_task_in_words(
    login_as: Login, people: Any, account: SmtpAccount, zone: list[str]
) -> None:
    task = sender.submit(account, people["administrator"])
    db.session.delete(account)
    db.session.commit()
    tasks.run_waiting()
    db.session.refresh(task)
    assert task.error == "The account was deleted in the meantime."


@pytest.mark.parametrize(
    "typed", ["a b", "x" * 64, "-a", "a..b", "a/b", "<script>", "è", "a_domainkey.", "s1;p="]
)
def test_a_selector_that_can_be_none_is_refused_beside_its_field(
    login_as: Login, account: SmtpAccount, typed: str
) -> None:
    answer = save(login_as("administrator"), account, typed)
    assert answer.status_code == 422
    assert "A DKIM selector is a short name" in answer.text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("S1", "s1"), ("s1._domainkey", "s1"), ("nov26.mail", "nov26.mail"), ("", "")],
)
def test_a_selector_is_kept_as_dns_has_it(
    login_as: Login, account: SmtpAccount, typed: str, kept: str
) -> None:
    assert save(login_as("administrator"), account, typed).status_code == 302
    db.session.refresh(account)
    assert account.dkim_selector == kept


def save(browser: FlaskClient, account: SmtpAccount, selector: str) -> Any:
    form = {
        "name": account.name,
        "provider": "gmail",
        "host": "smtp.gmail.com",
        "port": "465",
        "security": "tls",
        "from_email": "info@studio.it",
        "connections": "2",
        "active": "y",
        "dkim_selector": selector,
    }
    return browser.post(f"/accounts/{account.id}", data=form)


def test_the_forecast_names_problems_before_the_first_mail(
    account: SmtpAccount, zone: list[str]
) -> None:
    campaign = factories.campaign(account=account)
    notes = " ".join(control.forecast(campaign).notes)
    assert "DNS of studio.it has not been checked" in notes
    sender.look(account)
    notes = " ".join(control.forecast(campaign).notes)
    assert "SPF: The record does not name" in notes
    assert "has not been checked" not in notes
    campaign.from_email = "info@altro.it"
    assert "come from altro.it, but the account is for studio.it" in " ".join(
        control.forecast(campaign).notes
    )


def test_the_command_says_what_to_write_and_ends_with_one_at_a_problem(
    app: Flask, account: SmtpAccount, zone: list[str]
) -> None:
    runner = app.test_cli_runner()
    words = runner.invoke(args=["accounts", "dns", "Studio"])
    assert words.exit_code == 1
    assert "PROBLEM SPF:" in words.output
    assert "@ TXT v=spf1 ip4:192.0.2.1 include:_spf.google.com ~all" in words.output
    machine = json.loads(runner.invoke(args=["accounts", "dns", "Studio", "--json"]).output)
    assert (machine["level"], machine["domain"]) == ("problem", "studio.it")
    assert runner.invoke(args=["accounts", "dns", "Nobody"]).exit_code == 1


def test_a_name_server_that_is_away_is_no_problem_of_the_domain(
    app: Flask, account: SmtpAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sender, "resolver", lambda: sender.Resolver("127.0.0.1", closed_port(), 0.2, 0.6)
    )
    assert sender.look(account).level == "unknown"
