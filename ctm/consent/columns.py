"""Consents in a file of clients: one column for each purpose, with yes, no or withdrawn.

A yes counts only for a purpose nobody asked the client about yet: a file has no date, and must not
undo what the client said since it was written. A no always counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ctm import audit
from ctm.consent import purposes
from ctm.consent.recording import record, standings
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.lists.values import NO, YES, InvalidFields
from ctm.models import Client, ConsentState, User

PREFIX = "consent_"
WITHDRAWN = {"revocato", "revocata", "ritirato", "withdrawn"}

Said = dict[int, str]


def fields() -> dict[str, tuple[object, tuple[str, ...]]]:
    """A field for each purpose that can be chosen: its label, and how files may call it."""
    return {
        f"{PREFIX}{each.id}": (
            _("Consent: %(purpose)s", purpose=each.name),
            (f"consenso {each.name}", f"consent {each.name}", each.name),
        )
        for each in purposes.active()
    }


def read(given: Mapping[str, str]) -> Said:
    """What a row says, by purpose.

    :raises InvalidFields: a cell is neither yes nor no nor withdrawn.
    """
    said: Said = {}
    for name, text in given.items():
        if not name.startswith(PREFIX):
            continue
        word = text.strip().lower().replace("ì", "i")
        if word in YES:
            state = ConsentState.GIVEN
        elif word in NO:
            state = ConsentState.REFUSED
        elif word in WITHDRAWN:
            state = ConsentState.WITHDRAWN
        else:
            raise InvalidFields({name: _l("Write yes, no or withdrawn.")})
        said[int(name.removeprefix(PREFIX))] = state
    return said


class Standing:
    """Where the clients of a chunk of rows stand, and what the rows add to it."""

    def __init__(self, clients: Iterable[Client]) -> None:
        known = {each.id: each for each in clients}
        self._now = {
            (id(known[client_id]), purpose_id): kept.state
            for (client_id, purpose_id), kept in standings(known).items()
        }
        self._news: list[tuple[Client, int, str]] = []

    def take(self, client: Client, said: Said) -> bool:
        """Note what is new of what a row says; whether anything is."""
        before = len(self._news)
        for purpose_id, state in said.items():
            place = (id(client), purpose_id)
            if self._is_new(self._now.get(place), state):
                self._now[place] = state
                self._news.append((client, purpose_id, state))
        return len(self._news) > before

    @staticmethod
    def _is_new(now: str | None, state: str) -> bool:
        if state == ConsentState.GIVEN:
            return now is None
        return now is None or now == ConsentState.GIVEN

    def write(self) -> None:
        """Record what was noted; the clients must have their ids. The caller commits."""
        if not self._news:
            return
        known: dict[int, Any] = {each.id: each for each in purposes.every()}
        user = db.session.get(User, audit.actor().user_id or 0)
        for client, purpose_id, state in self._news:
            purpose = known.get(purpose_id)
            if purpose is None:
                raise InvalidInput(_l("There is no such purpose."))
            record(
                client,
                purpose,
                state,
                source="import",
                wording=purpose.description,
                user=user,
                commit=False,
            )
