"""The second factor: codes of an authenticator app (RFC 6238), each good once."""

from datetime import UTC
from typing import cast

import pyotp
import segno
from flask import current_app
from sqlalchemy import CursorResult, or_, update

from ctm import audit
from ctm.clock import utcnow
from ctm.errors import InvalidInput, Unavailable
from ctm.extensions import db
from ctm.i18n import _l
from ctm.keys import Vault
from ctm.models import User
from ctm.settings import office_name

STEP = 30
DRIFT = 1  # steps a phone's clock may be early or late


def offer(sealed: str | None) -> str:
    """The secret offered before, or a new one."""
    try:
        return _vault().open(sealed) if sealed else pyotp.random_base32()
    except Unavailable:
        return pyotp.random_base32()


def seal(secret: str) -> str:
    """The secret as it may lie in a cookie."""
    return _vault().seal(secret)


def uri(user: User, secret: str) -> str:
    """What the app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=office_name())


def qr_data(user: User, secret: str) -> str:
    """The QR code as a ``data:`` address of an SVG picture."""
    return str(segno.make(uri(user, secret), error="m").svg_data_uri(scale=5, border=2))


def switch_on(user: User, secret: str, code: str) -> None:
    """Ask for codes from the next login on, once the app has shown that it has the secret.

    :raises InvalidInput: the code does not belong to the secret.
    """
    step = _matching_step(secret, code)
    if step is None:
        raise _wrong()
    user.totp_sealed = _vault().seal(secret)
    user.totp_last_step = step
    audit.record("user.totp_on", user)
    db.session.commit()


def switch_off(user: User) -> None:
    user.totp_sealed = user.totp_last_step = None
    audit.record("user.totp_off", user)
    db.session.commit()


def accept(user: User, code: str) -> None:
    """Use up a code.

    :raises InvalidInput: it is wrong, out of time, or was used before.
    """
    step = _matching_step(_vault().open(user.totp_sealed or ""), code)
    if step is None:
        raise _wrong()
    used = cast(
        "CursorResult[object]",
        db.session.execute(
            update(User)
            .where(User.id == user.id)
            .where(or_(User.totp_last_step.is_(None), User.totp_last_step < step))
            .values(totp_last_step=step)
        ),
    )
    db.session.commit()
    if used.rowcount != 1:
        raise InvalidInput(_l("This code was used already. Wait for the next one."), "code")


def _matching_step(secret: str, code: str) -> int | None:
    digits = "".join(code.split())
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    codes = pyotp.TOTP(secret, interval=STEP)
    now = int(utcnow().replace(tzinfo=UTC).timestamp()) // STEP
    for step in range(now - DRIFT, now + DRIFT + 1):
        if pyotp.utils.strings_equal(codes.generate_otp(step), digits):
            return step
    return None


def _wrong() -> InvalidInput:
    return InvalidInput(
        _l("The code is not right. Check that the phone's clock is right and type the next one."),
        "code",
    )


def _vault() -> Vault:
    vault: Vault = current_app.extensions["ctm.vault"]
    return vault
