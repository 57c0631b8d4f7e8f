"""Writing down what a client said about a purpose, with the proof of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from ctm import audit, sql
from ctm.clients.checks import clean_text
from ctm.clock import utcnow
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing.compose import check_address
from ctm.models import Client, Consent, ConsentEvent, ConsentState, Purpose, User

BY_HAND: dict[str, object] = {
    "office": _l("in person"),
    "paper": _l("signed paper"),
    "phone": _l("by telephone"),
    "email": _l("by e-mail"),
    "page": _l("form on a page"),
}
SOURCES: dict[str, object] = BY_HAND | {
    "import": _l("import"),
    "remove_link": _l("remove link"),
}
OLDEST = datetime(1950, 1, 1)
CLOCKS_DIFFER = timedelta(minutes=5)
LONGEST_WORDING = 4000
MOST_EVENTS = 500


def record(
    client: Client,
    purpose: Purpose,
    state: str,
    *,
    source: str,
    at: datetime | None = None,
    wording: str = "",
    note: str = "",
    address: str = "",
    ip: str = "",
    user: User | None = None,
    commit: bool = True,
) -> ConsentEvent:
    """Write down that a client gave, refused or withdrew its consent. ``at`` is naive UTC.

    The last word counts: an older event that is entered later is kept as proof and changes
    nothing.

    :raises InvalidInput: a value cannot be accepted; ``field`` names it.
    """
    if state not in set(ConsentState):
        raise InvalidInput(_l("Consent is given, refused or withdrawn."), "state")
    if source not in SOURCES:
        raise InvalidInput(_l("Choose how the client said so."), "source")
    now = utcnow()
    at = now if at is None else at
    if not OLDEST <= at <= now + CLOCKS_DIFFER:
        raise InvalidInput(_l("The day must not lie in the future or before 1950."), "at")
    event = ConsentEvent(
        client_id=client.id,
        purpose_id=purpose.id,
        state=str(state),
        at=at,
        source=source,
        user_id=user.id if user else None,
        address=_address(address),
        ip=ip[:45],
        wording=_words(wording, "wording"),
        note=_words(note, "note"),
        recorded_at=now,
    )
    db.session.add(event)
    db.session.flush()
    _stand(event)
    audit.record("consent.record", client, purpose=purpose.name, state=str(state), source=source)
    if commit:
        db.session.commit()
    return event


def _words(text: str, field: str) -> str:
    try:
        return clean_text(text or "", LONGEST_WORDING, multiline=True)
    except InvalidInput as error:
        raise InvalidInput(error.message, field) from None


def _address(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return check_address(text)
    except InvalidInput as error:
        raise InvalidInput(error.message, "address") from None


def _stand(event: ConsentEvent) -> None:
    """Where the client stands now, unless a later event said so already."""
    values: dict[str, Any] = {
        "client_id": event.client_id,
        "purpose_id": event.purpose_id,
        "state": event.state,
        "at": event.at,
    }
    table = Consent.__table__
    new = sql.insert(db.session, table).values(**values)  # type: ignore[arg-type]
    db.session.execute(
        new.on_conflict_do_update(
            index_elements=["client_id", "purpose_id"],
            set_={"state": new.excluded.state, "at": new.excluded.at},
            where=table.c.at <= new.excluded.at,
        ),
        execution_options={"synchronize_session": False},
    )
    kept = select(Consent).where(
        Consent.client_id == event.client_id, Consent.purpose_id == event.purpose_id
    )
    db.session.scalars(kept.execution_options(populate_existing=True)).one()


def withdraw_marketing(
    client_id: int, *, address: str, ip: str, at: datetime, wording: str, note: str = ""
) -> int:
    """A recipient removed itself: withdraw what marketing it had agreed to, and object to what
    marketing needs no consent. The caller commits. Returns how many purposes changed.
    """
    client = db.session.get(Client, client_id)
    if client is None:
        return 0
    now = {purpose: kept.state for (_client, purpose), kept in standings([client_id]).items()}
    changed = 0
    for purpose in db.session.scalars(select(Purpose).where(Purpose.marketing)).all():
        state = now.get(purpose.id)
        if state == ConsentState.GIVEN or (state is None and not purpose.needs_consent):
            record(
                client,
                purpose,
                ConsentState.WITHDRAWN,
                source="remove_link",
                at=at,
                wording=wording,
                note=note,
                address=address,
                ip=ip,
                commit=False,
            )
            changed += 1
    return changed


def latest(client_id: int, limit: int = MOST_EVENTS) -> list[tuple[ConsentEvent, str]]:
    """A client's events, newest first, each with the name of the user who entered it."""
    query = (
        select(ConsentEvent, User.name)
        .outerjoin(User, User.id == ConsentEvent.user_id)
        .where(ConsentEvent.client_id == client_id)
        .order_by(ConsentEvent.at.desc(), ConsentEvent.id.desc())
        .limit(limit)
    )
    return [(event, name or "") for event, name in db.session.execute(query)]


def standings(client_ids: Iterable[int]) -> dict[tuple[int, int], Consent]:
    """Where clients stand, by client and purpose."""
    query = select(Consent).where(Consent.client_id.in_(list(client_ids)))
    return {(each.client_id, each.purpose_id): each for each in db.session.scalars(query)}
