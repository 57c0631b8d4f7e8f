"""A delivered mail with links, for what recipients do with it."""

from datetime import timedelta

import pytest
from flask import Flask

from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import Campaign, Mailing, Message, MessageState, Outcome, OutcomeStatus, TrackedLink
from tests import factories

OUTCOMES = (Outcome.SENT, Outcome.READ, Outcome.CLICKED, Outcome.REMOVED)


def campaign_with_outcomes() -> Campaign:
    campaign: Campaign = factories.campaign()
    for outcome in OUTCOMES:
        status = factories.list_status(outcome.value)
        db.session.add(
            OutcomeStatus(campaign_id=campaign.id, outcome=outcome, list_status_id=status.id)
        )
    db.session.commit()
    return campaign


def delivered(campaign: Campaign, mails: int = 1, links: int = 4) -> list[Message]:
    """Mails delivered an hour ago; links 3 and 4 lead to the same place."""
    urls = [f"https://office.example/{min(n, 3)}" for n in range(1, links + 1)]
    mailing = Mailing(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        from_email="office@office.example",
        subject="Renewal",
        options={"language": "en"},
        links=[TrackedLink(position=n, url=url) for n, url in enumerate(urls, 1)],
    )
    db.session.add(mailing)
    db.session.flush()
    found = []
    for _ in range(mails):
        client = factories.customer()
        member = factories.member(campaign, client)
        found.append(
            Message(
                mailing_id=mailing.id,
                account_id=campaign.account_id,
                campaign_id=campaign.id,
                member_id=member.id,
                client_id=client.id,
                recipient_key=client.email1,
                to_address=client.email1,
                message_id=f"<{client.id}@office.example>",
                state=MessageState.SENT,
                sent_at=utcnow() - timedelta(hours=1),
            )
        )
    db.session.add_all(found)
    db.session.commit()
    return found


@pytest.fixture
def mails(app: Flask) -> list[Message]:
    """Three delivered mails of one campaign."""
    return delivered(campaign_with_outcomes(), 3)
