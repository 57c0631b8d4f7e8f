"""The send form: opened from the lists, filled in, looked at, checked, sent and followed."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from ctm import files, tasks
from ctm.extensions import db
from ctm.models import Client, MailDraft, Mailing, MailTemplate, Message, SmtpAccount, User
from tests import factories
from tests.mailing.listmail import office

LogIn = Callable[[str], FlaskClient]
TYPED = {"subject": "Dear [clienti.nome]", "body_format": "html", "body_html": "<p>Hello</p>"}


@pytest.fixture
def account(people: dict[str, User]) -> SmtpAccount:
    return factories.account(users=[people["operator"]])


@pytest.fixture
def browser(login_as: LogIn, account: SmtpAccount) -> FlaskClient:
    """An operator's, who may send from one account."""
    return login_as("operator")


def start(browser: FlaskClient, *ids: int, **data: Any) -> str:
    """Press SEND MAIL; returns the address it leads to."""
    form = {"module": "clienti", "ids": [str(each) for each in ids], "query": ""} | data
    answer = browser.post("/send/start", data=form)
    assert answer.status_code == 302
    return str(answer.location)


def typed(**data: Any) -> dict[str, Any]:
    return TYPED | {"purpose_id": str(office.purpose().id), "first": "y"} | data


def draft_at(url: str) -> MailDraft:
    db.session.expire_all()
    return db.session.get_one(MailDraft, int(url.rpartition("/")[2]))


# -- opening it ----------------------------------------------------------------------------------


def test_one_client_opens_the_form_with_its_name(browser: FlaskClient) -> None:
    anna = factories.customer(display_name="Anna Rossi")
    page = browser.get(start(browser, anna.id)).text
    assert "Anna Rossi" in page
    assert "to 1 row" in page


def test_a_client_without_address_is_reported_as_not_sent(browser: FlaskClient) -> None:
    nobody = factories.customer(email1="", display_name="Ugo Bianchi")
    url = start(browser, nobody.id, origin=f"/clients/{nobody.id}")
    assert url == f"/clients/{nobody.id}"
    assert "Not sent: Ugo Bianchi has no e-mail address" in browser.get(url).text


def test_all_that_match_a_search_are_sent_to(browser: FlaskClient) -> None:
    for city in ("Roma", "Roma", "Bari"):
        factories.customer(city=city, search_text=city.lower())
    url = start(browser, all_matching="1", query="tab=all&f=city:equals:Roma")
    assert url.startswith("/send/"), browser.get(url).text
    assert len(draft_at(url).row_ids) == 2


def test_the_lists_and_the_card_offer_it_to_who_may_send(
    browser: FlaskClient, login_as: LogIn
) -> None:
    anna = factories.customer()
    office.contact(anna, "x@example.com")
    pages = ("/clients/", f"/clients/{anna.id}", f"/clients/{anna.id}?section=contacts")
    for page in pages:
        assert "SEND MAIL" in browser.get(page).text
        assert "SEND MAIL" not in login_as("supervisor").get(page).text


def test_contacts_of_one_client_open_the_form_of_contact_addresses(browser: FlaskClient) -> None:
    anna = factories.customer()
    contacts = [office.contact(anna, f"c{n}@example.com") for n in range(2)]
    url = start(browser, *(each.id for each in contacts), module="ind_tlm")
    assert draft_at(url).row_ids == [each.id for each in contacts]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"module": "nowhere", "ids": ["1"]}, "There is no such list to send from."),
        ({"module": "clienti", "ids": []}, "Choose at least one client first."),
        ({"module": "clienti", "ids": ["1; DROP"]}, "The selection cannot be read."),
        ({"module": "clienti", "ids": ["999999"]}, "Choose at least one row first."),
        ({"module": "ind_tlm", "ids": ["-1"]}, "Choose the contacts again."),
        ({"module": "ind_tlm", "ids": []}, "Choose at least one contact first."),
    ],
)
def test_a_selection_that_cannot_be_read_is_refused(
    browser: FlaskClient, data: dict[str, Any], words: str
) -> None:
    answer = browser.post("/send/start", data=data, follow_redirects=True)
    assert words in answer.text
    assert db.session.scalar(db.select(MailDraft.id)) is None


def test_contacts_of_two_clients_are_refused(browser: FlaskClient) -> None:
    numbers = [office.contact(factories.customer(), "a@example.com").id for _ in range(2)]
    url = start(browser, *numbers, module="ind_tlm")
    assert "Choose contacts of one client." in browser.get(url).text


def test_it_does_not_lead_to_another_site(browser: FlaskClient) -> None:
    assert start(browser, 999999, origin="https://evil.example/") == "/clients/"


# -- who may -------------------------------------------------------------------------------------


