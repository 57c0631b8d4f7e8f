"""The blueprint that the pages of mail from lists share."""

from flask import Blueprint
from flask_login import current_user

from ctm.mailing.listmail import drafts
from ctm.models import MailDraft
from ctm.permissions import Permission

bp = Blueprint("sending", __name__, url_prefix="/send")
MAY_SEND = Permission.USE_ACCOUNTS


def own_draft(draft_id: int) -> MailDraft:
    """
    :raises NotFound: there is none, or it is somebody else's.
    """
    return drafts.get(draft_id, current_user)
