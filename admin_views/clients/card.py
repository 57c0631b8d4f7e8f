"""One client: registry, addresses, contacts, campaigns, mail, notes."""

from typing import Any

from flask import abort, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from admin_views.clients.blueprint import bp
from admin_views.clients.consent_form import fresh_form
from admin_views.security import requires
from ctm import consent
from ctm.clients import checks, operations, search
from ctm.clients.fields import BY_NAME, KIND_WORDS, SEX_WORDS
from ctm.consent import purposes
from ctm.extensions import db
from ctm.i18n import _l
from ctm.lists.values import today
from ctm.mailing.subjects import subject_of
from ctm.models import CampaignMember, Client, Contact, Instalment, Message, Policy
from ctm.permissions import Permission
from ctm.portfolio import finding
from ctm.portfolio.fields import INSTALMENT_STATES, POLICY_STATES

SECTIONS: dict[str, object] = {
    "registry": _l("Registry"),
    "addresses": _l("Addresses"),
    "contacts": _l("Contacts"),
    "policies": _l("Policies"),
    "instalments": _l("Instalments"),
    "campaigns": _l("Campaigns"),
    "mail": _l("Mail"),
    "consents": _l("Consent"),
    "notes": _l("Notes"),
}
SHOWN = 200


@bp.get("/<int:client_id>")
@requires(Permission.VIEW_CLIENTS)
def show(client_id: int) -> Any:
    section = request.args.get("section", "registry")
    if section not in SECTIONS:
        abort(404)
    return render_card(operations.get(client_id), section)


def render_card(client: Client, section: str, **more: Any) -> Any:
    """The card opened at a section; ``more`` is what a form on it adds."""
    return render_template(
        f"clients/{section}.html",
        client=client,
        section=section,
        sections=SECTIONS,
        counts=_counts(client),
        kinds=KIND_WORDS,
        sexes=SEX_WORDS,
        fields=BY_NAME,
        contact_fields=checks.CONTACT_FIELDS,
        removed=search.removed_addresses([client]),
        **(_CONTENT.get(section, _nothing)(client) | more),
    )


def _counts(client: Client) -> dict[str, int]:
    """How much each tab holds, for its label."""
    return {
        "contacts": _count(Contact.client_id, client),
        "policies": _count(Policy.client_id, client),
        "instalments": _count(Instalment.client_id, client),
        "campaigns": _count(CampaignMember.client_id, client),
        "mail": _count(Message.client_id, client),
    }


def _count(column: Any, client: Client) -> int:
    bounded = select(column).where(column == client.id).limit(1000).subquery()
    return db.session.scalar(select(func.count()).select_from(bounded)) or 0


def _nothing(_client: Client) -> dict[str, Any]:
    return {}


def _policies(client: Client) -> dict[str, Any]:
    return {"policies": finding.policies_of(client, SHOWN), "policy_states": POLICY_STATES}


def _instalments(client: Client) -> dict[str, Any]:
    return {
        "instalments": finding.instalments_of(Instalment.client_id, client.id, SHOWN),
        "open_amount": finding.open_amount(Instalment.client_id, client.id),
        "instalment_states": INSTALMENT_STATES,
        "today": today(),
    }


def _campaigns(client: Client) -> dict[str, Any]:
    query = (
        select(CampaignMember)
        .where(CampaignMember.client_id == client.id)
        .options(joinedload(CampaignMember.campaign), joinedload(CampaignMember.list_status))
        .order_by(CampaignMember.id.desc())
        .limit(SHOWN)
    )
    return {"members": list(db.session.scalars(query))}


def _mail(client: Client) -> dict[str, Any]:
    return {"messages": search.mails_of(client, SHOWN), "subject_of": subject_of}


def _consents(client: Client) -> dict[str, Any]:
    every = purposes.every()
    return {
        "purposes": every,
        "standings": consent.standings([client.id]),
        "may": {p.id for p in every if consent.allowed(db.session, [client.id], p.id)},
        "events": consent.latest(client.id),
        "states": consent.STATES,
        "sources": consent.SOURCES,
        "form": fresh_form(),
    }


_CONTENT = {
    "policies": _policies,
    "instalments": _instalments,
    "campaigns": _campaigns,
    "mail": _mail,
    "consents": _consents,
}