def test_supervisors_cannot_send(login_as: LogIn, browser: FlaskClient) -> None:
    url = start(browser, factories.customer().id)
    supervisor = login_as("supervisor")
    assert supervisor.post("/send/start", data={"module": "clienti"}).status_code == 403
    assert supervisor.get(url).status_code == 403
    assert supervisor.post(f"{url}/send").status_code == 403


def test_an_anonymous_visitor_is_sent_to_the_login(client: FlaskClient) -> None:
    for page in ("/send/", "/send/1", "/send/mailing/1"):
        assert "/login" in client.get(page).location


def test_a_draft_is_its_owners_alone(login_as: LogIn, browser: FlaskClient) -> None:
    url = start(browser, factories.customer().id)
    for role in ("manager", "administrator"):
        stranger = login_as(role)
        for page in ("", "/preview", "/preview/html", "/check"):
            assert stranger.get(url + page).status_code == 404
        for action in ("", "/send", "/discard"):
            assert stranger.post(url + action).status_code == 404
    assert browser.get(url).status_code == 200


def test_an_account_that_is_not_mine_is_refused(browser: FlaskClient) -> None:
    other = factories.account(name="Not mine")
    url = start(browser, factories.customer().id)
    assert "Not mine" not in browser.get(url).text
    browser.post(url, data=typed(account_id=str(other.id)))
    assert "Choose the sender among your SMTP accounts." in browser.get(f"{url}/check").text
    browser.post(f"{url}/send")
    assert db.session.scalar(db.select(Mailing.id)) is None


# -- filling it in -------------------------------------------------------------------------------


def test_what_was_typed_is_kept_right_or_wrong(browser: FlaskClient) -> None:
    url = start(browser, factories.customer().id)
    answer = browser.post(url, data=typed(cc="nobody", subject="Ciao", then="check"))
    assert answer.status_code == 422
    assert "“@” is missing" in answer.text
    again = browser.get(url).text
    assert 'value="Ciao"' in again
    assert 'value="nobody"' in again


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"bcc": "a@example.com, b@"}, "is not an e-mail address"),
        ({"cc": ", ".join(f"person{n}@example.com" for n in range(30))}, "at most 254 characters"),
        ({"edit": "y", "to": "x"}, "“@” is missing"),
        (
            {"edit": "y", "to": ",".join(f"p{n}@example.com" for n in range(51))},
            "At most 50 addresses.",
        ),
        ({"body_format": "rtf"}, "This is not one of the choices."),
        ({"empty": "explode"}, "This is not one of the choices."),
        ({"purpose_id": "1 OR 1=1"}, "This is not one of the choices."),
        ({"template_id": "424242"}, "Choose a template of this list."),
        ({"subject": "x" * 501}, "500"),
        ({"body_html": "x" * (2 * 1024 * 1024 + 1)}, "longer than 2 MB"),
    ],
)
def test_bad_input_is_answered_beside_its_field(
    browser: FlaskClient, data: dict[str, str], words: str
) -> None:
    url = start(browser, factories.customer().id)
    answer = browser.post(url, data=typed(**data))
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"subject": " "}, "The mail has no subject."),
        ({"body_html": "  "}, "The mail has no text."),
        ({"subject": "[clienti.nomee]"}, "[clienti.nomee]"),
        ({"body_html": "<p>[titoli.importo]</p>"}, "[titoli.importo]"),
        ({"purpose_id": ""}, "Choose what the mail is for"),
        ({"purpose_id": "424242"}, "Choose what the mail is for"),
        ({"edit": "y", "to": " "}, "Write at least one address"),
        ({"pdf_template_id": "77"}, "Choose a document template of the same module."),
        ({"overflow_id": "77"}, "Choose another account of the same sender."),
    ],
)
def test_a_mail_that_cannot_be_sent_says_why_before(
    browser: FlaskClient, data: dict[str, str], words: str
) -> None:
    url = start(browser, factories.customer().id)
    browser.post(url, data=typed(**data))
    page = browser.get(f"{url}/check").text
    assert words in page
    assert f"{url}/send" not in page
    assert words in browser.post(f"{url}/send", follow_redirects=True).text
    assert db.session.scalar(db.select(Mailing.id)) is None


def test_a_template_fills_the_form_in_and_only_those_of_the_module_are_offered(
    browser: FlaskClient,
) -> None:
    mine = office.save(
        MailTemplate(module="clienti", name="Auguri", subject="Auguri!", cc="a@b.it")
    )
    office.save(MailTemplate(module="titoli", name="Scadenza", subject="x"))
    url = start(browser, factories.customer().id)
    page = browser.get(url).text
    assert "Auguri" in page
    assert "Scadenza" not in page
    browser.post(url, data=typed(template_id=str(mine.id)))
    page = browser.get(url).text
    assert 'value="Auguri!"' in page
    assert 'value="a@b.it"' in page


