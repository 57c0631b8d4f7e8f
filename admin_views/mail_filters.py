"""The filters of the sent mail beyond the message's own columns."""

from typing import Any

from flask_admin.contrib.sqla.filters import (
    BaseSQLAFilter,
    DateTimeBetweenFilter,
    FilterLike,
    IntEqualFilter,
)
from flask_babel import lazy_gettext
from sqlalchemy import select

from ctm import sql
from ctm.i18n import _l, _lp
from ctm.models import Campaign, Client, Mailing, Message, MessageState, SmtpAccount

OUTCOMES = {
    "ok": (_l("OK"), (MessageState.SENT,)),
    "error": (_l("ERROR"), (MessageState.FAILED, MessageState.UNCERTAIN, MessageState.SKIPPED)),
}


class OutcomeFilter(BaseSQLAFilter):  # type: ignore[misc]
    """OK or ERROR, as the manual has it: the mail left, or it did not."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        return query.filter(Message.state.in_(OUTCOMES[value][1]))

    def validate(self, value: str) -> bool:
        return value in OUTCOMES

    def operation(self) -> Any:
        return lazy_gettext("equals")


class ThroughFilter(FilterLike):  # type: ignore[misc]
    """Text in a column of a record that the mail refers to by ``reference``."""

    def __init__(self, reference: Any, owner: Any, column: Any, name: object) -> None:
        super().__init__(column, name)
        self._reference, self._owner = reference, owner

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        found = select(self._owner.id).where(sql.holds(self.column, value.strip()))
        return query.filter(self._reference.in_(found))


FILTERS = (
    OutcomeFilter(
        Message.state, _l("Result"), options=[(name, word) for name, (word, _) in OUTCOMES.items()]
    ),
    FilterLike(Message.to_name, _l("Recipient")),
    ThroughFilter(Message.client_id, Client, Client.display_name, _l("Client")),
    ThroughFilter(Message.mailing_id, Mailing, Mailing.subject, _l("Subject")),
    ThroughFilter(Message.account_id, SmtpAccount, SmtpAccount.name, _l("SMTP account")),
    ThroughFilter(Message.campaign_id, Campaign, Campaign.name, _l("Campaign")),
    IntEqualFilter(Message.server_code, _l("Server's code")),
    DateTimeBetweenFilter(Message.created_at, _l("Queued")),
    DateTimeBetweenFilter(Message.attempted_at, _l("Last attempt")),
    DateTimeBetweenFilter(Message.opened_at, _lp("mail", "Read")),
)
