"""Who may be written to for a purpose: one rule, asked when queueing and again when claiming.

==================== =========== =======================================================
the purpose          marketing   who may be written to
==================== =========== =======================================================
needs consent        either      who has given it, and not withdrawn it since
needs none           yes         everybody but who refused or withdrew (an objection)
needs none           no          everybody: mail that a contract asks for
==================== =========== =======================================================
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, true

from ctm import bulk, sql
from ctm.errors import InvalidInput, NotFound
from ctm.i18n import _l, _lp
from ctm.models import Client, Consent, ConsentState, Purpose

STATES: dict[str, object] = {
    ConsentState.GIVEN: _lp("consent", "given"),
    ConsentState.REFUSED: _lp("consent", "refused"),
    ConsentState.WITHDRAWN: _lp("consent", "withdrawn"),
}
NEVER_ASKED = "none"
AGAINST = (ConsentState.REFUSED.value, ConsentState.WITHDRAWN.value)
CHUNK = 5_000


def asks(purpose: Purpose) -> bool:
    """Whether anybody may be left out of mail for this purpose."""
    return purpose.needs_consent or purpose.marketing


def condition(purpose: Purpose, client_id: Any = Client.id) -> ColumnElement[bool]:
    """Whether the client in ``client_id`` (a column) may be written to for the purpose."""
    if not asks(purpose):
        return true()
    of_client = select(Consent.id).where(
        Consent.client_id == client_id, Consent.purpose_id == purpose.id
    )
    if purpose.needs_consent:
        return of_client.where(Consent.state == ConsentState.GIVEN.value).exists()
    return ~of_client.where(Consent.state.in_(AGAINST)).exists()


def allowed(executor: sql.Executor, client_ids: Iterable[int], purpose_id: int) -> set[int]:
    """Those of the clients who may be written to for the purpose.

    :raises NotFound: there is no such purpose.
    """
    wanted = list(dict.fromkeys(client_ids))
    rule = executor.execute(
        select(Purpose.needs_consent, Purpose.marketing).where(Purpose.id == purpose_id)
    ).first()
    if rule is None:
        raise NotFound(_l("There is no such purpose."))
    if not rule.needs_consent and not rule.marketing:
        return set(wanted)
    given, against = set[int](), set[int]()
    for start in range(0, len(wanted), CHUNK):
        for client_id, state in _states(executor, wanted[start : start + CHUNK], purpose_id):
            (given if state == ConsentState.GIVEN else against).add(client_id)
    return given if rule.needs_consent else set(wanted) - against


def _states(
    executor: sql.Executor, client_ids: Sequence[int], purpose_id: int
) -> Iterable[tuple[int, str]]:
    dialect = sql.dialect_name(executor)
    query = select(Consent.client_id, Consent.state).where(
        Consent.purpose_id == purpose_id, bulk.among(dialect, Consent.client_id, "clients")
    )
    found = executor.execute(query, {"clients": bulk.listed(dialect, client_ids)})
    return [(row[0], row[1]) for row in found]


def stands(purpose_id: int, state: str, client_id: Any = Client.id) -> ColumnElement[bool]:
    """Where the client in ``client_id`` stands: for the filters of lists.

    ``state`` is ``given``, ``refused``, ``withdrawn`` or ``none`` (never asked).

    :raises InvalidInput: no such state.
    """
    of_client = select(Consent.id).where(
        Consent.client_id == client_id, Consent.purpose_id == purpose_id
    )
    if state == NEVER_ASKED:
        return ~of_client.exists()
    if state not in STATES:
        raise InvalidInput(_l("Consent is given, refused or withdrawn."), "state")
    return of_client.where(Consent.state == str(state)).exists()