def test_files_are_uploaded_found_again_and_taken_away(browser: FlaskClient) -> None:
    url = start(browser, factories.customer().id)
    upload = typed(file=(io.BytesIO(b"%PDF"), "listino.pdf"), then="attach")
    browser.post(url, data=upload, content_type="multipart/form-data")
    (attached,) = draft_at(url).attachments
    assert "listino.pdf" in browser.get(url).text
    with browser.get(f"{url}/files/{attached.file_id}") as got:
        assert got.data == b"%PDF"
        assert got.headers["Content-Disposition"].startswith("attachment")
    (choice,) = browser.get("/send/files/lookup?q=LISTINO").json
    assert choice["label"] == "listino.pdf"
    browser.post(url, data=typed(then=f"detach:{attached.id}"))
    assert not draft_at(url).attachments
    browser.post(url, data=typed(known_file=str(attached.file_id)))
    assert browser.get(url).status_code == 200


def test_files_of_others_cannot_be_guessed(browser: FlaskClient) -> None:
    secret = files.store(b"export", "clients.csv", "text/csv")
    db.session.commit()
    url = start(browser, factories.customer().id)
    assert browser.get("/send/files/lookup?q=clients").json == []
    assert browser.post(url, data=typed(known_file=str(secret.id))).status_code == 404
    assert browser.get(f"{url}/files/{secret.id}").status_code == 404
    assert browser.post(url, data=typed(known_file="../../x")).status_code == 404


# -- looking, checking, sending ------------------------------------------------------------------


def test_the_preview_walks_through_the_recipients(browser: FlaskClient) -> None:
    ids = [factories.customer(first_name=name).id for name in ("Anna", "Ugo")]
    url = start(browser, *ids)
    browser.post(url, data=typed(body_html="<p>Caro [clienti.nome] &amp; co</p>"))
    assert "Dear Anna" in browser.get(f"{url}/preview").text
    assert "Dear Ugo" in browser.get(f"{url}/preview?at=2").text
    assert "Dear Ugo" in browser.get(f"{url}/preview?at=99").text
    assert "Dear Anna" in browser.get(f"{url}/preview?at=-3").text
    shown = browser.get(f"{url}/preview/html?at=2")
    assert "Caro Ugo" in shown.text
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert browser.get(f"{url}/preview/documents/0").status_code == 404


def test_the_check_counts_and_names_then_sending_is_followed(browser: FlaskClient) -> None:
    anna = factories.customer(first_name="Anna", email1="anna@example.com")
    nobody = factories.customer(email1="", display_name="Ugo Bianchi")
    url = start(browser, anna.id, nobody.id)
    browser.post(url, data=typed())
    page = browser.get(f"{url}/check").text
    assert "Send 1 mail" in page
    assert "Ugo Bianchi" in page
    assert "as many as it likes" in page
    answer = browser.post(f"{url}/send")
    mailing = db.session.scalars(db.select(Mailing)).one()
    assert answer.location == f"/send/mailing/{mailing.id}"
    assert "preparing" in browser.get(answer.location).text
    tasks.run_waiting()
    live = browser.get(f"{answer.location}/live.json").json
    assert live["queued"] == 1
    assert live["skipped"] == 1
    assert "no e-mail address" in browser.get(answer.location).text
    assert browser.get(url).location == answer.location
    browser.post(f"{url}/send")
    assert len(db.session.scalars(db.select(Mailing)).all()) == 1


def test_what_has_not_left_can_be_stopped_by_its_author(
    browser: FlaskClient, account: SmtpAccount, people: dict[str, User]
) -> None:
    draft = office.draft_of(people["operator"], account, "clienti", [factories.customer()])
    mailing = office.send(draft)
    page = f"/send/mailing/{mailing.id}"
    browser.post(f"{page}/stop")
    (mail,) = office.mails(mailing)
    assert mail.state == "cancelled"
    assert "not being sent any more" in browser.post(f"{page}/stop", follow_redirects=True).text
    assert "No mail has failed" in browser.post(f"{page}/retry", follow_redirects=True).text


def test_a_colleague_cannot_stop_it(
    browser: FlaskClient, people: dict[str, User], account: SmtpAccount, app: Any
) -> None:
    colleague = factories.user(role="operator")
    other = factories.account(users=[colleague])
    mailing = office.send(office.draft_of(colleague, other, "clienti", [factories.customer()]))
    assert browser.post(f"/send/mailing/{mailing.id}/stop").status_code == 403
    assert browser.get("/send/mailing/424242").status_code == 404


def test_drafts_are_listed_and_thrown_away(browser: FlaskClient) -> None:
    url = start(browser, factories.customer().id)
    browser.post(url, data=typed(subject="Unfinished"))
    assert "Unfinished" in browser.get("/send/").text
    browser.post(f"{url}/discard")
    assert "Unfinished" not in browser.get("/send/").text
    assert db.session.scalar(db.select(Client.id)) is not None
    assert db.session.scalar(db.select(Message.id)) is None
