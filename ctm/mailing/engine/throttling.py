"""Answers that speak of the account or the server, not of the mail they stand under.

A provider that wants us to slow down often says so in place of an answer about a recipient, and
some with a 5xx: Gmail's daily limit is ``550 5.4.5``. Taken by their first digit alone, such
answers would fail every mail of a campaign. Each group of :data:`KNOWN` names where its codes are
documented. What is not known here stays an answer about the mail.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from ctm.mailing.engine.replies import Reply


class Kind(Enum):
    """What an answer says of the account."""

    SLOWER = auto()
    SPENT = auto()
    BARRED = auto()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to leave the server alone: the first time, and the most after doubling."""

    first: float
    longest: float


PATIENCE = {Kind.SLOWER: Patience(30.0, 3600.0), Kind.SPENT: Patience(3600.0, 4 * 3600.0)}

_ONE_MAIL = re.compile(
    r"\b[45]\.2\.2\b(?!.*submission)|over ?quota|mailbox (is )?full|casella (è )?piena"
    r"|the user you are trying|gr[ea]y-?list|\b5\.(2\.3|3\.4)\b|message size",
    re.IGNORECASE,
)
"""Of the recipient or the mail, although the words are alike: a mailbox full, a mail too large."""

KNOWN: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        # Gmail and Google Workspace: support.google.com/a/answer/3726730
        (r"^5\d\d.5\.4\.5\b", Kind.SPENT),
        (r"^450.4\.2\.1\b.*(peak )?smtp relay limit", Kind.SLOWER),
        (r"smtp relay (sending )?limit exceeded", Kind.SPENT),
        (r"^550.5\.7\.1\b.*(daily|sending) (\w+ )?limit", Kind.SPENT),
        # Microsoft 365 and Outlook.com: learn.microsoft.com, "SMTP AUTH submissions"
        (r"^432\b|concurrent connections? limit|sender thread limit", Kind.SLOWER),
        (r"SubmissionQuotaExceeded|^5\d\d.5\.1\.90\b|^550.5\.7\.23[23]\b", Kind.SPENT),
        (r"^550.5\.2\.25[1-5]\b|^451.4\.7\.[56]\d\d\b", Kind.SLOWER),
        (r"^550.5\.1\.8\b.*outbound|^550.5\.7\.70[5-8]\b", Kind.BARRED),
        (r"^550.5\.7\.60\b|SendAsDenied", Kind.BARRED),
        # Aruba and its certified mailboxes: guide.hosting.aruba.it, guide.pec.it
        (r"\bpolicy violation\b", Kind.SLOWER),
        (r"sender address rejected:.*not (logged in|owned)", Kind.BARRED),
        (r"IP bloccato temporaneamente|temporarily blocked", Kind.SLOWER),
        (r"max rcpt to daily limit", Kind.SPENT),
        # Yahoo's "deferred" codes, Postfix's anvil, policyd, cPanel, and those who word alike
        (r"^4\d\d\b.*\[TSS?\d\d\]", Kind.SLOWER),
        (r"too (many|much) (mail|message|e-mail|email|connection|command|recipient)", Kind.SLOWER),
        (r"^4\d\d\b.*(rate|sending|send|message|mail) limit", Kind.SLOWER),
        (r"^4\d\d\b.*\b(throttl|slow(ing)? down|rate[- ]limit|too fast|troppi)", Kind.SLOWER),
        (r"(message|recipient|mail)s? (count )?(quota )?(per \w+ )?exceeded", Kind.SPENT),
        (
            r"(dai?ly|day|hourly|hour|24 hours|sending|submission|mailing|invio|giornalier\w+)\b"
            r".{0,40}\b(limit|quota|limite)",
            Kind.SPENT,
        ),
        (r"(limit|quota|limite).{0,40}\b(dai?ly|per (day|hour)|giornalier\w+|invi\w*)", Kind.SPENT),
        (r"superato (il|i) (limit\w|numero)", Kind.SPENT),
    )
)
_ASKS_TO_WAIT = re.compile(
    r"^(454\b|452.4\.3\.1\b|452.4\.5\.3\b|4\d\d.4\.7\.0\b|4(?!21)\d\d.4\.3\.2\b)"
)
_NO_SPACE = re.compile(r"^452(?!.\d\.\d)")


def account_words(reply: Reply) -> Kind | None:
    """What a refusal says of the account or server as a whole; None: it is about the mail."""
    if reply.code < 400:
        return None
    words = reply.words
    if _ONE_MAIL.search(words):
        return None
    for pattern, kind in KNOWN:
        if pattern.search(words):
            return kind
    if _ASKS_TO_WAIT.match(words) or _NO_SPACE.match(words):
        return Kind.SLOWER
    return None
