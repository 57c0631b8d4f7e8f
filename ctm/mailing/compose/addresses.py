"""E-mail addresses: checked when they come in, written into headers when they go out."""

import re
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from ctm.i18n import _
from ctm.mailing.compose.errors import AddressError, ComposeError

_ASCII_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\]\\\x00-\x20\x7f-\x9f\ud800-\udfff]{1,64}")


def check_address(address: str) -> str:
    """The address as it is kept: trimmed, Unicode in NFC, domain in lower case.

    International addresses and the domains reserved for tests (.test, .example, localhost) are
    accepted; whether the domain exists is not asked. Raises ``AddressError``.
    """
    given = address.strip()
    local, _at, domain = given.rpartition("@")
    on_this_machine = domain.lower() == "localhost"
    try:
        found = validate_email(
            f"{local}@localhost.test" if on_this_machine else given,
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=True,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError:
        raise AddressError(_reason(given)) from None
    if on_this_machine:
        return f"{found.local_part}@localhost"
    if "." not in found.domain:
        raise AddressError(_reason(given))
    return found.normalized


def _reason(address: str) -> str:
    """Why an address is refused, in words."""
    shown = "".join([sign if sign.isprintable() else "�" for sign in address[:80]])
    local, at, domain = address.rpartition("@")
    message: str
    if not address:
        message = _("The e-mail address is empty.")
    elif not at:
        message = _("“%(address)s” is not an e-mail address: “@” is missing.", address=shown)
    elif len(address) > 254:
        message = _("“%(address)s…” is too long for an e-mail address.", address=shown)
    elif re.search(r"\s", address):
        message = _("“%(address)s” is not an e-mail address: it contains a space.", address=shown)
    elif re.search(r"[,;]", address):
        message = _("“%(address)s” is not one e-mail address: write one only.", address=shown)
    elif "@" in local:
        message = _("“%(address)s” is not an e-mail address: “@” stands twice.", address=shown)
    elif "." not in domain:
        message = _(
            "“%(address)s” is not an e-mail address: the domain is incomplete.", address=shown
        )
    else:
        message = _("“%(address)s” is not an e-mail address.", address=shown)
    return message


def header_address(address: str) -> str:
    """The address as written in a header and in the envelope: the domain in ASCII (IDNA).

    Raises ``ComposeError`` for what cannot stand there (line breaks, brackets, no domain).
    """
    if _ASCII_ADDRESS.fullmatch(address):
        return address
    return _international(address)


@lru_cache(maxsize=4096)
def _international(address: str) -> str:
    local, _at, domain = address.rpartition("@")
    wrong = ComposeError(_reason(address))
    if not _LOCAL_PART.fullmatch(local) or not domain:
        raise wrong
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise wrong from None
    return f"{local}@{ascii_domain}"


def needs_utf8(address: str) -> bool:
    """Whether only a server with SMTPUTF8 (RFC 6531) can take the address."""
    return not address.rpartition("@")[0].isascii()
