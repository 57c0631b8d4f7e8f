"""What the demo office's clients agreed to."""

from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select

from ctm.consent import purposes
from ctm.extensions import db
from ctm.models import Client, Consent, ConsentEvent, ConsentState, Purpose, Suppression

SOURCES = ("paper", "office", "page", "phone")


def write(rng: Random, clients: list[Client], now: datetime) -> None:
    """The usual purposes; most clients were asked when they were entered."""
    purposes.ensure_defaults("it")
    asked = list(db.session.scalars(select(Purpose).where(Purpose.needs_consent)))
    gone = dict(db.session.execute(select(Suppression.address, Suppression.created_at)).all())
    for client in clients:
        for purpose in asked:
            chance = rng.random()
            if chance > 0.85:
                continue
            state = ConsentState.GIVEN if chance < 0.72 else ConsentState.REFUSED
            at = min(client.created_at + timedelta(minutes=5), now)
            _say(client, purpose, state, at, rng.choice(SOURCES))
            if state == ConsentState.GIVEN and client.email1 in gone:
                _say(client, purpose, ConsentState.WITHDRAWN, gone[client.email1], "remove_link")
    db.session.flush()


def _say(client: Client, purpose: Purpose, state: str, at: datetime, source: str) -> None:
    by_link = source == "remove_link"
    db.session.add(
        ConsentEvent(
            client_id=client.id,
            purpose_id=purpose.id,
            state=state,
            at=at,
            source=source,
            address=client.email1 if by_link else "",
            wording="Link di rimozione di una mail." if by_link else purpose.description,
            recorded_at=at,
        )
    )
    if by_link:
        kept = select(Consent).where(
            Consent.client_id == client.id, Consent.purpose_id == purpose.id
        )
        standing = db.session.scalars(kept).one()
        standing.state, standing.at = state, at
    else:
        db.session.add(Consent(client_id=client.id, purpose_id=purpose.id, state=state, at=at))
