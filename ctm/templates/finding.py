"""Looking for mail templates, and where they were used."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select

from ctm import sql
from ctm.errors import InvalidInput, NotFound
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import Mailing, MailTemplate, Message, MessageState

MOST_USES = 50


def get(template_id: int) -> MailTemplate:
    """
    :raises NotFound: there is no such template.
    """
    template = db.session.get(MailTemplate, template_id) if 0 < template_id < 2**31 else None
    if template is None:
        raise NotFound(_l("There is no such mail template."))
    return template


def of_module(module: str) -> list[MailTemplate]:
    """The templates that can be chosen in a module, by name."""
    query = select(MailTemplate).where(MailTemplate.module == module, MailTemplate.active)
    return list(db.session.scalars(query.order_by(MailTemplate.name, MailTemplate.id)))


def find(text: str = "", module: str = "", state: str = "active") -> Select[MailTemplate]:
    """The list by name, narrowed to what stands in name or subject; ``state`` is ``active``,
    ``inactive`` or ``all``.

    :raises InvalidInput: no such state.
    """
    if state not in {"active", "inactive", "all"}:
        raise InvalidInput(_l("The list cannot be narrowed like this."))
    query = select(MailTemplate).order_by(MailTemplate.name, MailTemplate.id)
    if state != "all":
        query = query.where(MailTemplate.active == (state == "active"))
    if module:
        query = query.where(MailTemplate.module == module)
    for word in text.split():
        query = query.where(sql.holds(MailTemplate.name + " " + MailTemplate.subject, word))
    return query


@dataclass(frozen=True)
class Use:
    """A mailing that used a template: how many mails it has and how many of them left."""

    mailing: Mailing
    mails: int
    sent: int


def uses(template: MailTemplate) -> list[Use]:
    """The latest mailings that used a template, newest first."""
    query = select(Mailing).where(Mailing.template_id == template.id)
    mailings = list(db.session.scalars(query.order_by(Mailing.id.desc()).limit(MOST_USES)))
    counts = (
        select(Message.mailing_id, Message.state, func.count())
        .where(Message.mailing_id.in_([each.id for each in mailings]))
        .group_by(Message.mailing_id, Message.state)
    )
    mails: dict[int, int] = {}
    sent: dict[int, int] = {}
    for mailing_id, state, count in db.session.execute(counts):
        mails[mailing_id] = mails.get(mailing_id, 0) + count
        if state == MessageState.SENT:
            sent[mailing_id] = count
    return [Use(each, mails.get(each.id, 0), sent.get(each.id, 0)) for each in mailings]
