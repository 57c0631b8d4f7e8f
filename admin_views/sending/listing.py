"""The mails one is still writing."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy import select

from admin_views.security import requires, safe_next
from admin_views.sending.blueprint import MAY_SEND, bp, own_draft
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing.listmail import drafts
from ctm.mailing.merge import MODULES
from ctm.models import MailDraft

SHOWN = 100


@bp.get("/", endpoint="index")
@requires(MAY_SEND)
def index() -> Any:
    query = (
        select(MailDraft)
        .where(MailDraft.owner_id == current_user.id, MailDraft.mailing_id.is_(None))
        .order_by(MailDraft.id.desc())
        .limit(SHOWN)
    )
    return render_template(
        "sending/list.html", drafts=list(db.session.scalars(query)), modules=MODULES
    )


@bp.post("/<int:draft_id>/discard")
@requires(MAY_SEND)
def discard(draft_id: int) -> Any:
    draft = own_draft(draft_id)
    origin = safe_next(draft.origin, url_for("sending.index"))
    try:
        drafts.discard(draft)
        flash(_("The mail is thrown away; nothing was sent."), "good")
    except CtmError as error:
        flash(str(error), "bad")
    return redirect(origin)
