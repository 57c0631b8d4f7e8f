"""An office with purposes, policies and instalments, and mails written in it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ctm import tasks
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing.listmail import drafts, queueing
from ctm.models import (
    Client,
    Consent,
    Contact,
    Instalment,
    MailDraft,
    Mailing,
    Message,
    Policy,
    Purpose,
    SmtpAccount,
    User,
)
from tests import factories


def save(record: Any) -> Any:
    db.session.add(record)
    db.session.commit()
    return record


def purpose(**values: Any) -> Purpose:
    given = {"name": f"Purpose {utcnow().isoformat()}", "needs_consent": False} | values
    return save(Purpose(**given))  # type: ignore[no-any-return]


def agree(client: Client, to: Purpose, state: str = "given") -> None:
    save(Consent(client_id=client.id, purpose_id=to.id, state=state, at=utcnow()))


def contact(of: Client, email: str, **values: Any) -> Contact:
    return save(Contact(client_id=of.id, email=email, **values))  # type: ignore[no-any-return]


def instalments(of: Client, *amounts: str) -> list[Instalment]:
    """A policy of the client with an instalment due each month."""
    policy = save(Policy(client_id=of.id, number=f"POL-{of.id}"))
    return [
        save(
            Instalment(
                policy_id=policy.id,
                client_id=of.id,
                number=str(number),
                due_date=date(2027, number, 15),
                amount=Decimal(amount),
            )
        )
        for number, amount in enumerate(amounts, start=1)
    ]


def draft_of(
    sender: User, account: SmtpAccount, module: str, rows: Sequence[Any], **values: Any
) -> MailDraft:
    """A form that is filled in; without a purpose of its own it is service mail."""
    draft = drafts.create(module, [each.id for each in rows], sender)
    if "purpose_id" not in values:
        values["purpose_id"] = purpose().id
    values = {
        "account_id": account.id,
        "subject": "Dear [clienti.nome]",
        "body_html": "<p>Hello [clienti.nome] [clienti.cognome]</p>",
    } | values
    wrong = drafts.change(draft, values)
    assert not wrong, wrong
    return draft


def send(draft: MailDraft) -> Mailing:
    """Send it and let the background work be done."""
    mailing = queueing.send(draft, draft.owner)
    tasks.run_waiting()
    db.session.expire_all()
    return mailing


def mails(mailing: Mailing) -> list[Message]:
    query = db.select(Message).where(Message.mailing_id == mailing.id).order_by(Message.id)
    return list(db.session.scalars(query))


def sender_with_account(**values: Any) -> tuple[User, SmtpAccount]:
    user = factories.user(role="operator")
    return user, factories.account(users=[user], **values)
