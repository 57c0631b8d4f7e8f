"""A client's rights: everything handed out, everything erased that the law does not want kept."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from ctm import consent, files, privacy, suppressions, tasks, users
from ctm.clients import operations
from ctm.consent import purposes
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.models import (
    AuditEntry,
    Base,
    Client,
    Hit,
    Instalment,
    Mailing,
    MailingKind,
    Message,
    MessageFile,
    Policy,
    PracticeMail,
    Role,
    StoredFile,
    Suppression,
    Task,
    User,
)
from tests import factories

Login = Callable[[str], FlaskClient]
TELLING = ("ada", "byron", "lovelace", "vicolo", "lvlda", "192.0.2.55", "countess")


@pytest.fixture
def ada(app: Flask) -> Client:
    """A client with everything that can be kept of one."""
    client = operations.create(
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email1": "ada@lovelace.example",
            "street": "Vicolo Stretto 1",
            "notes": "Countess",
        }
    )
    contact = {"first_name": "Byron", "email": "byron@lovelace.example"}
    operations.save_contact(client, contact)
    of = purposes.create({"name": "Offers", "needs_consent": True, "marketing": True})
    consent.record(
        client,
        of,
        "given",
        source="page",
        wording="I agree.",
        address="ada@lovelace.example",
        ip="192.0.2.55",
        note="Ada at the fair",
    )
    policy = Policy(client_id=client.id, number="P-7", state="expired", insured="Ada Lovelace")
    db.session.add(policy)
    db.session.flush()
    db.session.add(
        Instalment(
            policy_id=policy.id,
            client_id=client.id,
            number="T-7",
            due_date=date(2020, 1, 1),
            amount=Decimal("99.50"),
            state="paid",
            notes="paid by Ada",
        )
    )
    db.session.commit()
    return client


def mail_to(client: Client, subject: str = "For [clienti.nome]", **more: Any) -> Message:
    account = factories.account()
    mailing = Mailing(
        kind=MailingKind.LIST,
        module="clienti",
        account_id=account.id,
        from_email=account.from_email,
        subject=subject,
        html="<p>Dear [clienti.nome]</p>",
        options={"language": "en"},
    )
    db.session.add(mailing)
    db.session.flush()
    values = {
        "mailing_id": mailing.id,
        "account_id": account.id,
        "client_id": client.id,
        "recipient_key": "ada@lovelace.example",
        "to_address": "ada@lovelace.example",
        "to_name": "Ada Lovelace",
        "message_id": f"<{mailing.id}@office.example>",
        "state": "sent",
        "server_words": "250 ok ada@lovelace.example",
        "merge_values": {"clienti.nome": "Ada"},
        "opens": 2,
    }
    message = Message(**(values | more))
    db.session.add(message)
    db.session.flush()
    db.session.add(
        Hit(kind="open", message_id=message.id, ip="192.0.2.55", user_agent="Ada's browser")
    )
    made = files.store(io.BytesIO(b"letter to Ada"), "letter.pdf", "application/pdf")
    db.session.add(MessageFile(message_id=message.id, file_id=made.id))
    db.session.commit()
    return message


def everything() -> str:
    """All texts of all tables, in small letters."""
    found = []
    for table in Base.metadata.sorted_tables:
        found += [str(tuple(row)) for row in db.session.execute(select(table))]
    return "\n".join(found).lower()


def test_everything_that_is_kept_is_handed_out(app: Flask, ada: Client) -> None:
    message = mail_to(ada)
    suppressions.suppress("ada@lovelace.example")
    out = io.BytesIO()

    assert privacy.write(ada, out) == 1

    archive = zipfile.ZipFile(out)
    found = json.loads(archive.read("data.json"))
    assert found["client"][0]["street"] == "Vicolo Stretto 1"
    assert found["contacts"][0]["email"] == "byron@lovelace.example"
    assert found["policies"][0]["number"] == "P-7"
    assert found["instalments"][0]["amount"] == "99.5"
    assert found["consents"][0]["wording"] == "I agree."
    assert found["removed_addresses"][0]["address"] == "ada@lovelace.example"
    assert {"client.create", "contact.create"} <= {each["action"] for each in found["audit"]}
    (mail,) = found["mails"]
    assert (mail["subject"], mail["opens"]) == ("For Ada", 2)
    assert mail["hits"][0]["ip"] == "192.0.2.55"
    assert "Dear Ada" in archive.read(f"mails/{message.id}.html").decode()
    assert b"letter to Ada" in [archive.read(name) for name in mail["files"]]
    assert not {"ip", "user_id"} & set(found["audit"][0])
    page = archive.read("index.html").decode()
    assert "Vicolo Stretto 1" in page
    assert "For Ada" in page


def test_nothing_of_another_client_is_handed_out(app: Flask, ada: Client) -> None:
    other = factories.customer(last_name="Stranger")
    mail_to(other, to_name="Stranger", to_address="x@stranger.example", merge_values=None)
    out = io.BytesIO()
    privacy.write(ada, out)
    archive = zipfile.ZipFile(out)
    assert not any(b"tranger" in archive.read(name) for name in archive.namelist())


def test_html_in_the_data_is_shown_as_text(app: Flask) -> None:
    client = operations.create({"last_name": "<script>x</script>", "notes": "<b>&"})
    out = io.BytesIO()
    privacy.write(client, out)
    assert "<script>" not in zipfile.ZipFile(out).read("index.html").decode()


def test_nothing_says_any_more_who_the_client_was(app: Flask, ada: Client) -> None:
    message = mail_to(ada)
    name = db.session.scalars(select(StoredFile)).one()
    path = files.path_of(name)
    suppressions.suppress("byron@lovelace.example", "bounced", note="Byron")
    caught = PracticeMail(rcpt_to=["ada@lovelace.example"], raw=b"Dear Ada", size=8, subject="Ada")
    db.session.add(caught)
    db.session.commit()

    assert privacy.erase(ada, never_again=False) == 1

    left = everything()
    assert [word for word in TELLING if word in left] == []
    assert not path.exists()
    db.session.refresh(message)
    assert (message.state, message.opens, message.client_id) == ("sent", 2, ada.id)
    assert db.session.scalars(select(Policy)).one().number == "P-7"
    assert db.session.scalars(select(Instalment)).one().amount == Decimal("99.50")
    ((event, _name),) = consent.latest(ada.id)
    assert (event.state, event.wording) == ("given", "I agree.")
    assert ada.active is False
    assert f"Erased client {ada.id}" == ada.display_name


def test_text_shared_with_others_stays_and_its_own_goes(app: Flask, ada: Client) -> None:
    own, shared = mail_to(ada, "Dear Ada"), mail_to(ada, "To all")
    other = factories.customer()
    db.session.add(
        Message(
            mailing_id=shared.mailing_id,
            account_id=shared.account_id,
            client_id=other.id,
            recipient_key="other@example.com",
            to_address="other@example.com",
            message_id="<other@office.example>",
        )
    )
    db.session.commit()

    privacy.erase(ada, never_again=False)

    assert db.session.get_one(Mailing, own.mailing_id).subject == ""
    assert db.session.get_one(Mailing, shared.mailing_id).subject == "To all"
    kept = db.session.scalars(select(Message).where(Message.client_id == other.id)).one()
    assert kept.to_address == "other@example.com"


def test_who_asked_for_no_more_mail_is_still_recognised(app: Flask, ada: Client) -> None:
    suppressions.suppress("ada@lovelace.example", "removed", note="Ada's wish")
    suppressions.suppress("byron@lovelace.example", "bounced")

    privacy.erase(ada, never_again=False)

    kept = db.session.scalars(select(Suppression)).all()
    assert [(each.address, each.note) for each in kept] == [("ada@lovelace.example", "")]


def test_never_again_keeps_every_address_for_that_alone(app: Flask, ada: Client) -> None:
    mail_to(ada, to_address="old@lovelace.example", recipient_key="old@lovelace.example")

    privacy.erase(ada, never_again=True)

    assert set(db.session.scalars(select(Suppression.address))) == {
        "ada@lovelace.example",
        "byron@lovelace.example",
        "old@lovelace.example",
    }


def test_erasing_twice_changes_nothing_more(app: Flask, ada: Client) -> None:
    mail_to(ada)
    privacy.erase(ada, never_again=True)
    before = set(db.session.scalars(select(Suppression.address)))
    privacy.erase(ada, never_again=True)
    assert set(db.session.scalars(select(Suppression.address))) == before
    assert ada.display_name == f"Erased client {ada.id}"


@pytest.mark.parametrize("what", ["policy", "suspended policy", "instalment", "mail"])
def test_what_is_still_running_keeps_a_client_from_being_erased(
    app: Flask, ada: Client, what: str
) -> None:
    if what == "mail":
        mail_to(ada, state="queued")
    elif what == "instalment":
        db.session.scalars(select(Instalment)).one().state = "open"
    else:
        state = "suspended" if what.startswith("susp") else "active"
        db.session.scalars(select(Policy)).one().state = state
    db.session.commit()

    with pytest.raises(Conflict):
        privacy.erase(ada, never_again=False)
    assert ada.first_name == "Ada"


def _with_password(people: dict[str, User], role: Role) -> None:
    users.set_password(people[role.value], "a long password 1")


def test_a_manager_erases_with_the_password_in_the_background(
    login_as: Login, people: dict[str, User], ada: Client
) -> None:
    _with_password(people, Role.MANAGER)
    browser = login_as("manager")
    assert browser.post(f"/clients/{ada.id}/hand-out").status_code == 302
    tasks.run_waiting()
    archive = db.session.scalars(select(Task)).one().file_id
    url = f"/clients/{ada.id}/erase"
    for wrong in ("", "wrong", "a long password 1 "):
        answer = browser.post(url, data={"old": wrong})
        assert answer.status_code == 422
        assert ada.first_name == "Ada"

    assert browser.post(url, data={"old": "a long password 1"}).status_code == 302
    tasks.run_waiting()

    db.session.refresh(ada)
    assert ada.display_name == f"Erased client {ada.id}"
    assert db.session.get(StoredFile, archive) is None
    actions = set(db.session.scalars(select(AuditEntry.action)))
    assert {"client.hand_out", "client.erase"} <= actions
    assert "Erased client" in browser.get(f"/clients/{ada.id}").text


@pytest.mark.parametrize("role", ["operator", "supervisor"])
@pytest.mark.parametrize("path", ["hand-out", "erase"])
def test_others_neither_take_out_nor_erase(
    client: FlaskClient, login_as: Login, ada: Client, role: str, path: str
) -> None:
    url = f"/clients/{ada.id}/{path}"
    assert login_as(role).post(url, data={"old": "x"}).status_code == 403
    assert client.post(url).location.startswith("/login")
    assert db.session.scalar(select(Task)) is None


def test_a_running_contract_is_told_on_the_page(
    login_as: Login, people: dict[str, User], ada: Client
) -> None:
    _with_password(people, Role.ADMINISTRATOR)
    db.session.scalars(select(Policy)).one().state = "active"
    db.session.commit()
    browser = login_as("administrator")
    answer = browser.post(
        f"/clients/{ada.id}/erase", data={"old": "a long password 1"}, follow_redirects=True
    )
    assert "the law wants their data kept" in answer.text
    assert browser.get("/clients/9999/erase").status_code == 404
