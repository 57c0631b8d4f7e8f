"""Users, their passwords, their second factor."""

import time
from collections.abc import Iterator

import pyotp
import pytest
from flask import Flask, current_app
from sqlalchemy import select

from ctm import audit, totp, users
from ctm.errors import Conflict, InvalidInput
from ctm.extensions import db
from ctm.models import AuditEntry, Role, User

pytestmark = pytest.mark.usefixtures("app")
GOOD = "corallo-tenda-42"


@pytest.fixture(autouse=True)
def _nobody_acts() -> Iterator[None]:
    yield
    audit.act_as(None)


def somebody(email: str = "anna@office.example", role: str = Role.OPERATOR) -> User:
    return users.create(email, "Anna", role, GOOD, "it")


def test_a_user_logs_in_with_the_password() -> None:
    user = somebody("Anna@Office.example")
    assert user.email == "anna@office.example"
    assert GOOD not in user.password_hash
    assert users.authenticate(" ANNA@office.example ", GOOD) == user


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("anna@office.example", "wrong-password"),
        ("nobody@office.example", GOOD),
        ("", ""),
        ("anna@office.example", ""),
        ("a" * 5000, "b" * 5000),
        ("anna@office.example' OR 1=1 --", GOOD),
    ],
)
def test_every_wrong_login_gets_the_same_answer(email: str, password: str) -> None:
    somebody()
    with pytest.raises(users.WrongLogin) as caught:
        users.authenticate(email, password)
    assert str(caught.value) == "E-mail or password are not right. Check both and try again."


def test_who_is_not_active_cannot_log_in() -> None:
    users.deactivate(somebody())
    with pytest.raises(users.WrongLogin):
        users.authenticate("anna@office.example", GOOD)


@pytest.mark.one_database
def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    somebody()

    def spent(email: str) -> float:
        began = time.process_time()
        with pytest.raises(users.WrongLogin):
            users.authenticate(email, "wrong-password")
        return time.process_time() - began

    known = min(spent("anna@office.example") for _try in range(3))
    unknown = min(spent("nobody@office.example") for _try in range(3))
    assert 0.4 < unknown / known < 2.5


def test_an_old_hash_is_renewed_at_the_next_login() -> None:
    from argon2 import PasswordHasher

    user = somebody()
    user.password_hash = weak = PasswordHasher(time_cost=1, memory_cost=64).hash(GOOD)
    db.session.commit()
    users.authenticate(user.email, GOOD)
    assert user.password_hash != weak
    assert users.authenticate(user.email, GOOD) == user


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 10"),
        ("         a", "at least 10"),
        ("x" * 500, "at most 200"),
        ("anna@office.example", "may not be the e-mail"),
        ("1234567890", "too easy"),
        ("Password123", "too easy"),
        ("aaaaaaaaaaaa", "too easy"),
        ("abababababab", "too easy"),
    ],
)
def test_weak_passwords_are_refused(password: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        users.check_password_rules(password, "anna@office.example")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", ""),
        ("name", "  "),
        ("name", "x" * 121),
        ("role", "king"),
        ("language", "xx"),
    ],
)
def test_a_user_with_a_wrong_value_is_not_made(field: str, value: str) -> None:
    values = {"email": "a@b.example", "name": "A", "role": "operator", "language": "it"}
    with pytest.raises(InvalidInput) as caught:
        users.create(password=GOOD, **values | {field: value})
    assert caught.value.field == field
    assert db.session.scalar(select(User)) is None


def test_an_email_belongs_to_one_user() -> None:
    somebody()
    with pytest.raises(InvalidInput, match="already a user"):
        somebody("ANNA@office.example")


def test_a_new_password_ends_other_sessions() -> None:
    user = somebody()
    session = user.get_id()
    assert users.by_session(session) == user
    users.change_password(user, GOOD, "un'altra-tenda-7")
    assert users.by_session(session) is None
    assert users.by_session(user.get_id()) == user


def test_the_old_password_is_asked_for() -> None:
    with pytest.raises(InvalidInput) as caught:
        users.change_password(somebody(), "not-this-one", "un'altra-tenda-7")
    assert caught.value.field == "old"


@pytest.mark.parametrize("identity", ["", "1", "x:y", "1:", "99:stamp", f"{'9' * 30}:x", "-1:x"])
def test_a_session_nobody_owns(identity: str) -> None:
    somebody()
    assert users.by_session(identity) is None


def test_the_last_administrator_stays() -> None:
    boss = somebody(role=Role.ADMINISTRATOR)
    for attempt in (
        lambda: users.delete(boss),
        lambda: users.deactivate(boss),
        lambda: users.update(boss, {"role": "manager"}),
    ):
        with pytest.raises(Conflict, match="only administrator"):
            attempt()
    idle = somebody("b@office.example", Role.ADMINISTRATOR)
    users.deactivate(idle)
    with pytest.raises(Conflict, match="only administrator"):
        users.delete(boss)
    somebody("c@office.example", Role.ADMINISTRATOR)
    users.delete(boss)
    assert db.session.get(User, boss.id) is None


def test_nobody_deletes_or_deactivates_himself() -> None:
    boss = somebody(role=Role.ADMINISTRATOR)
    somebody("b@office.example", Role.ADMINISTRATOR)
    audit.act_as(boss)
    with pytest.raises(Conflict, match="yourself"):
        users.delete(boss)
    with pytest.raises(Conflict, match="yourself"):
        users.deactivate(boss)


def test_what_is_written_down_holds_no_password() -> None:
    user = somebody()
    users.set_password(user, "un'altra-tenda-7")
    with pytest.raises(users.WrongLogin):
        users.authenticate(user.email, GOOD)
    entries = db.session.scalars(select(AuditEntry)).all()
    assert [entry.action for entry in entries] == ["user.create", "user.password", "login.fail"]
    assert not any("tenda" in str(entry.detail) for entry in entries)


def with_second_factor() -> tuple[User, pyotp.TOTP]:
    user = somebody()
    codes = pyotp.TOTP(totp.offer(None))
    totp.switch_on(user, codes.secret, codes.at(int(time.time()) - 30))
    return user, codes


def test_a_code_is_good_once(app: Flask) -> None:
    user, codes = with_second_factor()
    assert codes.secret not in (user.totp_sealed or "")
    assert current_app.extensions["ctm.vault"].open(user.totp_sealed) == codes.secret
    code = codes.now()
    users.enter(user, code)
    with pytest.raises(InvalidInput, match="used already"):
        users.enter(user, code)


def test_an_earlier_code_is_not_taken_after_a_later_one() -> None:
    user, codes = with_second_factor()
    now = int(time.time())
    users.enter(user, codes.at(now + 30))
    with pytest.raises(InvalidInput):
        users.enter(user, codes.at(now))


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "٠١٢٣٤٥", "1234567", "000000 0"])
def test_what_is_no_code_is_refused(code: str) -> None:
    user, _codes = with_second_factor()
    with pytest.raises(InvalidInput, match="not right"):
        users.enter(user, code)


def test_the_second_factor_is_not_switched_on_without_a_right_code() -> None:
    user = somebody()
    with pytest.raises(InvalidInput):
        totp.switch_on(user, totp.offer(None), "000")
    assert user.totp_sealed is None
