"""What a client will get, before anything is sent."""

from ctm import settings
from ctm.extensions import db
from ctm.mailing import snapshot, values
from ctm.mailing.compose import RenderedPreview, preview
from ctm.mailing.merge import CLIENTS, catalogue_of, compile_template
from ctm.models import Campaign, CampaignMember, Client, Mailing


def draft_mailing(campaign: Campaign) -> Mailing:
    """The snapshot as a start would take it, kept nowhere."""
    with db.session.no_autoflush:
        return snapshot.build(campaign)


def preview_for(campaign: Campaign, client: Client | None) -> RenderedPreview:
    """The mail as ``client`` would read it; with sample values without one.

    :raises CtmError: the mail cannot be made.
    """
    content = snapshot.content_of(draft_mailing(campaign))
    if client is None:
        return preview(content, catalogue_of(CLIENTS.name).samples())
    keys: set[str] = set()
    for source, html in ((content.subject, False), (content.html, True), (content.text, False)):
        if source:
            keys.update(compile_template(source, catalogue_of(CLIENTS.name), html=html).fields)
    language = settings.office_language()
    found = values.of_clients(db.session, [client.id], keys, language)
    return preview(content, found[client.id])


def neighbours(campaign: Campaign, client: Client | None) -> tuple[int | None, int | None]:
    """The clients before and after this one in the campaign, for walking through previews."""
    mine = db.select(CampaignMember.client_id).where(CampaignMember.campaign_id == campaign.id)
    here = client.id if client else 0
    before = mine.where(CampaignMember.client_id < here).order_by(CampaignMember.client_id.desc())
    after = mine.where(CampaignMember.client_id > here).order_by(CampaignMember.client_id)
    return db.session.scalar(before.limit(1)), db.session.scalar(after.limit(1))
