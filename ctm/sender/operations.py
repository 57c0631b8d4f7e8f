"""Checking an account's domain: as work in the background, and what is kept of it."""

from typing import Any

from flask import current_app
from sqlalchemy import select

from ctm import audit, tasks
from ctm.clock import utcnow
from ctm.errors import Conflict, NotFound
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import SmtpAccount, Task, TaskState, User
from ctm.sender import report
from ctm.sender.check import Sender, check, domain_of
from ctm.sender.report import Finding, Report
from ctm.sender.resolver import LookupFailed, Resolver

KIND = "accounts.dns"
PARTS = 4


def resolver() -> Resolver:
    """The name server of this installation (``CTM_NAMESERVER``, or the machine's).

    :raises LookupFailed: the machine has none.
    """
    text = current_app.config["CTM_NAMESERVER"]
    if text.count(":") == 1:
        host, _colon, port = text.partition(":")
        return Resolver(host, int(port))
    return Resolver(text)


def sender_of(account: SmtpAccount) -> Sender:
    return Sender(
        domain_of(account.from_email), account.provider, account.host, account.dkim_selector
    )


def submit(account: SmtpAccount, user: User | None) -> Task:
    """Have the account's domain checked; the check that is under way already, if there is one.

    :raises Conflict: a practice account, whose mail goes nowhere.
    """
    if account.practice:
        raise Conflict(
            _l("“%(name)s” delivers to the practice mailbox: no DNS is asked.", name=account.name)
        )
    running = under_way(account)
    if running is not None:
        return running
    title = _("DNS of %(domain)s", domain=domain_of(account.from_email))
    return tasks.submit(KIND, title, {"account_id": account.id}, user)


def under_way(account: SmtpAccount) -> Task | None:
    """The check of this account that waits or runs."""
    query = (
        select(Task)
        .where(Task.kind == KIND, Task.state.in_((TaskState.WAITING, TaskState.RUNNING)))
        .order_by(Task.id.desc())
        .limit(100)
    )
    found = [task for task in db.session.scalars(query) if task.params["account_id"] == account.id]
    return found[0] if found else None


def kept(account: SmtpAccount) -> Report | None:
    """What the last check found, if it was about the domain the account has now."""
    found = report.read(account.dns_report)
    return found if found and found.domain == domain_of(account.from_email) else None


def look(account: SmtpAccount, step: Any = lambda: None) -> Report:
    """Check now and keep what is found; commits."""
    account_id, sender = account.id, sender_of(account)
    db.session.rollback()  # no transaction stays open while DNS takes its time
    try:
        found = check(sender, resolver(), step)
    except LookupFailed as error:
        values = {"name": error.name or sender.domain}
        found = Report(
            sender.domain, (Finding("spf", report.UNKNOWN, f"lookup_{error.kind}", values),)
        )
    account_now = db.session.get(SmtpAccount, account_id, populate_existing=True)
    if account_now is None:
        raise NotFound(_l("The account was deleted in the meantime."))
    account_now.dns_report, account_now.dns_checked_at = found.to_dict(), utcnow()
    audit.record("account.dns", account_now, domain=found.domain, level=found.level)
    db.session.commit()
    return found


@tasks.task_kind(KIND, repeatable=True)
def _run(task: Task, progress: tasks.Progress) -> None:
    account = db.session.get(SmtpAccount, int(task.params["account_id"]))
    if account is None:
        raise NotFound(_("The account was deleted in the meantime."))
    progress.set_total(PARTS)
    found = look(account, progress.advance)
    task.result = {"level": found.level}
