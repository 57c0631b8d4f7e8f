"""The merge modules, each one declaration. CONTRIBUTING.md shows how to add another."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

from sqlalchemy import and_, func

from ctm.errors import InvalidInput
from ctm.i18n import _, _l
from ctm.mailing.merge.catalogue import Catalogue, MergeField, Module
from ctm.mailing.merge.declaration import Group, MergeModule, Recipient, Source, Total
from ctm.mailing.merge.fields import CLIENTS, CONTACTS, INSTALMENTS, POLICIES
from ctm.models import Client, Contact, Instalment, Policy

_TO_CLIENT = Recipient(
    source=CLIENTS.name,
    client_id=Client.id,
    name=Client.display_name,
    addresses=(("email1", Client.email1), ("email2", Client.email2), ("email3", Client.email3)),
    active=Client.active,
)

_CLIENT_MODULE = MergeModule(
    "clienti",
    _l("Clients"),
    list_name="clients",
    model=Client,
    sources=(Source(CLIENTS, Client),),
    recipient=_TO_CLIENT,
)

_CONTACT_MODULE = MergeModule(
    "ind_tlm",
    _l("Contact addresses"),
    list_name="contacts",
    model=Contact,
    sources=(Source(CONTACTS, Contact), Source(CLIENTS, Client, Client.id == Contact.client_id)),
    recipient=Recipient(
        source=CLIENTS.name,
        client_id=Client.id,
        name=func.trim(Contact.first_name + " " + Contact.last_name),
        addresses=(("contact", Contact.email),),
        active=and_(Client.active, Contact.active),
    ),
)

_POLICY_MODULE = MergeModule(
    "polizze",
    _l("Policies"),
    list_name="policies",
    model=Policy,
    sources=(Source(POLICIES, Policy), Source(CLIENTS, Client, Client.id == Policy.client_id)),
    recipient=_TO_CLIENT,
)

_OF_INSTALMENTS = (
    Source(INSTALMENTS, Instalment),
    Source(POLICIES, Policy, Policy.id == Instalment.policy_id),
    Source(CLIENTS, Client, Client.id == Instalment.client_id),
)

_INSTALMENT_MODULE = MergeModule(
    "titoli",
    _l("Instalments"),
    list_name="instalments",
    model=Instalment,
    sources=_OF_INSTALMENTS,
    recipient=_TO_CLIENT,
)

_BY_CLIENT_MODULE = MergeModule(
    "titoli_anagrafica",
    _l("Instalments grouped by client"),
    list_name="instalments",
    model=Instalment,
    sources=_OF_INSTALMENTS,
    recipient=_TO_CLIENT,
    grouping=Group(
        by=Instalment.client_id,
        block=INSTALMENTS.name,
        once=frozenset({CLIENTS.name}),
        order=(Instalment.due_date, Instalment.id),
        label=_l("Instalments, in all"),
        totals=(
            Total(
                MergeField("totale", _l("Total amount"), "amount", Decimal(1500)),
                "titoli.importo",
                sum,
            ),
            Total(
                MergeField("numero_titoli", _l("How many instalments"), "number", 2),
                "titoli.scadenza",
                len,
            ),
            Total(
                MergeField("prima_scadenza", _l("First due date"), "date", date(2026, 2, 15)),
                "titoli.scadenza",
                min,
            ),
            Total(
                MergeField("ultima_scadenza", _l("Last due date"), "date", date(2026, 8, 15)),
                "titoli.scadenza",
                max,
            ),
        ),
    ),
)

MODULES: dict[str, MergeModule] = {
    module.name: module
    for module in (
        _CLIENT_MODULE,
        _CONTACT_MODULE,
        _POLICY_MODULE,
        _INSTALMENT_MODULE,
        _BY_CLIENT_MODULE,
    )
}


def module_named(name: str) -> MergeModule:
    """The module kept under ``name``; an empty name is that of clients.

    :raises InvalidInput: there is none.
    """
    found = MODULES.get(name or CLIENTS.name)
    if found is None:
        raise InvalidInput(_("There is no module “%(name)s”.", name=name[:40]))
    return found


def catalogue_of(name: str, sql: Mapping[str, bool] | None = None) -> Catalogue:
    """What a template of a module may use; ``sql``: names of ``{{name}}`` fields and whether they
    hold HTML."""
    found = _catalogue(module_named(name).name)
    return found if sql is None else found.with_sql(sql)


@lru_cache(50)
def _catalogue(name: str) -> Catalogue:
    return MODULES[name].catalogue(frozenset(CATALOGUE.modules))


def _everything() -> Catalogue:
    """All fields of all modules, to know the type of a kept value by its key."""
    found: dict[str, Module] = {}
    for module in MODULES.values():
        for name, fields in module.flat_catalogue().modules.items():
            before = found[name].fields if name in found else {}
            found[name] = Module(name, fields.label, {**before, **fields.fields})
    return Catalogue(found)


CATALOGUE = _everything()
