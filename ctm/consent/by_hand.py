"""What a user enters of a client's consent, as a form gives it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from flask_babel import get_timezone

from ctm.clients.checks import read_date
from ctm.clock import utcnow
from ctm.consent import purposes
from ctm.consent.recording import BY_HAND, OLDEST, record
from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.models import Client, ConsentEvent, User


def enter(client: Client, values: Mapping[str, Any], user: User | None) -> ConsentEvent:
    """Record what a client said: ``purpose_id``, ``state``, ``source``, ``day``, ``address``,
    ``wording`` (without one, the purpose's own), ``note``; texts as they were typed.

    :raises InvalidInput: what is wrong, with the field.
    """
    purpose = purposes.chosen(values.get("purpose_id"))
    if purpose is None:
        raise InvalidInput(_l("Choose one of the purposes."), "purpose_id")
    source = str(values.get("source") or "")
    if source not in BY_HAND:
        raise InvalidInput(_l("Choose how the client said so."), "source")
    return record(
        client,
        purpose,
        str(values.get("state") or ""),
        source=source,
        at=_moment(str(values.get("day") or "")),
        wording=str(values.get("wording") or "") or purpose.description,
        note=str(values.get("note") or ""),
        address=str(values.get("address") or ""),
        user=user,
    )


def _moment(text: str) -> datetime:
    """When it was said: now for today, noon in the office for another day; naive UTC."""
    now = utcnow()
    if not text.strip():
        return now
    try:
        day = read_date(text)
    except InvalidInput as error:
        raise InvalidInput(error.message, "day") from None
    zone = get_timezone() or UTC
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    if day is None or day == today:
        return now
    if not OLDEST.date() < day < today:
        raise InvalidInput(_l("The day must not lie in the future or before 1950."), "day")
    return _noon(day).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12))
