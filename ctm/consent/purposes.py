"""Purposes (finalità): what the office writes for, and what each needs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from ctm import audit, sql
from ctm.clients.checks import clean_text
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Consent, ConsentEvent, ConsentState, Mailing, MailTemplate, Purpose

MAX_POSITION = 9999
LONGEST_DESCRIPTION = 4000
DEFAULTS = {
    "it": (
        (
            "Gestione del contratto",
            "Comunicazioni che il contratto richiede: documenti, variazioni, sinistri. Non serve "
            "il consenso.",
            False,
            False,
        ),
        (
            "Scadenze e pagamenti",
            "Avvisi di scadenza, solleciti e quietanze dei titoli. Non serve il consenso.",
            False,
            False,
        ),
        (
            "Marketing",
            "Acconsento a ricevere offerte e proposte commerciali per posta elettronica.",
            True,
            True,
        ),
        (
            "Notizie e auguri",
            "Acconsento a ricevere notizie dell'agenzia e auguri per posta elettronica.",
            True,
            True,
        ),
    ),
    "en": (
        (
            "Contract",
            "Mail that the contract asks for: documents, changes, claims. Needs no consent.",
            False,
            False,
        ),
        (
            "Due dates and payments",
            "Notices of instalments falling due, reminders, receipts. Needs no consent.",
            False,
            False,
        ),
        ("Marketing", "I agree to receive offers and proposals by e-mail.", True, True),
        (
            "News and wishes",
            "I agree to receive the agency's news and wishes by e-mail.",
            True,
            True,
        ),
    ),
}


def every() -> list[Purpose]:
    return list(db.session.scalars(select(Purpose).order_by(Purpose.position, Purpose.id)))


def active() -> list[Purpose]:
    """The purposes that can be chosen."""
    query = select(Purpose).where(Purpose.active).order_by(Purpose.position, Purpose.id)
    return list(db.session.scalars(query))


def get(purpose_id: int) -> Purpose:
    """
    :raises NotFound: there is no such purpose.
    """
    purpose = db.session.get(Purpose, purpose_id) if 0 < purpose_id < 2**31 else None
    if purpose is None:
        raise NotFound(_l("There is no such purpose."))
    return purpose


def chosen(given: Any) -> Purpose | None:
    """The active purpose with the id that a form gives as text; none for an empty choice.

    :raises InvalidInput: not one of those that can be chosen.
    """
    text = str(given or "").strip()
    if not text:
        return None
    known = text.isascii() and text.isdecimal() and len(text) < 10
    purpose = db.session.get(Purpose, int(text)) if known else None
    if purpose is None or not purpose.active:
        raise InvalidInput(_l("Choose one of the purposes."), "purpose_id")
    return purpose


def ensure_defaults(language: str) -> int:
    """Give an office without purposes a first set; how many were made. The caller commits."""
    if db.session.scalar(select(Purpose.id).limit(1)) is not None:
        return 0
    rows = DEFAULTS.get(language, DEFAULTS["it"])
    for position, (name, description, needs_consent, marketing) in enumerate(rows, start=1):
        db.session.add(
            Purpose(
                name=name,
                description=description,
                needs_consent=needs_consent,
                marketing=marketing,
                position=position,
            )
        )
    db.session.flush()
    return len(rows)


def start_with_defaults(language: str) -> int:
    """:func:`ensure_defaults` for an office that was set up before there were purposes."""
    made = ensure_defaults(language)
    if made:
        audit.record("purpose.create", count=made)
    db.session.commit()
    return made


def create(values: Mapping[str, Any]) -> Purpose:
    """Add a purpose; without a position it comes last.

    :raises InvalidInput: a value cannot be accepted.
    """
    last = db.session.scalar(select(func.max(Purpose.position))) or 0
    purpose = Purpose(position=min(last + 1, MAX_POSITION))
    _assign(purpose, values)
    db.session.add(purpose)
    db.session.flush()
    audit.record("purpose.create", purpose)
    db.session.commit()
    return purpose


def update(purpose: Purpose, values: Mapping[str, Any]) -> Purpose:
    """
    :raises InvalidInput: a value cannot be accepted.
    """
    needed = purpose.needs_consent
    _assign(purpose, values)
    detail = {"needs_consent": purpose.needs_consent} if purpose.needs_consent != needed else {}
    audit.record("purpose.update", purpose, **detail)
    db.session.commit()
    return purpose


def delete(purpose: Purpose) -> None:
    """
    :raises Conflict: a template, a mail or a client's consent names it.
    """
    if is_used(purpose):
        raise Conflict(
            _l(
                "“%(name)s” is named by templates, mails or consents, so it stays. Make it not "
                "active: then nobody can choose it any more.",
                name=purpose.name,
            )
        )
    audit.record("purpose.delete", purpose)
    db.session.delete(purpose)
    db.session.commit()


def is_used(purpose: Purpose) -> bool:
    columns = (MailTemplate.purpose_id, Mailing.purpose_id, ConsentEvent.purpose_id)
    return any(
        db.session.scalar(select(column).where(column == purpose.id).limit(1)) is not None
        for column in columns
    )


def given_by() -> dict[int, int]:
    """How many clients have given each purpose their consent."""
    query = (
        select(Consent.purpose_id, func.count())
        .where(Consent.state == ConsentState.GIVEN.value)
        .group_by(Consent.purpose_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _assign(purpose: Purpose, values: Mapping[str, Any]) -> None:
    with db.session.no_autoflush:
        name = _words(values.get("name"), 120, "name")
        if not name:
            raise InvalidInput(_l("A name is needed."), "name")
        taken = select(Purpose.id).where(sql.fold(Purpose.name) == name.lower())
        if purpose.id is not None:
            taken = taken.where(Purpose.id != purpose.id)
        if db.session.scalar(taken) is not None:
            raise InvalidInput(_l("Another purpose is called “%(name)s”.", name=name), "name")
        description = _words(
            values.get("description"), LONGEST_DESCRIPTION, "description", multiline=True
        )
        place = str(values.get("position") or purpose.position).strip()
        if not (place.isascii() and place.isdecimal()) or int(place[:9]) > MAX_POSITION:
            raise InvalidInput(
                _l("The position is a number from 0 to %(most)s.", most=MAX_POSITION), "position"
            )
    purpose.name, purpose.description, purpose.position = name, description, int(place)
    purpose.needs_consent = bool(values.get("needs_consent"))
    purpose.marketing = bool(values.get("marketing"))
    purpose.active = bool(values.get("active", True))


def _words(text: Any, longest: int, field: str, multiline: bool = False) -> str:
    try:
        return clean_text(str(text or ""), longest, multiline)
    except InvalidInput as error:
        raise InvalidInput(error.message, field) from None
