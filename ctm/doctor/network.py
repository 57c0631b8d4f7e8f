"""What only the network can tell: the public address, the mail servers, DNS."""

import http.client
import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select

from ctm import settings
from ctm.accounts import operations
from ctm.clock import utcnow
from ctm.doctor.checks import ADVICE, OK, PROBLEM, Check
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.models import Campaign, SmtpAccount
from ctm.sender import operations as sender
from ctm.sender import words
from ctm.sender.report import Finding, Report

SECONDS = 8.0
MOST_ACCOUNTS = 50
CERTIFICATE_DAYS = 14


def public_url(network: bool) -> list[Check]:
    url = current_app.config["CTM_PUBLIC_URL"]
    tracks = db.session.scalar(select(Campaign.id).where(Campaign.track).limit(1)) is not None
    demo = settings.is_demo()
    db.session.rollback()
    next_step = _(
        "Set CTM_PUBLIC_URL to the address of this server, like https://mail.example.com."
    )
    if not url:
        says = _("There is no public address: openings, clicks and removals cannot arrive.")
        return [Check("public_url", PROBLEM if tracks and not demo else ADVICE, says, next_step)]
    if not demo and _only_here(url):
        says = _("%(url)s is reached from this machine only; recipients cannot.", url=url)
        return [Check("public_url", PROBLEM if tracks else ADVICE, says, next_step)]
    found = []
    if url.startswith("http://") and not demo:
        says = _("%(url)s is not protected by HTTPS; many mail programs warn.", url=url)
        next_step = _("Put a reverse proxy with a certificate in front; see the operator's guide.")
        found.append(Check("public_url", ADVICE, says, next_step))
    return found + ([_answers(url)] if network else [])


def _only_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _answers(url: str) -> Check:
    """Ask our own health check from outside; no redirect is followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    next_step = _("Check DNS, firewall and reverse proxy; then try again.")
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
        try:
            connection.request("GET", f"{parts.path}/healthz")
            answer = connection.getresponse()
            status, ours = answer.status, answer.getheader("X-Request-Id") is not None
        finally:
            connection.close()
    except ssl.SSLError as error:
        words_ = str(getattr(error, "verify_message", "") or error.reason or error)
        says = _("The certificate of %(url)s is not accepted: %(words)s", url=url, words=words_)
        return Check("public_url", PROBLEM, says, _("Renew or correct the proxy's certificate."))
    except (OSError, http.client.HTTPException, ValueError) as error:
        says = _("%(url)s does not answer: %(words)s", url=url, words=str(error)[:200])
        return Check("public_url", PROBLEM, says, next_step)
    if status not in {200, 503} or not ours:
        says = _("At %(url)s somebody else answers (status %(code)s).", url=url, code=status)
        return Check("public_url", PROBLEM, says, next_step)
    return Check("public_url", OK, _("%(url)s leads here.", url=url))


def accounts(network: bool, alive: Callable[[], None]) -> list[Check]:
    ids = db.session.scalars(
        select(SmtpAccount.id)
        .where(SmtpAccount.active)
        .order_by(SmtpAccount.id)
        .limit(MOST_ACCOUNTS)
    ).all()
    if not ids:
        return [Check("accounts", ADVICE, _("There is no active SMTP account."))]
    found = []
    for account_id in ids:
        account = db.session.get(SmtpAccount, account_id)
        if account is not None:
            found += _account(account, network)
        alive()
    return found


def _account(account: SmtpAccount, network: bool) -> list[Check]:
    name = account.name
    if account.stopped_at is not None:
        says = _("“%(name)s” is stopped: %(words)s", name=name, words=account.stopped_reason[:200])
        step = _("Mend what the server complains of, then test the account.")
        return [Check("accounts", PROBLEM, says, step)]
    if not network:
        if account.tested_at is None and not account.practice:
            says = _("“%(name)s” has never been tested.", name=name)
            return [Check("accounts", ADVICE, says, _("Test it on its page."))]
        return [Check("accounts", OK, _("“%(name)s”: not asked, without the network.", name=name))]
    try:
        result = operations.test(account)
    except CtmError as error:
        return [Check("accounts", PROBLEM, f"“{name}”: {error}", _("Change the account."))]
    if not result.ok:
        return [Check("accounts", PROBLEM, f"“{name}”: {result.words}", str(result.hint))]
    says = _("“%(name)s” accepts the login: %(words)s", name=name, words=result.words[:200])
    found = [Check("accounts", OK, says)]
    if result.expires_at is not None:
        expires = datetime.fromtimestamp(result.expires_at, UTC).replace(tzinfo=None)
        days = (expires - utcnow()).days
        if days < CERTIFICATE_DAYS:
            says = _("The certificate of “%(name)s” ends in %(count)s days.", name=name, count=days)
            step = _("Tell who runs the mail server: after that no mail leaves.")
            found.append(Check("accounts", ADVICE, says, step))
    return found


def dns(network: bool, alive: Callable[[], None]) -> list[Check]:
    """X7 for every from-domain; without the network, what was found the last time."""
    query = select(SmtpAccount.id, SmtpAccount.from_email).where(
        SmtpAccount.active, SmtpAccount.practice.is_(False)
    )
    rows = db.session.execute(query.order_by(SmtpAccount.id).limit(MOST_ACCOUNTS)).all()
    if settings.is_demo() or not rows:
        return [Check("dns", OK, _("No account sends to the outside: no DNS to ask."))]
    found: list[Check] = []
    for account_id, _email in rows:
        account = db.session.get(SmtpAccount, account_id)
        if account is None:
            continue
        name = account.name
        report = sender.look(account) if network else sender.kept(account)
        found += _reported(name, report)
        alive()
    return found


def _reported(name: str, report: Report | None) -> list[Check]:
    if report is None:
        return [Check("dns", ADVICE, _("“%(name)s”: DNS not checked yet.", name=name))]
    worth = [each for each in report.findings if each.level != "ok"]
    if not worth:
        return [
            Check("dns", OK, _("SPF, DKIM, DMARC and MX of %(d)s are in order.", d=report.domain))
        ]
    return [_finding(report.domain, each) for each in worth]


def _finding(domain: str, finding: Finding) -> Check:
    says = f"{words.PARTS[finding.part]} ({domain}): {words.says(finding)}"
    step = words.next_step(finding)
    if finding.write:
        name, kind, value = finding.write
        step = f'{step} {name} {kind} "{value}"'
    return Check("dns", PROBLEM if finding.level == "problem" else ADVICE, says, step)
