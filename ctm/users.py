"""Users: creating them, their passwords, their sessions."""

import secrets
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select

from ctm import audit, sql, totp
from ctm.clients.checks import clean_email
from ctm.clock import utcnow
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import LANGUAGES, _l
from ctm.models import Role, User

MIN_PASSWORD = 10
MAX_PASSWORD = 200
NAME_LENGTH = 120
COMMON_PASSWORDS = (
    "1234567890 0123456789 12345678910 123456789012 qwertyuiop qwerty12345 qwerty123456 "
    "password123 password1234 password12 passw0rd123 administrator amministratore iloveyou123 "
    "letmein1234 welcome1234 benvenuto123 juventus1897 juventus123 forzainter1 forzamilan1 "
    "changeme123 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4t5 asdfghjkl1 zxcvbnm123 abcdefghij "
    "abcdef123456 abcd123456 andreaandrea francesco1 alessandro1"
)

_hasher = PasswordHasher()
_decoy = _hasher.hash(secrets.token_hex(16))


class WrongLogin(InvalidInput):
    """The e-mail, the password or the code is not right; it does not say which."""

    def __init__(self) -> None:
        super().__init__(_l("E-mail or password are not right. Check both and try again."))


def get(user_id: int) -> User:
    """
    :raises NotFound: there is no such user.
    """
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(_l("There is no such user."))
    return user


def every() -> list[User]:
    """All users of the office, those who may log in first."""
    return list(db.session.scalars(select(User).order_by(User.active.desc(), User.name)))


def search(text: str, limit: int) -> list[User]:
    """Active users with the text in name or e-mail."""
    column = User.name + " " + User.email
    query = select(User).where(User.active, sql.holds(column, text.strip()))
    return list(db.session.scalars(query.order_by(User.name).limit(limit)))


def named(ids: list[int]) -> list[User]:
    """The users with these ids, by name."""
    return list(db.session.scalars(select(User).where(User.id.in_(ids)).order_by(User.name)))


def create(
    email: str, name: str, role: str, password: str, language: str = "it", active: bool = True
) -> User:
    """Add a user who may log in at once, if active.

    :raises InvalidInput: a value cannot be accepted; ``field`` names it.
    """
    email = _free_email(email)
    check_password_rules(password, email)
    user = User(
        email=email,
        name=_clean_name(name),
        role=_clean_role(role),
        language=_clean_language(language),
        active=active,
        password_hash=_hasher.hash(password),
        session_stamp=_new_stamp(),
    )
    db.session.add(user)
    db.session.flush()
    audit.record("user.create", user, role=user.role)
    db.session.commit()
    return user


def update(user: User, values: dict[str, Any]) -> User:
    """Change ``email``, ``name``, ``role``, ``language``, ``active``, ``password`` (if not empty).

    :raises InvalidInput: a value cannot be accepted.
    :raises Conflict: nobody would be left to administer the office.
    """
    email = _free_email(values.get("email", user.email), user)
    name = _clean_name(values.get("name", user.name))
    role = _clean_role(values.get("role", user.role))
    language = _clean_language(values.get("language", user.language))
    active = bool(values.get("active", user.active))
    password = values.get("password") or ""
    if password:
        check_password_rules(password, email)
    if role != Role.ADMINISTRATOR or not active:
        _keep_an_administrator(user)
    if not active and user.active:
        _not_oneself(user, _l("You cannot deactivate yourself. Ask another administrator."))
    changed = [
        key
        for key, value in (("email", email), ("name", name), ("role", role), ("active", active))
        if getattr(user, key) != value
    ]
    user.email, user.name, user.role, user.language = email, name, role, language
    if password:
        user.password_hash = _hasher.hash(password)
        changed.append("password")
    if password or not active:
        user.session_stamp = _new_stamp()
    user.active = active
    audit.record("user.update", user, changed=changed)
    db.session.commit()
    return user


def delete(user: User) -> None:
    """Remove a user. What he did stays in the audit log under his name.

    :raises Conflict: he is the last administrator, or whoever asks.
    """
    _not_oneself(user, _l("You cannot delete yourself. Ask another administrator."))
    _keep_an_administrator(user)
    audit.record("user.delete", user, email=user.email)
    db.session.delete(user)
    db.session.commit()


def deactivate(user: User) -> None:
    """Take the login away and end his sessions; his records stay his."""
    update(user, {"active": False})


def authenticate(email: str, password: str) -> User:
    """The active user with this e-mail and password; takes as long whoever is asked for.

    :raises WrongLogin: no such user, not active, or another password.
    """
    wanted = email.strip().lower()[:254]
    user: User | None = db.session.scalar(select(User).where(User.email == wanted))
    known = user is not None and bool(user.password_hash)
    matches = _verify(user.password_hash if user and known else _decoy, password)
    if user is None or not known or not matches or not user.active:
        audit.record("login.fail", user, email=wanted)
        db.session.commit()
        raise WrongLogin
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
        db.session.commit()
    return user


