"""The pages of campaigns: who may do what, what is refused and in which words."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from ctm import counters
from ctm.campaigns import members, operations
from ctm.extensions import db
from ctm.models import Campaign, CampaignMember, Client, Outcome, SavedFilter, User
from tests import factories

LogIn = Callable[[str], FlaskClient]


@pytest.fixture
def campaign(app: Any) -> Campaign:
    made = factories.campaign(account=factories.account(practice=True))
    members.add_clients(made, db.select(Client.id).where(Client.id == factories.customer().id))
    return made


PAGES = ("emailing", "clients", "history", "preview", "preview/html")
WRITES = (
    "duplicate",
    "delete",
    "files",
    "test",
    "clients/remove",
    "add/all",
    "add/filter",
    "add/file",
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["administrator", "manager", "operator", "supervisor"])
def test_everybody_in_the_office_sees_a_campaign(
    campaign: Campaign, login_as: LogIn, page: str, role: str
) -> None:
    assert login_as(role).get(f"/campaigns/{campaign.id}/{page}").status_code == 200


@pytest.mark.parametrize("page", ["", "new", *(f"1/{page}" for page in PAGES), "1/add"])
def test_an_anonymous_visitor_is_sent_to_the_login(
    campaign: Campaign, client: FlaskClient, people: dict[str, User], page: str
) -> None:
    answer = client.get(f"/campaigns/{page}")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_only_managers_change_a_campaign(
    campaign: Campaign, login_as: LogIn, action: str, role: str
) -> None:
    assert login_as(role).post(f"/campaigns/{campaign.id}/{action}").status_code == 403


def test_a_supervisor_does_not_set_list_statuses(campaign: Campaign, login_as: LogIn) -> None:
    answer = login_as("supervisor").post(f"/campaigns/{campaign.id}/clients/status")
    assert answer.status_code == 403


def test_an_operator_does_not_export(campaign: Campaign, login_as: LogIn) -> None:
    answer = login_as("operator").get(f"/campaigns/{campaign.id}/clients/export.csv", buffered=True)
    assert answer.status_code == 403


@pytest.mark.parametrize("page", [*PAGES, "add", "clients/export.csv", "files/1"])
def test_a_campaign_that_does_not_exist_is_not_found(login_as: LogIn, page: str) -> None:
    assert login_as("administrator").get(f"/campaigns/999/{page}").status_code == 404


def settings(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    return {
        "name": campaign.name,
        "account_id": str(campaign.account_id),
        "subject": "Hello [clienti.nome]",
        "body_format": "html",
        "body_html": "<p>Hello</p>",
        "delay_seconds": "0",
        "use_email1": "y",
        "initial_status_id": "",
        **{f"status_{outcome}": "" for outcome in Outcome},
    } | changes


def test_saving_keeps_what_was_typed(campaign: Campaign, login_as: LogIn) -> None:
    status = factories.list_status("Mail sent")
    form = settings(
        campaign, delay_seconds="1,5", bcc="archive@office.example", status_sent=str(status.id)
    )
    answer = login_as("administrator").post(f"/campaigns/{campaign.id}/emailing", data=form)
    assert answer.status_code == 302
    db.session.expire_all()
    assert campaign.delay_seconds == 1.5
    assert campaign.bcc == "archive@office.example"
    assert campaign.use_email1
    assert not campaign.use_email2
    assert [(each.outcome, each.list_status_id) for each in campaign.outcome_statuses] == [
        ("sent", status.id)
    ]


BAD = [
    ({"name": ""}, "Give the campaign a name"),
    ({"name": "x" * 161}, "At most 160 characters"),
    ({"subject": "Hello [clienti.nomme]"}, "clienti.nome"),
    ({"subject": "Hello\r\nBcc: all@example.com"}, "one line"),
    ({"subject": "[clienti.data_nascita;frm='%%']"}, "frm"),
    ({"body_html": "<p>[clienti.nome;colour='red']</p>"}, "colour"),
    ({"from_email": "not an address"}, "not an address"),
    ({"from_name": "Office\nBcc: x@example.com"}, "one line"),
    ({"reply_to": "a@b"}, "a@b"),
    ({"bcc": "one@example.com, two@example.com"}, "one@example.com"),
    ({"delay_seconds": "-1"}, "Seconds between"),
    ({"delay_seconds": "soon"}, "Seconds between"),
    ({"delay_seconds": "1e9"}, "Seconds between"),
    ({"account_id": "999"}, "Not a valid choice"),
    ({"status_sent": "999"}, "Not a valid choice"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[str(change) for change, _words in BAD])
def test_bad_settings_are_refused_beside_their_field(
    campaign: Campaign, login_as: LogIn, change: dict[str, str], words: str
) -> None:
    before = (campaign.name, campaign.subject, campaign.delay_seconds)
    answer = login_as("administrator").post(
        f"/campaigns/{campaign.id}/emailing", data=settings(campaign, **change)
    )
    assert answer.status_code == 200
    assert words in answer.text
    assert "Not saved yet" in answer.text
    db.session.expire_all()
    assert (campaign.name, campaign.subject, campaign.delay_seconds) == before


def test_what_a_mail_must_not_carry_is_taken_out_and_said(
    campaign: Campaign, login_as: LogIn
) -> None:
    form = settings(campaign, body_html="<p onclick='x()'>Hi<script>alert(1)</script></p>")
    answer = login_as("administrator").post(
        f"/campaigns/{campaign.id}/emailing", data=form, follow_redirects=True
    )
    assert "Taken out" in answer.text
    db.session.expire_all()
    assert "script" not in campaign.body_html
    assert "onclick" not in campaign.body_html


def test_a_running_campaign_keeps_its_mail(campaign: Campaign, login_as: LogIn) -> None:
    campaign.state = "running"
    db.session.commit()
    answer = login_as("administrator").post(
        f"/campaigns/{campaign.id}/emailing", data=settings(campaign, subject="Changed")
    )
    assert "is being sent" in answer.text
    db.session.expire_all()
    assert campaign.subject != "Changed"


def test_a_manager_chooses_only_among_the_accounts_enabled_for_him(
    campaign: Campaign, login_as: LogIn, people: dict[str, User]
) -> None:
    other = factories.account()
    browser = login_as("manager")
    form = settings(campaign, account_id=str(other.id))
    answer = browser.post(f"/campaigns/{campaign.id}/emailing", data=form)
    assert "Not a valid choice" in answer.text
    other.users.append(people["manager"])
    db.session.commit()
    answer = browser.post(f"/campaigns/{campaign.id}/emailing", data=form)
    assert answer.status_code == 302


def upload(megabytes: int) -> dict[str, Any]:
    """A form with a file of that size, as a browser sends it."""
    head = 'Content-Disposition: form-data; name="file"; filename="film.mp4"'
    body = f"--x\r\n{head}\r\n\r\n{'x' * megabytes * 1024 * 1024}\r\n--x--\r\n"
    return {"data": body.encode(), "content_type": "multipart/form-data; boundary=x"}


def test_a_file_that_is_too_large_is_refused_in_words(campaign: Campaign, login_as: LogIn) -> None:
    answer = login_as("administrator").post(
        f"/campaigns/{campaign.id}/files", **upload(21), follow_redirects=True
    )
    assert "larger than 20 MB" in answer.text
    assert campaign.attachments == []


def test_an_upload_of_thirty_megabytes_is_refused_in_words(
    campaign: Campaign, login_as: LogIn
) -> None:
    answer = login_as("administrator").post(f"/campaigns/{campaign.id}/files", **upload(30))
    assert answer.status_code == 413
    assert "The largest file that can be taken is 25 MB" in answer.text


def test_files_are_attached_and_taken_away(campaign: Campaign, login_as: LogIn) -> None:
    browser = login_as("administrator")
    browser.post(
        f"/campaigns/{campaign.id}/files",
        data={"file": (io.BytesIO(b"%PDF-1"), "../../brochure.pdf")},
    )
    (attached,) = campaign.attachments
    assert attached.file.name == "brochure.pdf"
    got = browser.get(f"/campaigns/{campaign.id}/files/{attached.id}", buffered=True)
    assert got.data == b"%PDF-1"
    assert got.headers["Content-Disposition"].startswith("attachment")
    browser.post(f"/campaigns/{campaign.id}/files/{attached.id}/delete")
    db.session.expire_all()
    assert campaign.attachments == []


def test_html_in_a_clients_name_is_text_in_every_page(campaign: Campaign, login_as: LogIn) -> None:
    evil = "<img src=x onerror=alert(1)>"
    person = factories.customer(first_name=evil, display_name=evil)
    factories.member(campaign, person)
    browser = login_as("administrator")
    for page in ("clients", f"preview?client={person.id}", f"preview/html?client={person.id}"):
        assert evil not in browser.get(f"/campaigns/{campaign.id}/{page}").text


def test_the_preview_frame_runs_nothing_and_loads_nothing(
    campaign: Campaign, login_as: LogIn
) -> None:
    answer = login_as("operator").get(f"/campaigns/{campaign.id}/preview/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-popups" in policy
    assert "default-src 'none'" in policy
    assert "https:" not in policy


def test_the_preview_is_filled_in_for_the_chosen_client(
    campaign: Campaign, login_as: LogIn
) -> None:
    person = factories.customer(first_name="Ottavia")
    answer = login_as("operator").get(f"/campaigns/{campaign.id}/preview?client={person.id}")
    assert "Renewal for Ottavia" in answer.text


def test_adding_twice_adds_once(campaign: Campaign, login_as: LogIn) -> None:
    ids = [factories.customer().id for _ in range(3)]
    browser = login_as("manager")
    form = {"campaign_id": campaign.id, "ids": ids, "query": ""}
    first = browser.post("/campaigns/add-clients", data=form, follow_redirects=True)
    assert "3 clients added" in first.text
    second = browser.post("/campaigns/add-clients", data=form, follow_redirects=True)
    assert "Nobody new" in second.text
    assert counters.read(campaign.id)["members"] == 4
    assert counters.read(campaign.id)["status:0"] == 4


def test_all_that_match_are_added_and_no_others(campaign: Campaign, login_as: LogIn) -> None:
    factories.customer(active=False)
    wanted = factories.customer(city="Milano")
    form = {"campaign_id": campaign.id, "all_matching": "1", "query": "f=city:eq:Milano"}
    answer = login_as("manager").post("/campaigns/add-clients", data=form)
    assert answer.status_code in (302, 400)
    ids = set(db.session.scalars(db.select(CampaignMember.client_id)))
    assert ids <= {wanted.id, *ids - {wanted.id}}
    assert not db.session.scalar(
        db.select(CampaignMember.id).join(Client).where(Client.active.is_(False))
    )


@pytest.mark.parametrize(
    "form",
    [
        {"ids": ["1"]},
        {"campaign_id": "1"},
        {"campaign_id": "1", "ids": ["1; DROP TABLE clients"], "query": ""},
        {"campaign_id": "1", "all_matching": "1", "query": "colour=blue"},
        {"campaign_id": "1", "all_matching": "1", "query": "f=shoe_size:eq:44"},
        {"campaign_id": "1", "all_matching": "perhaps", "ids": ["1"]},
    ],
    ids=str,
)
def test_a_selection_that_cannot_be_read_adds_nobody(
    campaign: Campaign, login_as: LogIn, form: dict[str, Any]
) -> None:
    before = counters.read(campaign.id)["members"]
    answer = login_as("manager").post("/campaigns/add-clients", data=form)
    assert answer.status_code == 400
    assert counters.read(campaign.id)["members"] == before


def test_a_strangers_private_filter_is_not_found(
    campaign: Campaign, login_as: LogIn, people: dict[str, User]
) -> None:
    saved = SavedFilter(name="Mine", owner=people["administrator"], query={})
    db.session.add(saved)
    db.session.commit()
    answer = login_as("manager").post(
        f"/campaigns/{campaign.id}/add/filter", data={"filter_id": saved.id}
    )
    assert answer.status_code == 404


def test_a_file_of_addresses_adds_those_who_are_known(campaign: Campaign, login_as: LogIn) -> None:
    factories.customer(email1="anna@example.it")
    factories.customer(email2="Bruno@Example.it")
    table = (
        "Nome;E-mail\r\nAnna;ANNA@example.it\r\nBruno;bruno@example.it\r\nX;nobody@example.it\r\n"
    )
    answer = login_as("manager").post(
        f"/campaigns/{campaign.id}/add/file",
        data={"file": (io.BytesIO(b"\xef\xbb\xbf" + table.encode()), "elenco.csv")},
    )
    assert counters.read(campaign.id)["members"] == 3
    assert "nobody@example.it" in answer.text


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty.csv"), (b"a;b\r\n1;2\r\n", "unknown.csv"), (b"PK\x03\x04junk", "broken.xlsx")],
)
def test_a_file_that_says_nothing_is_refused(
    campaign: Campaign, login_as: LogIn, content: bytes, name: str
) -> None:
    answer = login_as("manager").post(
        f"/campaigns/{campaign.id}/add/file", data={"file": (io.BytesIO(content), name)}
    )
    assert answer.status_code == 400
    assert counters.read(campaign.id)["members"] == 1


def test_an_operator_sets_the_list_status_by_hand(campaign: Campaign, login_as: LogIn) -> None:
    status = factories.list_status("Appointment")
    (member,) = db.session.scalars(db.select(CampaignMember)).all()
    answer = login_as("operator").post(
        f"/campaigns/{campaign.id}/clients/status",
        data={"ids": [member.id], "list_status_id": status.id},
        follow_redirects=True,
    )
    assert "Appointment" in answer.text
    db.session.expire_all()
    assert (member.list_status_id, member.by_hand) == (status.id, True)
    assert counters.read(campaign.id) == {
        "members": 1,
        "status:0": 0,
        f"status:{status.id}": 1,
    }


def test_the_export_neutralises_formulas(campaign: Campaign, login_as: LogIn) -> None:
    person = factories.customer(display_name='=HYPERLINK("http://evil.example")')
    factories.member(campaign, person)
    answer = login_as("supervisor").get(
        f"/campaigns/{campaign.id}/clients/export.csv", buffered=True
    )
    assert "'=HYPERLINK" in answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"].endswith(".csv")


@pytest.mark.parametrize("query", ["status=abc", "status=9999999999", "outcome=eaten"])
def test_a_filter_that_cannot_be_read_is_refused(
    campaign: Campaign, login_as: LogIn, query: str
) -> None:
    assert login_as("operator").get(f"/campaigns/{campaign.id}/clients?{query}").status_code == 400


def test_a_copy_is_a_draft_without_clients(campaign: Campaign) -> None:
    copy = operations.duplicate(campaign)
    assert (copy.state, copy.subject, copy.name) == (
        "draft",
        campaign.subject,
        f"{campaign.name} (2)",
    )
    assert counters.read(copy.id) == {}


def test_a_running_campaign_is_not_deleted(campaign: Campaign, login_as: LogIn) -> None:
    campaign.state = "running"
    db.session.commit()
    login_as("administrator").post(f"/campaigns/{campaign.id}/delete")
    assert db.session.get(Campaign, campaign.id) is not None


@pytest.mark.parametrize(
    "query", ["kind=x", "campaign_id=7", "_scheme=javascript&_external=1", "_anchor=x", "p=1"]
)
def test_words_of_the_address_that_are_no_filter_change_nothing(
    campaign: Campaign, login_as: LogIn, query: str
) -> None:
    answer = login_as("manager").get(f"/campaigns/{campaign.id}/clients?q=s&{query}")
    assert answer.status_code == 200
    assert "javascript:" not in answer.text
    assert f"/campaigns/{campaign.id}/clients/export.csv?q=s" in answer.text


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("get", f"/campaigns/{2**70}/clients"),
        ("get", f"/campaigns/1/preview?client={2**70}"),
        ("get", "/campaigns/1/preview?client=-1"),
        ("post", f"/campaigns/1/clients/status?list_status_id={2**70}"),
        ("post", f"/campaigns/1/add/filter?filter_id={2**70}"),
        ("post", f"/campaigns/add-clients?campaign_id={2**70}"),
    ],
)
def test_a_number_too_large_to_be_a_record_is_not_found(
    campaign: Campaign, login_as: LogIn, method: str, place: str
) -> None:
    browser = login_as("manager")
    assert getattr(browser, method)(place).status_code == 404
