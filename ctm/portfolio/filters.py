"""The lists of policies and instalments: their tabs, orders and searches.

The quick search looks for each word in the row itself, in its policy and in its client.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, true, union

from ctm import sql
from ctm.extensions import db
from ctm.i18n import _l, _lp
from ctm.lists import words
from ctm.lists.fields import Link, linked
from ctm.lists.filters import Search
from ctm.lists.listing import Listing, Words
from ctm.lists.values import today
from ctm.models import Client, Instalment, InstalmentState, Policy, PolicyState
from ctm.portfolio import checks
from ctm.portfolio.fields import (
    INSTALMENT_CLIENT,
    INSTALMENT_FIELDS,
    POLICY_CLIENT,
    POLICY_FIELDS,
)

POLICY_TABS: dict[str, object] = {
    "active": _lp("policies", "In force"),
    "suspended": _lp("policies", "Suspended"),
    "ended": _l("Expired and cancelled"),
    "all": _l("All"),
}
INSTALMENT_TABS: dict[str, object] = {
    "due": _l("To be paid"),
    "overdue": _l("Overdue"),
    "paid": _lp("instalments", "Paid"),
    "all": _l("All"),
}
POLICY_SORTS = {
    "number": Policy.number,
    "company": Policy.company,
    "end": Policy.end_date,
    "premium": Policy.premium,
    "created": Policy.created_at,
}
INSTALMENT_SORTS = {
    "due": Instalment.due_date,
    "amount": Instalment.amount,
    "number": Instalment.number,
    "created": Instalment.created_at,
}


def _policy_tab(name: str, alone: bool) -> ColumnElement[bool]:
    if name == "all":
        return true()
    state = Policy.state.expression if alone else _unindexed(Policy.state.expression)
    if name == "ended":
        return state.in_([PolicyState.EXPIRED, PolicyState.CANCELLED])
    return state == (PolicyState.ACTIVE if name == "active" else PolicyState.SUSPENDED)


def _instalment_tab(name: str, alone: bool) -> ColumnElement[bool]:
    if name == "all":
        return true()
    state = Instalment.state.expression if alone else _unindexed(Instalment.state.expression)
    if name == "paid":
        return state == InstalmentState.PAID
    found = state == InstalmentState.OPEN
    return and_(found, Instalment.due_date < today()) if name == "overdue" else found


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return sql.unindexed(db.session, column)


def _by_word(model: Any, word: str) -> Select[Any]:
    return select(model.id).where(words.matches(model, [word])).correlate(None)


def _through(model: Any, key: Any, owner: Any, word: str) -> Select[Any]:
    """Rows whose client or policy holds the word."""
    return select(model.id).where(key.in_(_by_word(owner, word))).correlate(None)


def _policy_holds(wanted: list[str], _hinted: bool) -> ColumnElement[bool]:
    def holding(word: str) -> ColumnElement[bool]:
        of_clients = _through(Policy, Policy.client_id, Client, word)
        return Policy.id.in_(union(_by_word(Policy, word), of_clients))

    return and_(true(), *map(holding, wanted))


def _instalment_holds(wanted: list[str], _hinted: bool) -> ColumnElement[bool]:
    def holding(word: str) -> ColumnElement[bool]:
        of_clients = _through(Instalment, Instalment.client_id, Client, word)
        of_policies = _through(Instalment, Instalment.policy_id, Policy, word)
        return Instalment.id.in_(union(_by_word(Instalment, word), of_policies, of_clients))

    return and_(true(), *map(holding, wanted))


POLICIES = Listing(
    name="policies",
    model=Policy,
    fields=(*POLICY_FIELDS, *POLICY_CLIENT),
    tabs=POLICY_TABS,
    tab=_policy_tab,
    holds=_policy_holds,
    sorts=POLICY_SORTS,
    serves=lambda _tab, _sort: False,
    clean=checks.clean_field,
    shown=(
        *(Policy.number, Policy.company, Policy.branch, Policy.product, Policy.state),
        *(Policy.end_date, Policy.premium, Policy.client_id, Policy.insured),
    ),
    words=Words(
        rows=_l("Policies"),
        unknown_field=lambda name: _l("Policies have no field “%(field)s”.", field=name),
        choose_again=_l("The selection cannot be read. Choose the policies again."),
        choose_one=_l("Choose at least one policy first."),
    ),
)


class PolicyFilter(Search):
    """A search over the policies."""

    listing = POLICIES


_POLICY_LINK = Link(Instalment.policy_id, POLICIES, _l("Policy"))
INSTALMENTS = Listing(
    name="instalments",
    model=Instalment,
    fields=(
        *INSTALMENT_FIELDS,
        *linked(_POLICY_LINK, "policy", POLICY_FIELDS),
        *INSTALMENT_CLIENT,
    ),
    tabs=INSTALMENT_TABS,
    tab=_instalment_tab,
    holds=_instalment_holds,
    sorts=INSTALMENT_SORTS,
    serves=lambda _tab, sort: sort == "due",
    clean=checks.clean_field,
    shown=(
        *(Instalment.number, Instalment.due_date, Instalment.amount, Instalment.state),
        *(Instalment.paid_date, Instalment.client_id, Instalment.policy_id),
    ),
    words=Words(
        rows=_l("Instalments"),
        unknown_field=lambda name: _l("Instalments have no field “%(field)s”.", field=name),
        choose_again=_l("The selection cannot be read. Choose the instalments again."),
        choose_one=_l("Choose at least one instalment first."),
    ),
)


class InstalmentFilter(Search):
    """A search over the instalments."""

    listing = INSTALMENTS