def enter(user: User, code: str = "") -> None:
    """Note that a user whose password was right comes in.

    :raises InvalidInput: he uses a second factor, and the code is wrong or already used.
    """
    if user.totp_sealed:
        try:
            totp.accept(user, code)
        except InvalidInput:
            audit.record("login.fail", user, email=user.email, step="code")
            db.session.commit()
            raise
    user.last_login_at = utcnow()
    audit.record("login.enter", user)
    db.session.commit()


def left(user: User) -> None:
    """Note that a user logged out."""
    audit.record("login.leave", user)
    db.session.commit()


def by_session(identity: str) -> User | None:
    """The user a session belongs to; None once his password changed or he was deactivated."""
    number, _colon, stamp = identity.partition(":")
    if not number.isdecimal() or len(number) > 15:
        return None
    user = db.session.get(User, int(number))
    if user is None or not user.active or not secrets.compare_digest(user.session_stamp, stamp):
        return None
    return user


def set_password(user: User, password: str) -> None:
    """Give a new password; sessions opened with the old one end.

    :raises InvalidInput: the password does not keep the rules.
    """
    check_password_rules(password, user.email)
    user.password_hash = _hasher.hash(password)
    user.session_stamp = _new_stamp()
    audit.record("user.password", user)
    db.session.commit()


def change_password(user: User, old: str, new: str) -> None:
    """The user's own change: he must know the old password.

    :raises InvalidInput: the old one is wrong, or the new one does not keep the rules.
    """
    check_password(user, old)
    set_password(user, new)


def check_password(user: User, password: str) -> None:
    """
    :raises InvalidInput: it is not the user's password.
    """
    if not _verify(user.password_hash, password):
        raise InvalidInput(_l("This is not your present password."), "old")


def end_sessions(user: User) -> None:
    """Log the user out everywhere."""
    user.session_stamp = _new_stamp()
    audit.record("user.end_sessions", user)
    db.session.commit()


def set_profile(user: User, name: str, language: str) -> None:
    """What a user changes of himself.

    :raises InvalidInput: the name is empty or the language unknown.
    """
    user.name, user.language = _clean_name(name), _clean_language(language)
    audit.record("user.profile", user)
    db.session.commit()


def set_language(user: User, code: str) -> None:
    """Remember the language a user works in."""
    user.language = code
    db.session.commit()


def check_password_rules(password: str, email: str = "") -> None:
    """At least ten characters, not the e-mail, not one of the common ones.

    :raises InvalidInput: with the rule that is not kept.
    """
    plain = password.strip().lower()
    if len(password) < MIN_PASSWORD or len(plain) < MIN_PASSWORD:
        raise InvalidInput(
            _l("A password needs at least %(count)s characters.", count=MIN_PASSWORD), "password"
        )
    if len(password) > MAX_PASSWORD:
        raise InvalidInput(
            _l("A password has at most %(count)s characters.", count=MAX_PASSWORD), "password"
        )
    address = email.strip().lower()
    if address and plain in {address, address.partition("@")[0], address[::-1]}:
        raise InvalidInput(_l("The password may not be the e-mail address."), "password")
    if plain in COMMON_PASSWORDS.split() or len(set(plain)) < 4:
        raise InvalidInput(
            _l("This password is too easy to guess. Three unrelated words make a good one."),
            "password",
        )


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


def _new_stamp() -> str:
    return secrets.token_hex(16)


def _free_email(text: str, user: User | None = None) -> str:
    email = clean_email(text or "", "email")
    if not email:
        raise InvalidInput(_l("An e-mail address is needed: it is the login."), "email")
    taken = select(User.id).where(User.email == email)
    if user is not None:
        taken = taken.where(User.id != user.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(_l("%(email)s is already a user.", email=email), "email")
    return email


def _clean_name(text: str) -> str:
    name = " ".join((text or "").split())
    if not name:
        raise InvalidInput(_l("A name is needed."), "name")
    if len(name) > NAME_LENGTH:
        raise InvalidInput(
            _l("The name has at most %(count)s characters.", count=NAME_LENGTH), "name"
        )
    return name


def _clean_role(text: str) -> str:
    if text not in set(Role):
        raise InvalidInput(_l("Choose one of the roles."), "role")
    return Role(text).value


def _clean_language(text: str) -> str:
    if text not in LANGUAGES:
        raise InvalidInput(_l("Choose one of the languages."), "language")
    return text


def _not_oneself(user: User, words: object) -> None:
    if user.id == audit.actor().user_id:
        raise Conflict(words)


def _keep_an_administrator(user: User) -> None:
    """
    :raises Conflict: no other active administrator would be left.
    """
    if user.role != Role.ADMINISTRATOR or not user.active:
        return
    others = select(func.count(User.id)).where(
        User.role == Role.ADMINISTRATOR, User.active, User.id != user.id
    )
    if not db.session.scalar(others):
        raise Conflict(
            _l(
                "%(name)s is the only administrator. Make somebody else administrator first.",
                name=user.name,
            )
        )
