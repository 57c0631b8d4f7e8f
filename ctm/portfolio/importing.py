"""Policies and instalments from a file (see :mod:`ctm.lists.importing`).

A policy is recognised by its number, and by its insurer where the file says it; its client by
code, tax code, VAT number or e-mail, the first of these that the row holds. An instalment belongs
to the policy with its number, and is recognised by its own number, or else by the day it is due.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from ctm.clients import checks as client_checks
from ctm.clients.fields import EMAILS
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.lists import importing
from ctm.lists.import_tasks import Import
from ctm.lists.importing import RowResult, Verdict
from ctm.lists.mapping import Mapping as FieldMapping
from ctm.lists.values import InvalidFields
from ctm.models import Client, Instalment, Policy, Task
from ctm.portfolio import checks, operations
from ctm.portfolio.fields import INSTALMENT_STORED, POLICY_STORED
from ctm.tasks import Progress, task_kind

_CLIENT = "client_"
CLIENT_COLUMNS: dict[str, tuple[object, tuple[str, ...]]] = {
    "client_code": (_l("Client's code"), ("codice cliente", "codice anagrafica", "id cliente")),
    "client_tax_code": (
        _l("Client's tax code"),
        ("codice fiscale", "cf", "codice fiscale cliente", "cod fiscale"),
    ),
    "client_vat_number": (
        _l("Client's VAT number"),
        ("partita iva", "p iva", "piva", "partita iva cliente"),
    ),
    "client_email1": (_l("Client's e-mail"), ("email", "e mail", "mail", "email cliente")),
}
CLIENT_LABELS = {name: label for name, (label, _headers) in CLIENT_COLUMNS.items()}
_READERS = {
    "client_code": lambda text: client_checks.clean_text(text, 40),
    "client_tax_code": client_checks.tax_code,
    "client_vat_number": client_checks.vat_number,
    "client_email1": client_checks.clean_email,
}
POLICY_COLUMNS: dict[str, tuple[object, tuple[str, ...]]] = {
    "policy_number": (
        _l("Policy number"),
        ("numero polizza", "n polizza", "polizza", "num polizza", "policy"),
    ),
    "policy_company": (_l("Policy's insurer"), ("compagnia", "impresa", "company", "insurer")),
}
POLICIES = FieldMapping(
    fields={field.name: (field.label, field.headers) for field in POLICY_STORED} | CLIENT_COLUMNS,
    keys=("number",),
    noun=_l("Policies"),
    choose_key=_l("Choose the field by which policies are recognised."),
    recognised_by=_l("Policies are recognised by"),
)
INSTALMENTS = FieldMapping(
    fields=POLICY_COLUMNS
    | {field.name: (field.label, field.headers) for field in INSTALMENT_STORED},
    keys=("policy_number",),
    noun=_l("Instalments"),
    choose_key=_l("Choose the field by which the instalments' policies are recognised."),
    recognised_by=_l("Their policies are recognised by"),
)


class PolicyImporter(importing.Importer):
    """Reads policies."""

    audited = "policy.import"
    mapping = POLICIES

    def _called(self, cells: list[str]) -> str:
        given = {name: cells[column] for column, name in self._columns.items()}
        return given.get("number") or next(filter(None, cells), "")

    def _clean(self, given: dict[str, str]) -> dict[str, Any]:
        if not given.get("number"):
            raise InvalidFields({"number": _("the cell is empty, and policies have a number")})
        return checks.clean_policy(given) | _whose(given)

    def _look_up(self, rows: list[dict[str, Any]]) -> None:
        self._kept = _by_number(values["number"] for values in rows)
        self._clients = _find_clients(rows)

    def _apply(self, result: RowResult, values: dict[str, Any], seen: set[int]) -> None:
        own = {name: value for name, value in values.items() if not name.startswith(_CLIENT)}
        policy = new = None
        try:
            client = self._client(values)
            policy = self._same(own)
            if policy is None:
                if client is None:
                    raise InvalidInput(_("The row does not say whose policy it is."))
                policy = new = operations.new_policy(client)
            elif client is not None and client.id != policy.client_id:
                raise InvalidInput(
                    _(
                        "This policy is another client's: %(name)s. Change it on its card.",
                        name=policy.client.display_name,
                    )
                )
            changed = operations.assign_policy(policy, own)
        except InvalidInput as error:
            result.reasons = _reasons(self, error)
            if policy is not None:
                self._undo(policy, new is not None)
            return
        result.label = " ".join(filter(None, (policy.number, policy.company)))
        _settle(result, policy, new is not None, changed, seen, (policy.number, policy.company))
        if new is not None:
            self._kept.setdefault(policy.number, []).append(policy)

    def _same(self, own: dict[str, Any]) -> Policy | None:
        kept = self._kept.get(own["number"], [])
        if own.get("company"):
            wanted = own["company"].lower()
            kept = [each for each in kept if each.company.lower() in {wanted, ""}] or []
        if len(kept) > 1:
            raise InvalidInput(
                _("%(count)s insurers have a policy with this number; which?", count=len(kept))
            )
        return kept[0] if kept else None

    def _client(self, values: dict[str, Any]) -> Client | None:
        """The client by the first of its marks that the row holds.

        :raises InvalidInput: nobody has it, or several do.
        """
        for name in CLIENT_COLUMNS:
            mark = values.get(name)
            if not mark:
                continue
            found = self._clients.get((name, mark), [])
            if len(found) == 1:
                return found[0]
            if found:
                text = _("%(count)s clients have it; which one?", count=len(found))
            else:
                text = _("no client has “%(value)s”; import the clients first", value=mark[:80])
            raise InvalidFields({name: text})
        return None


class InstalmentImporter(importing.Importer):
    """Reads instalments."""

    audited = "instalment.import"
    mapping = INSTALMENTS

    def _called(self, cells: list[str]) -> str:
        given = {name: cells[column] for column, name in self._columns.items()}
        names = [given.get(name, "") for name in ("policy_number", "number", "due_date")]
        return " · ".join(filter(None, names)) or next(filter(None, cells), "")

    def _clean(self, given: dict[str, str]) -> dict[str, Any]:
        if not given.get("policy_number"):
            raise InvalidFields(
                {"policy_number": _("the cell is empty, and instalments belong to a policy")}
            )
        cleaned = checks.clean_instalment(given)
        if not cleaned.get("number") and cleaned.get("due_date") is None:
            raise InvalidFields({"due_date": _("the cell is empty")})
        policy = {name: given[name] for name in POLICY_COLUMNS if name in given}
        return cleaned | {name: client_checks.clean_text(t, 120) for name, t in policy.items()}

    def _look_up(self, rows: list[dict[str, Any]]) -> None:
        self._policies = _by_number(values["policy_number"] for values in rows)
        ids = [policy.id for some in self._policies.values() for policy in some]
        query = select(Instalment).where(Instalment.policy_id.in_(ids))
        self._kept: dict[int, list[Instalment]] = {}
        for each in db.session.scalars(query):
            self._kept.setdefault(each.policy_id, []).append(each)

    def _apply(self, result: RowResult, values: dict[str, Any], seen: set[int]) -> None:
        own = {name: value for name, value in values.items() if name not in POLICY_COLUMNS}
        instalment = new = None
        try:
            policy = self._policy(values)
            instalment = self._same(policy, own)
            if instalment is None:
                instalment = new = operations.new_instalment(policy)
            changed = operations.assign_instalment(instalment, own)
        except InvalidInput as error:
            result.reasons = _reasons(self, error)
            if instalment is not None:
                self._undo(instalment, new is not None)
            return
        key = (policy.id, instalment.number, instalment.due_date)
        _settle(result, instalment, new is not None, changed, seen, key)
        if new is not None:
            self._kept.setdefault(policy.id, []).append(instalment)

    def _policy(self, values: dict[str, Any]) -> Policy:
        """
        :raises InvalidInput: no policy has the number, or several do.
        """
        found = self._policies.get(values["policy_number"], [])
        wanted = values.get("policy_company", "").lower()
        if wanted:
            found = [each for each in found if each.company.lower() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            text = _("%(count)s insurers have a policy with this number; which?", count=len(found))
        else:
            text = _(
                "no policy has the number “%(value)s”; import the policies first",
                value=values["policy_number"],
            )
        raise InvalidFields({"policy_number": text})

    def _same(self, policy: Policy, own: dict[str, Any]) -> Instalment | None:
        kept = self._kept.get(policy.id, [])
        if own.get("number"):
            return next((each for each in kept if each.number == own["number"]), None)
        return next((each for each in kept if each.due_date == own["due_date"]), None)


def _whose(given: Mapping[str, str]) -> dict[str, str]:
    """The marks of the client, cleaned; a broken one is refused."""
    found: dict[str, str] = {}
    errors: dict[str, object] = {}
    for name, read in _READERS.items():
        if name not in given:
            continue
        text = given[name]
        if name in {"client_vat_number", "client_tax_code"} and text.isdigit():
            text = text.zfill(11)
        try:
            found[name] = read(text)
        except InvalidInput as error:
            errors[name] = error.message
    if errors:
        raise InvalidFields(errors)
    return found


def _find_clients(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[Client]]:
    """Clients by each of the marks that these rows hold: a query for each kind of mark."""
    found: dict[tuple[str, str], list[Client]] = {}
    for name in CLIENT_COLUMNS:
        marks = {values[name] for values in rows if values.get(name)}
        if not marks:
            continue
        names = EMAILS if name == "client_email1" else (name.removeprefix(_CLIENT),)
        query = select(Client).where(or_(*(getattr(Client, n).in_(marks) for n in names)))
        for client in db.session.scalars(query):
            for mark in {getattr(client, n) for n in names} & marks:
                found.setdefault((name, mark), []).append(client)
    return found


def _by_number(numbers: Iterable[str]) -> dict[str, list[Policy]]:
    query = select(Policy).options(joinedload(Policy.client))
    found: dict[str, list[Policy]] = {}
    for policy in db.session.scalars(query.where(Policy.number.in_(set(numbers)))):
        found.setdefault(policy.number, []).append(policy)
    return found


def _reasons(importer: importing.Importer, error: InvalidInput) -> list[str]:
    return importer.reasons(error) if isinstance(error, InvalidFields) else [error.message]


def _settle(
    result: RowResult, record: Any, is_new: bool, changed: bool, seen: set[int], key: object
) -> None:
    """Say what the row does; ``seen`` knows the keys that a dry run has made before."""
    if not is_new:
        result.verdict = Verdict.UPDATE if changed else Verdict.SAME
        return
    db.session.add(record)
    result.verdict = Verdict.UPDATE if hash(key) in seen else Verdict.CREATE
    seen.add(hash(key))


POLICY_IMPORT = Import("policies", PolicyImporter, _l("Policy"))
INSTALMENT_IMPORT = Import("instalments", InstalmentImporter, _l("Instalment"))


@task_kind(POLICY_IMPORT.plan, repeatable=True)
def _plan_policies(task: Task, progress: Progress) -> None:
    POLICY_IMPORT.work(task, progress, dry_run=True)


@task_kind(POLICY_IMPORT.run, repeatable=True)
def _import_policies(task: Task, progress: Progress) -> None:
    POLICY_IMPORT.work(task, progress, dry_run=False)


@task_kind(INSTALMENT_IMPORT.plan, repeatable=True)
def _plan_instalments(task: Task, progress: Progress) -> None:
    INSTALMENT_IMPORT.work(task, progress, dry_run=True)


@task_kind(INSTALMENT_IMPORT.run, repeatable=True)
def _import_instalments(task: Task, progress: Progress) -> None:
    INSTALMENT_IMPORT.work(task, progress, dry_run=False)
