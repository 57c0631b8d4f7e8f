from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select

from ctm import counters
from ctm.extensions import db
from ctm.models import Campaign, CampaignMember, Client, OutcomeStatus, SmtpAccount
from tests import factories
from tests.mailing.engine.servers import SmtpSink


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SmtpSink]:
    with SmtpSink(tmp_path) as server:
        yield server


@pytest.fixture
def big_campaign(app: Flask) -> Callable[..., Campaign]:
    """A campaign over ``count`` clients that sends to ``port`` on loopback."""

    def make(count: int, port: int, **values: object) -> Campaign:
        account_values = {"port": port, "connections": 4}
        for name in ("connections", "limits", "host", "security"):
            if name in values:
                account_values[name] = values.pop(name)  # type: ignore[assignment]
        account: SmtpAccount = factories.account(**account_values)
        campaign = factories.campaign(account=account, **values)
        for outcome in ("sent", "failed", "read", "clicked", "removed"):
            status = factories.list_status(f"{outcome} {campaign.id}")
            db.session.add(
                OutcomeStatus(campaign_id=campaign.id, outcome=outcome, list_status_id=status.id)
            )
        first = (db.session.scalar(select(db.func.max(Client.id))) or 0) + 1
        rows = [
            {
                "id": number,
                "first_name": f"Name{number}",
                "display_name": f"Client {number}",
                "email1": f"client{number}@example.com",
            }
            for number in range(first, first + count)
        ]
        db.session.execute(insert(Client), rows)
        db.session.execute(
            insert(CampaignMember),
            [{"campaign_id": campaign.id, "client_id": row["id"]} for row in rows],
        )
        counters.add(campaign.id, {"members": count, "status:0": count})
        db.session.commit()
        return campaign

    return make
