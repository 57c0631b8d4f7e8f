"""One search over everything, and only over what the user may see."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from ctm.extensions import db
from ctm.models import Contact, Mailing, Message, MessageState, User
from tests import factories

Login = Callable[[str], FlaskClient]


@pytest.fixture
def records(people: dict[str, User]) -> None:
    client = factories.customer(
        display_name="Zanzottera Anna",
        email1="anna@zanzottera.example",
        search_text="zanzottera anna anna@zanzottera.example",
    )
    db.session.add(Contact(client_id=client.id, last_name="Zanzottini", email="z@c.example"))
    account = factories.account(name="Zanz account", users=[people["operator"]])
    campaign = factories.campaign(name="Zanz campaign", account=account)
    mailing = Mailing(
        account_id=account.id, campaign_id=campaign.id, from_email="a@b.example", subject="x"
    )
    db.session.add(mailing)
    db.session.flush()
    db.session.add(
        Message(
            mailing_id=mailing.id,
            account_id=account.id,
            campaign_id=campaign.id,
            client_id=client.id,
            recipient_key="zanz@mail.example",
            to_address="zanz@mail.example",
            message_id="<1@b.example>",
            state=MessageState.SENT,
        )
    )
    factories.user(name="Zanz User", email="zuser@office.example")


def found(browser: FlaskClient, text: str) -> dict[str, list[str]]:
    answer = browser.get("/search.json", query_string={"q": text})
    assert answer.status_code == 200
    return {g["title"]: [one["label"] for one in g["found"]] for g in answer.json["groups"]}


def test_anonymous_visitors_go_to_the_login_page(client: FlaskClient) -> None:
    factories.user()
    for path in ("/search?q=rossi", "/search.json?q=rossi"):
        assert "/login" in client.get(path).location


@pytest.mark.usefixtures("records")
def test_an_administrator_finds_every_kind(login_as: Login) -> None:
    assert found(login_as("administrator"), "ZANZ") == {
        "Clients": ["Zanzottera Anna"],
        "Contacts": ["Zanzottini"],
        "Campaigns": ["Zanz campaign"],
        "Mails": ["zanz@mail.example"],
        "SMTP accounts": ["Zanz account"],
        "Users": ["Zanz User"],
    }


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize(
    ("role", "hidden"),
    [
        ("manager", {"SMTP accounts", "Users"}),
        ("operator", {"Users"}),
        ("supervisor", {"SMTP accounts", "Users"}),
    ],
)
def test_others_find_only_what_they_may_see(login_as: Login, role: str, hidden: set[str]) -> None:
    groups = found(login_as(role), "zanz")
    assert not hidden & groups.keys()
    assert "Clients" in groups


@pytest.mark.usefixtures("records")
def test_the_page_leads_to_what_was_found(login_as: Login) -> None:
    text = login_as("manager").get("/search?q=zanz").text
    assert 'href="/clients/1"' in text
    assert 'href="/campaigns/1/mailing"' in text


def test_pages_of_the_menu_are_found_if_the_user_has_them(login_as: Login) -> None:
    assert found(login_as("administrator"), "syst") == {"Pages": ["System"]}
    assert found(login_as("operator"), "syst") == {}


def test_each_kind_is_bounded_and_says_so(login_as: Login) -> None:
    for number in range(25):
        factories.campaign(name=f"Bulk {number}")
    text = login_as("manager").get("/search?q=bulk").text
    assert text.count('/mailing"') == 20
    assert "the first 20" in text


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "   ", "%", "%%%", "__", "\\", "[a-z]*", "' OR 1=1 --"),
        *("\x00\x00", "<script>x</script>", "\r\nSet-Cookie: x", "🙂🙂", "à" * 5000),
    ],
)
def test_odd_texts_find_nothing_and_break_nothing(login_as: Login, text: str) -> None:
    factories.customer()
    browser = login_as("administrator")
    assert found(browser, text) == {}
    page = browser.get("/search", query_string={"q": text})
    assert page.status_code == 200
    assert "<script>x" not in page.text
    assert "Set-Cookie: x" not in str(page.headers)
