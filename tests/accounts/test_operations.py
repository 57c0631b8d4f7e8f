"""Entering, changing, testing, restarting and deleting accounts."""

from typing import Any

import pytest
from flask import Flask

from ctm import settings
from ctm.accounts import operations
from ctm.accounts.presets import PRESETS
from ctm.clients.checks import InvalidFields
from ctm.clock import utcnow
from ctm.errors import Conflict, NotAllowed, NotFound, Unavailable
from ctm.extensions import db
from ctm.models import Role, Security, SmtpAccount
from tests import factories
from tests.accounts.servers import PASSWORD, USER, mail_server

VALUES = {
    "name": "Agenzia",
    "provider": "custom",
    "host": "smtp.office.example",
    "port": "465",
    "security": "tls",
    "username": "agenzia@office.example",
    "password": "segreta",
    "from_email": "Agenzia@Office.example",
    "from_name": "Agenzia Brera",
    "reply_to": "",
    "connections": "2",
    "limits": [["100", 86400]],
    "active": True,
}


def make(**values: Any) -> SmtpAccount:
    return operations.create(VALUES | values)


def test_an_account_keeps_its_password_sealed(app: Flask) -> None:
    account = make()
    assert "segreta" not in (account.password_sealed or "")
    assert operations.endpoint(account) == operations.Endpoint(
        "smtp.office.example", 465, Security.TLS, "agenzia@office.example", "segreta"
    )
    assert (account.port, account.limits) == (465, [[100, 86400]])


def test_an_empty_password_leaves_the_stored_one(app: Flask) -> None:
    account = make()
    operations.update(account, VALUES | {"password": "", "from_name": "Altro"})
    assert operations.endpoint(account).password == "segreta"
    operations.update(account, VALUES | {"password": "nuova"})
    assert operations.endpoint(account).password == "nuova"


def test_the_stored_password_is_not_handed_to_another_server(app: Flask) -> None:
    account = make()
    with pytest.raises(InvalidFields) as caught:
        operations.update(account, VALUES | {"password": "", "host": "smtp.thief.example"})
    assert set(caught.value.errors) == {"password"}


def test_without_a_user_name_no_password_stays(app: Flask) -> None:
    account = make()
    operations.update(account, VALUES | {"username": "", "password": ""})
    assert account.password_sealed is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("provider", "nobody"),
        ("host", ""),
        ("host", "smtp example com"),
        ("host", "127.0.0.1"),
        ("port", "0"),
        ("port", "many"),
        ("security", "perhaps"),
        ("security", "none"),
        ("username", ""),
        ("password", ""),
        ("password", "two\nlines"),
        ("from_email", ""),
        ("from_email", "not an address"),
        ("from_email", "a@b.example\r\nBcc: all@b.example"),
        ("from_name", "x" * 121),
        ("reply_to", "nowhere"),
        ("connections", "11"),
        ("connections", "-1"),
        ("limits", [["100", "?"]]),
        ("limits", [["0", 60]]),
        ("limits", [["1e9", 60]]),
        ("limits", [["10", 60]] * 6),
        ("user_ids", ["999"]),
        ("user_ids", ["me"]),
    ],
)
@pytest.mark.parametrize("settings", [{"CTM_ALLOW_PRIVATE_HOSTS": False}])
def test_what_cannot_be_accepted_stands_at_its_field(app: Flask, field: str, value: Any) -> None:
    with pytest.raises(InvalidFields) as caught:
        make(**{field: value})
    assert set(caught.value.errors) == {field}
    assert db.session.query(SmtpAccount).count() == 0


def test_two_accounts_do_not_share_a_name(app: Flask) -> None:
    make()
    with pytest.raises(InvalidFields, match="Another account"):
        make()


def test_practice_accounts_go_to_this_machine_whatever_was_typed(app: Flask) -> None:
    account = make(provider="practice", host="smtp.office.example")
    port = app.config["CTM_PRACTICE_PORT"]
    assert operations.endpoint(account) == operations.Endpoint(
        "127.0.0.1", port, Security.NONE, "", ""
    )
    assert account.password_sealed is None
    app.config["CTM_PRACTICE_PORT"] = 0
    with pytest.raises(Unavailable):
        operations.endpoint(account)


def test_the_demo_office_knows_practice_accounts_only(app: Flask) -> None:
    real = make()
    settings.put("demo", True)
    for attempt in (
        lambda: make(name="Second"),
        lambda: operations.update(real, VALUES),
        lambda: operations.test(real),
        lambda: operations.endpoint(real),
    ):
        with pytest.raises(NotAllowed, match="demo office"):
            attempt()
    assert make(name="Prova", provider="practice").practice


def test_a_test_is_kept_with_the_account(app: Flask) -> None:
    with mail_server() as port:
        account = make(
            host="127.0.0.1", port=port, security="none", username=USER, password=PASSWORD
        )
        assert operations.test(account).ok
        assert (account.test_ok, account.test_words[:3]) == (True, "235")
        operations.update(
            account,
            VALUES | {"host": "127.0.0.1", "port": port, "security": "none", "password": "wrong"},
        )
        assert (account.test_ok, account.tested_at) == (None, None)
        assert not operations.test(account).ok
    assert account.test_words.startswith("535 ")


def test_a_stopped_account_starts_again(app: Flask) -> None:
    account = make()
    account.stopped_at = account.retry_at = utcnow()
    account.stopped_reason = "535 no"
    db.session.commit()
    operations.restart(account)
    assert (account.stopped_at, account.retry_at, account.stopped_reason) == (None, None, "")


def test_a_mended_login_lets_a_stopped_account_start_again(app: Flask) -> None:
    account = make()
    account.stopped_at = utcnow()
    db.session.commit()
    operations.update(account, VALUES | {"password": "", "from_name": "Altro"})
    assert account.stopped_at is not None
    operations.update(account, VALUES | {"password": "nuova"})
    assert account.stopped_at is None


def test_an_account_that_campaigns_name_stays(app: Flask) -> None:
    used, unused = make(), make(name="Second")
    factories.campaign(account=used)
    with pytest.raises(Conflict, match="Agenzia"):
        operations.delete(used)
    operations.delete(unused)
    assert db.session.query(SmtpAccount).all() == [used]


def test_only_enabled_users_see_an_account(app: Flask) -> None:
    enabled, stranger = factories.user(role=Role.MANAGER), factories.user(role=Role.MANAGER)
    account = make(user_ids=[str(enabled.id)])
    assert operations.get(account.id, enabled) == account
    assert operations.get(account.id, factories.user(role=Role.ADMINISTRATOR)) == account
    with pytest.raises(NotFound):
        operations.get(account.id, stranger)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.code)
def test_every_preset_can_be_saved_as_it_is(app: Flask, preset: Any) -> None:
    account = make(
        provider=preset.code,
        host=preset.host or "smtp.office.example",
        port=preset.port,
        security=preset.security,
        limits=[list(limit) for limit in preset.limits],
    )
    assert account.limits == [list(limit) for limit in preset.limits]
    assert all(str(need) for need in preset.needs)


def test_presets_say_what_the_manual_says() -> None:
    known = {preset.code: (preset.host, preset.port, preset.limits) for preset in PRESETS}
    assert known["gmail"] == ("smtp.gmail.com", 465, ((100, 86400),))
    assert known["aruba"] == ("smtp.aruba.it", 465, ((250, 1200),))
    assert known["aruba_paid"] == ("smtps.aruba.it", 465, ((250, 1200),))
