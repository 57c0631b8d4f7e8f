"""Changes to policies and instalments. Every public function that changes something commits."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select
from sqlalchemy import update as sql_update

from ctm import audit
from ctm.errors import NotFound
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists.fields import fold
from ctm.lists.values import InvalidFields, today
from ctm.models import Client, Instalment, InstalmentState, Policy, PolicyState
from ctm.portfolio import checks

CHUNK = 500


def get_policy(policy_id: int) -> Policy:
    """
    :raises NotFound: there is no such policy.
    """
    policy = db.session.get(Policy, policy_id)
    if policy is None:
        raise NotFound(_("There is no such policy. It may have been deleted."))
    return policy


def get_instalment(instalment_id: int) -> Instalment:
    """
    :raises NotFound: there is no such instalment.
    """
    instalment = db.session.get(Instalment, instalment_id)
    if instalment is None:
        raise NotFound(_("There is no such instalment. It may have been deleted."))
    return instalment


def create_policy(client: Client | None, values: Mapping[str, Any]) -> Policy:
    """Enter a policy of a client.

    :raises InvalidFields: with what is wrong, field by field.
    """
    if client is None:
        raise InvalidFields({"client_id": _("Choose the client first.")})
    policy = new_policy(client)
    assign_policy(policy, checks.clean_policy(values))
    db.session.add(policy)
    db.session.flush()
    audit.record("policy.create", policy, client=client.id)
    db.session.commit()
    return policy


def new_policy(client: Client) -> Policy:
    """A policy with the usual values, not in the session yet."""
    return Policy(
        client_id=client.id, state=PolicyState.ACTIVE.value, number="", company="", branch="",
        product="", frequency="", insured="", notes="",
    )  # fmt: skip


def update_policy(
    policy: Policy, values: Mapping[str, Any], client: Client | None = None
) -> Policy:
    """Change a policy; given another client, its instalments go along.

    :raises InvalidFields: with what is wrong, field by field.
    """
    cleaned = checks.clean_policy(values)
    before = {name: getattr(policy, name) for name in cleaned}
    _try(assign_policy, policy, cleaned)
    changed = sorted(name for name, old in before.items() if getattr(policy, name) != old)
    if client is not None and client.id != policy.client_id:
        policy.client_id = client.id
        moved = sql_update(Instalment).where(Instalment.policy_id == policy.id)
        db.session.execute(moved.values(client_id=client.id))
        changed.append("client")
    if changed:
        audit.record("policy.update", policy, fields=changed)
    db.session.commit()
    return policy


def _try(assign: Callable[[Any, Mapping[str, Any]], bool], record: Any, cleaned: Any) -> None:
    """Assign, or leave the record as it was."""
    try:
        with db.session.no_autoflush:
            assign(record, cleaned)
    except InvalidFields:
        db.session.rollback()
        raise


def assign_policy(policy: Policy, cleaned: Mapping[str, Any]) -> bool:
    """Put cleaned values into a policy and refresh what is derived; whether anything changed.

    :raises InvalidFields: the policy cannot be as a whole, or its number is another's.
    """
    changed = _put(policy, cleaned)
    checks.check_policy(policy)
    twin = _twin(policy) if {"number", "company"} & set(cleaned) else None
    if twin is not None:
        raise InvalidFields(
            {
                "number": _(
                    "Policy %(number)s of %(company)s is in the list already.",
                    number=twin.number,
                    company=twin.company or "–",
                )
            }
        )
    policy.search_text = _words(
        policy.number, policy.company, policy.branch, policy.product, policy.insured
    )
    return changed


def _twin(policy: Policy) -> Policy | None:
    """Another policy of the same insurer with the same number."""
    query = select(Policy).where(
        Policy.number == policy.number,
        func.lower(Policy.company) == policy.company.lower(),
    )
    if policy.id is not None:
        query = query.where(Policy.id != policy.id)
    with db.session.no_autoflush:
        return db.session.scalars(query.limit(1)).first()


def _put(record: Any, cleaned: Mapping[str, Any]) -> bool:
    changed = False
    for name, value in cleaned.items():
        if getattr(record, name) != value:
            setattr(record, name, value)
            changed = True
    return changed


def _words(*parts: str) -> str:
    """The folded words, each once, and numbers without the marks within them too."""
    words = fold(" ".join(parts)).split()
    bare = ["".join(c for c in word if c.isalnum()) for word in words]
    return " ".join(dict.fromkeys([*words, *filter(None, bare)]))


def create_instalment(policy: Policy | None, values: Mapping[str, Any]) -> Instalment:
    """Enter an instalment of a policy; its client is the policy's.

    :raises InvalidFields: with what is wrong, field by field.
    """
    if policy is None:
        raise InvalidFields({"policy_id": _("Choose the policy first.")})
    instalment = new_instalment(policy)
    assign_instalment(instalment, checks.clean_instalment(values))
    db.session.add(instalment)
    db.session.flush()
    audit.record("instalment.create", instalment, policy=policy.id)
    db.session.commit()
    return instalment


def new_instalment(policy: Policy) -> Instalment:
    """An instalment with the usual values, not in the session yet."""
    return Instalment(
        policy_id=policy.id,
        client_id=policy.client_id,
        state=InstalmentState.OPEN.value,
        number="",
        notes="",
        amount=None,
    )


def update_instalment(instalment: Instalment, values: Mapping[str, Any]) -> Instalment:
    """Change an instalment.

    :raises InvalidFields: with what is wrong, field by field.
    """
    cleaned = checks.clean_instalment(values)
    before = {name: getattr(instalment, name) for name in cleaned}
    _try(assign_instalment, instalment, cleaned)
    changed = sorted(name for name, old in before.items() if getattr(instalment, name) != old)
    if changed:
        audit.record("instalment.update", instalment, fields=changed)
    db.session.commit()
    return instalment


def assign_instalment(instalment: Instalment, cleaned: Mapping[str, Any]) -> bool:
    """Put cleaned values into an instalment and refresh what is derived; whether it changed.

    :raises InvalidFields: the instalment cannot be as a whole.
    """
    values = dict(cleaned)
    if values.get("state", instalment.state) == InstalmentState.PAID:
        if not values.get("paid_date", instalment.paid_date):
            values["paid_date"] = today()
    elif "paid_date" not in values or values["paid_date"] == instalment.paid_date:
        values["paid_date"] = None
    changed = _put(instalment, values)
    checks.check_instalment(instalment)
    instalment.search_text = _words(instalment.number)
    return changed


def set_paid(ids: Iterable[int], paid: bool) -> int:
    """Mark instalments as paid today, or to be paid again; returns how many changed. Cancelled
    ones stay as they are."""
    before, after = InstalmentState.OPEN, InstalmentState.PAID
    if not paid:
        before, after = after, before
    changed = 0
    for some in _chunks(ids):
        statement = (
            sql_update(Instalment)
            .where(Instalment.id.in_(some), Instalment.state == before)
            .values(state=after, paid_date=today() if paid else None)
        )
        changed += db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    audit.record("instalment.paid" if paid else "instalment.open", count=changed)
    db.session.commit()
    return changed


def mark_paid(ids: Iterable[int]) -> int:
    return set_paid(ids, True)


def mark_open(ids: Iterable[int]) -> int:
    return set_paid(ids, False)


def delete_instalments(ids: Iterable[int]) -> int:
    """Delete instalments; mails about them stay in the sent mail. Returns how many."""
    wanted, deleted = list(ids), 0
    for some in _chunks(wanted):
        gone = db.session.execute(sql_delete(Instalment).where(Instalment.id.in_(some)))
        deleted += gone.rowcount  # type: ignore[attr-defined]
    audit.record("instalment.delete", count=deleted, ids=wanted[:100])
    db.session.commit()
    return deleted


def delete_policies(ids: Iterable[int]) -> int:
    """Delete policies with their instalments. Returns how many policies."""
    wanted, deleted = list(ids), 0
    for some in _chunks(wanted):
        db.session.execute(sql_delete(Instalment).where(Instalment.policy_id.in_(some)))
        gone = db.session.execute(sql_delete(Policy).where(Policy.id.in_(some)))
        deleted += gone.rowcount  # type: ignore[attr-defined]
    audit.record("policy.delete", count=deleted, ids=wanted[:100])
    db.session.commit()
    return deleted


def _chunks(ids: Iterable[int]) -> Iterator[Sequence[int]]:
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]
