"""Sent mail: the list of every mail and its details."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from ctm import files
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control
from ctm.mailing.listmail import drafts
from ctm.models import Campaign, Client, MailTemplate, Message, User
from tests import factories
from tests.mailing.listmail import office

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def mail(app: object) -> Message:
    campaign: Campaign = factories.campaign(account=factories.account(practice=True))
    person: Client = factories.customer(first_name="Ada", email1="ada@example.it")
    factories.member(campaign, person)
    control.start(campaign)
    message: Message = db.session.scalars(db.select(Message)).one()
    message.state, message.server_words = "failed", "550 5.1.1 <b>no such user</b>"
    message.merge_values = {"clienti.nome": "Ada"}
    db.session.commit()
    return message


@pytest.mark.parametrize("role", ["administrator", "manager", "operator", "supervisor"])
def test_everybody_reads_the_list_and_the_details(
    mail: Message, login_as: LogIn, role: str
) -> None:
    browser = login_as(role)
    shown = browser.get("/mails/").text
    assert "Renewal for Ada" in shown
    assert "ada@example.it" in shown
    details = browser.get(f"/mails/details/?id={mail.id}").text
    assert mail.message_id.strip("<>") in details


def test_the_servers_words_are_text(mail: Message, login_as: LogIn) -> None:
    assert "<b>no such user</b>" not in login_as("operator").get("/mails/").text


def test_an_anonymous_visitor_is_sent_to_the_login(
    mail: Message, client: FlaskClient, people: dict[str, User]
) -> None:
    for page in ("/mails/", f"/mails/details/?id={mail.id}"):
        answer = client.get(page)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("page", ["new/", "edit/?id=1"])
def test_nothing_is_changed_here(mail: Message, login_as: LogIn, page: str) -> None:
    answer = login_as("administrator").get(f"/mails/{page}")
    assert answer.status_code in (302, 404)
    assert login_as("administrator").post("/mails/delete/", data={"id": mail.id}).status_code in (
        302,
        403,
        404,
    )
    assert db.session.get(Message, mail.id) is not None


def test_the_filter_finds_the_failed_ones(mail: Message, login_as: LogIn) -> None:
    browser = login_as("operator")
    assert "ada@example.it" in browser.get("/mails/?flt0_outcome_equals=failed").text
    assert "ada@example.it" not in browser.get("/mails/?flt0_outcome_equals=sent").text


def test_the_filtered_list_is_exported_without_formulas(mail: Message, login_as: LogIn) -> None:
    mail.server_words = "=cmd|' /C calc'!A0"
    db.session.commit()
    browser = login_as("supervisor")
    found = browser.get("/mails/export/csv/?flt0_outcome_equals=failed", buffered=True).text
    assert "ada@example.it" in found
    assert "'=cmd" in found
    none = browser.get("/mails/export/xlsx/?flt0_outcome_equals=sent", buffered=True)
    assert none.data.startswith(b"PK")
    empty = browser.get("/mails/export/csv/?flt0_outcome_equals=sent", buffered=True).text
    assert "ada@example.it" not in empty


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        ("operator", "csv/", 403),
        ("supervisor", "exe/", 404),
        ("supervisor", "csv/?flt0_shoe_size=44", 400),
    ],
)
def test_an_export_that_may_not_be_is_refused(
    mail: Message, login_as: LogIn, role: str, page: str, status: int
) -> None:
    assert login_as(role).get(f"/mails/export/{page}").status_code == status


# -- what was sent, and again ----------------------------------------------------------------------


@pytest.fixture
def notice(people: dict[str, User]) -> Message:
    """A mail from the list of clients with a file, refused by the server."""
    account = factories.account(users=[people["operator"]], name="Front desk")
    anna = factories.customer(first_name="Anna", email1="anna@example.it", display_name="Anna Bo")
    draft = office.draft_of(
        people["operator"],
        account,
        "clienti",
        [anna],
        body_html="<p>Dear [clienti.nome]</p>",
        cc="seen@example.it",
        bcc="hidden@example.it",
    )
    drafts.attach(draft, files.store(b"price list", "list.txt", "text/plain"))
    (message,) = office.mails(office.send(draft))
    message.state, message.server_words = "failed", "550 5.1.1 <b>no such user</b>"
    message.server_code, message.attempted_at = 550, utcnow()
    db.session.commit()
    return message


def test_the_exact_content_is_shown_with_headers_and_files(
    notice: Message, login_as: LogIn
) -> None:
    browser = login_as("supervisor")
    page = browser.get(f"/mails/details/?id={notice.id}").text
    for part in ("Dear Anna", "seen@example.it", "hidden@example.it", "list.txt", "data-copy-from"):
        assert part in page
    assert "550 5.1.1 &lt;b&gt;no such user" in page
    assert "<dt>Date</dt>" in page
    shown = browser.get(f"/mails/{notice.id}/html")
    assert "Dear Anna" in shown.text
    assert "img-src data:" in shown.headers["Content-Security-Policy"]
    whole = browser.get(f"/mails/{notice.id}/mail.eml").data
    assert notice.message_id.encode() in whole
    assert b"hidden@example.it" not in whole
    with browser.get(f"/mails/{notice.id}/files/{files_of(notice)[0]}") as got:
        assert got.data == b"price list"


def files_of(message: Message) -> list[int]:
    return [each.file_id for each in message.mailing.attachments]


def test_a_campaigns_mail_is_shown_too(mail: Message, login_as: LogIn) -> None:
    assert "Renewal for Ada" in login_as("operator").get(f"/mails/details/?id={mail.id}").text
    assert "Dear Ada" in login_as("operator").get(f"/mails/{mail.id}/html").text


def test_files_and_mails_that_are_not_there(notice: Message, login_as: LogIn) -> None:
    browser = login_as("operator")
    for page in (f"{notice.id}/files/424242", "424242/html", "424242/mail.eml", f"{10**18}/html"):
        assert browser.get(f"/mails/{page}").status_code == 404


def test_an_anonymous_visitor_sees_no_content(notice: Message, client: FlaskClient) -> None:
    for page in ("html", "mail.eml", f"files/{files_of(notice)[0]}"):
        assert client.get(f"/mails/{notice.id}/{page}").status_code == 302


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("flt0_result_equals=ok", False),
        ("flt0_result_equals=error", True),
        ("flt0_client_contains=anna", True),
        ("flt0_client_contains=ugo", False),
        ("flt0_subject_contains=DEAR", True),
        ("flt0_subject_contains=x", False),
        ("flt0_smtp_account_contains=front", True),
        ("flt0_servers_code_equals=550", True),
        ("flt0_servers_code_equals=421", False),
        ("flt0_recipient_contains=Anna", True),
        ("flt0_campaign_contains=x", False),
        ("mailing=1", True),
        ("mailing=424242", False),
    ],
)
def test_every_column_can_be_searched(
    notice: Message, login_as: LogIn, query: str, found: bool
) -> None:
    assert ("anna@example.it" in login_as("supervisor").get(f"/mails/?{query}").text) is found


def test_one_that_failed_is_sent_again_by_who_may(
    notice: Message, login_as: LogIn, people: dict[str, User]
) -> None:
    page = f"/mails/{notice.id}/retry"
    assert login_as("supervisor").post(page).status_code == 403
    stranger = login_as("manager")
    assert "not enabled" in stranger.post(page, follow_redirects=True).text
    browser = login_as("operator")
    assert "is tried again" in browser.post(page, follow_redirects=True).text
    db.session.expire_all()
    assert db.session.get_one(Message, notice.id).state == "queued"
    assert "Only a mail that failed" in browser.post(page, follow_redirects=True).text


def test_an_operator_cannot_resend_a_campaigns_mail(mail: Message, login_as: LogIn) -> None:
    assert login_as("operator").post(f"/mails/{mail.id}/retry").status_code == 403


def test_who_was_left_out_is_found_with_the_reason(
    login_as: LogIn, people: dict[str, User]
) -> None:
    account = factories.account(users=[people["operator"]])
    clients = [factories.customer(), factories.customer(email1="", display_name="Ugo Bianchi")]
    office.send(office.draft_of(people["operator"], account, "clienti", clients))
    page = login_as("operator").get("/mails/?flt0_result_equals=error").text
    assert "Ugo Bianchi" in page
    assert "no e-mail address" in page
    left_out = db.session.scalars(db.select(Message.id).where(Message.state == "skipped")).one()
    page = login_as("operator").get(f"/mails/details/?id={left_out}").text
    assert "Not sent:" in page
    assert "<dt>Date</dt>" not in page


def test_a_mail_says_which_version_of_which_template_it_used(
    mail: Message, login_as: LogIn
) -> None:
    used = MailTemplate(module="clienti", name="Reminder <b>1</b>", version=3)
    db.session.add(used)
    db.session.flush()
    mail.mailing.template_id, mail.mailing.template_version = used.id, 2
    db.session.commit()
    page = login_as("operator").get(f"/mails/details/?id={mail.id}").text
    assert "Reminder &lt;b&gt;1&lt;/b&gt;" in page
    assert f'href="/mail-templates/{used.id}/versions/2"' in page
