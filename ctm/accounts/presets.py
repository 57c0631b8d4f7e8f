"""Providers CTM knows: their servers, what they allow, what they ask for first.

Sources: the manual of ActNow for Gmail (100 mails a day, password for apps) and Aruba (250 mails
in 20 minutes); the providers' own help pages for the rest.
"""

from dataclasses import dataclass

from flask_babel import LazyString

from ctm.i18n import _l
from ctm.models import Security

DAY, TWENTY_MINUTES = 86400, 1200


@dataclass(frozen=True)
class Preset:
    """What choosing a provider fills in. ``needs`` says what to do at the provider first."""

    code: str
    label: str | LazyString
    host: str
    port: int
    security: Security
    limits: tuple[tuple[int, int], ...] = ()
    needs: tuple[LazyString, ...] = ()


_MAILBOX_LOGIN = _l("The user name is the whole e-mail address, the password is the mailbox's own.")
_ARUBA_LIMIT = _l("Aruba lets 250 mails leave in 20 minutes; the limit below keeps to it.")
_PEC_NEEDS = (
    _l("A certified mailbox (PEC) is meant for single mails; most contracts forbid mailings."),
    _MAILBOX_LOGIN,
)

_GOOGLE_NEEDS = (
    _l(
        "Turn on two-step verification in the Google account: Security → 2-Step "
        "Verification. Use a phone number that stays with the office."
    ),
    _l(
        "Then make a password for apps: Security → App passwords. Type that one here, not "
        "the password of the mailbox; it stays valid when the mailbox's changes."
    ),
)

PRESETS = (
    Preset(
        "gmail",
        "Gmail",
        "smtp.gmail.com",
        465,
        Security.TLS,
        ((100, DAY),),
        (
            *_GOOGLE_NEEDS,
            _l("Gmail lets about 100 mails a day leave; the limit below keeps to it."),
        ),
    ),
    Preset(
        "google_workspace",
        "Google Workspace",
        "smtp.gmail.com",
        465,
        Security.TLS,
        ((2000, DAY),),
        (
            *_GOOGLE_NEEDS,
            _l(
                "Google Workspace lets each user send 2,000 mails a day; the limit below keeps "
                "to it. In a trial period it is 500."
            ),
        ),
    ),
    Preset(
        "aruba",
        _l("Aruba, free mailbox"),
        "smtp.aruba.it",
        465,
        Security.TLS,
        ((250, TWENTY_MINUTES),),
        (_MAILBOX_LOGIN, _ARUBA_LIMIT),
    ),
    Preset(
        "aruba_paid",
        _l("Aruba, paid mailbox"),
        "smtps.aruba.it",
        465,
        Security.TLS,
        ((250, TWENTY_MINUTES),),
        (_MAILBOX_LOGIN, _ARUBA_LIMIT),
    ),
    Preset(
        "aruba_pec",
        "Aruba PEC",
        "smtps.pec.aruba.it",
        465,
        Security.TLS,
        ((250, TWENTY_MINUTES),),
        _PEC_NEEDS,
    ),
    Preset(
        "legalmail",
        "Legalmail (InfoCert PEC)",
        "sendm.cert.legalmail.it",
        465,
        Security.TLS,
        (),
        (
            _PEC_NEEDS[0],
            _l("The user name is the one of the Legalmail contract, not the e-mail address."),
        ),
    ),
    Preset(
        "office365",
        "Microsoft 365",
        "smtp.office365.com",
        587,
        Security.STARTTLS,
        ((30, 60), (10000, DAY)),
        (
            _l(
                "An administrator of Microsoft 365 must allow “Authenticated SMTP” for the "
                "mailbox. Where security defaults are on, it stays off."
            ),
            _l("Microsoft lets 30 mails a minute leave; the limits below keep to it."),
        ),
    ),
    Preset(
        "yahoo",
        "Yahoo",
        "smtp.mail.yahoo.com",
        465,
        Security.TLS,
        ((500, DAY),),
        (
            _l(
                "Make a password for apps in the Yahoo account: Account security → Generate app "
                "password. Type that one here."
            ),
        ),
    ),
    Preset(
        "custom",
        _l("Another provider"),
        "",
        465,
        Security.TLS,
        (),
        (_l("Server, port and protection are in the provider's instructions for mail programs."),),
    ),
    Preset(
        "practice",
        _l("Practice mailbox"),
        "127.0.0.1",
        2525,
        Security.NONE,
        (),
        (_l("Nothing leaves this machine: the mails are read under “Practice mailbox”."),),
    ),
)
BY_CODE = {preset.code: preset for preset in PRESETS}
