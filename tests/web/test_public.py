"""What recipients reach: no login, no open redirect, and no removal by looking."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import suppressions
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.tracking.tokens import make_token
from ctm.models import Hit, Mailing, Message, MessageState, TrackedLink
from tests import factories

AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"}


def _message(url: str = "https://office.example/renew", language: str = "en") -> Message:
    campaign = factories.campaign()
    client = factories.customer()
    mailing = Mailing(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        from_email="office@office.example",
        subject="Renewal",
        options={"language": language},
        links=[TrackedLink(position=1, url=url)],
    )
    db.session.add(mailing)
    db.session.flush()
    message = Message(
        mailing_id=mailing.id,
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        client_id=client.id,
        recipient_key=client.email1,
        to_address=client.email1,
        message_id=f"<{mailing.id}@office.example>",
        state=MessageState.SENT,
        sent_at=utcnow() - timedelta(hours=1),
    )
    db.session.add(message)
    db.session.commit()
    return message


@pytest.fixture
def message(app: Flask) -> Message:
    return _message()


@pytest.fixture
def token(app: Flask, message: Message) -> str:
    return make_token(app.extensions["ctm.tracking_key"], message.id)


def test_the_pixel_is_a_picture_nobody_keeps(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/o/{token}.gif", headers=AGENT)

    assert (answer.status_code, answer.mimetype) == (200, "image/gif")
    assert answer.data.startswith(b"GIF89a")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert db.session.query(Hit).count() == 1


def test_a_link_leads_where_the_mail_said(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/c/{token}/1", headers=AGENT)

    assert (answer.status_code, answer.location) == (302, "https://office.example/renew")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "rest",
    ["2", "0", "999999999999999999999999", "-1", "x", "1?url=https://evil.example", "1/../2"],
)
def test_only_the_mails_own_links_redirect(client: FlaskClient, token: str, rest: str) -> None:
    answer = client.get(f"/c/{token}/{rest}", headers=AGENT)

    assert "evil" not in (answer.location or "")
    if not rest.startswith("1?"):
        assert (answer.status_code, answer.location) == (404, None)


def test_another_mailings_link_does_not_open_with_this_token(
    app: Flask, client: FlaskClient, token: str
) -> None:
    other = _message("https://other.example/")
    db.session.add(TrackedLink(mailing_id=other.mailing_id, position=2, url="https://o.example/"))
    db.session.commit()

    assert client.get(f"/c/{token}/2", headers=AGENT).status_code == 404


@pytest.mark.parametrize(
    "forged", ["A" * 24, "1", "x" * 5000, "%00" * 8, "..%2f..%2fetc", "%3Cb%3E"]
)
@pytest.mark.parametrize("place", ["/c/{}/1", "/r/{}"])
def test_a_forged_token_opens_nothing(client: FlaskClient, place: str, forged: str) -> None:
    answer = client.get(place.format(forged), headers=AGENT)

    assert (answer.status_code, answer.location) == (404, None)
    assert b"Traceback" not in answer.data
    assert b"<b>" not in answer.data
    assert db.session.query(Hit).count() == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_removes_nobody(
    client: FlaskClient, message: Message, token: str, method: str
) -> None:
    answer = client.open(f"/r/{token}", method=method, headers=AGENT)

    assert answer.status_code == 200
    assert not suppressions.is_suppressed(message.to_address)


def test_the_page_shows_the_address_masked_only(
    client: FlaskClient, message: Message, token: str
) -> None:
    answer = client.get(f"/r/{token}", headers=AGENT)
    page = answer.get_data(as_text=True)

    assert "Set-Cookie" not in answer.headers
    assert message.to_address not in page
    assert "•••" in page


def test_the_button_removes(client: FlaskClient, message: Message, token: str) -> None:
    answer = client.post(f"/r/{token}", headers=AGENT)

    assert answer.status_code == 200
    assert suppressions.is_suppressed(message.to_address)
    assert "Set-Cookie" not in answer.headers


def test_one_click_by_rfc_8058_removes_twice_alike(
    client: FlaskClient, message: Message, token: str
) -> None:
    for _ in range(2):
        answer = client.post(f"/r/{token}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200

    assert suppressions.is_suppressed(message.to_address)


def test_a_forged_removal_removes_nobody(client: FlaskClient, message: Message) -> None:
    assert client.post("/r/" + "A" * 24).status_code == 404
    assert not suppressions.is_suppressed(message.to_address)


class TestWithForgeryProtection:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"WTF_CSRF_ENABLED": True}

    def test_removal_needs_no_token_of_a_form(
        self, client: FlaskClient, message: Message, token: str
    ) -> None:
        assert client.post(f"/r/{token}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert suppressions.is_suppressed(message.to_address)


def test_the_page_speaks_the_mails_language(app: Flask, client: FlaskClient) -> None:
    message = _message(language="it")
    token = make_token(app.extensions["ctm.tracking_key"], message.id)

    page = client.get(f"/r/{token}", headers={"Accept-Language": "en"}).get_data(as_text=True)

    assert '<html lang="it"' in page
