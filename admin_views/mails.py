"""Sent mail: every mail of the outbox, read."""

import tempfile
from typing import Any

from flask import Flask, Response, abort, flash, g, redirect, request, send_file, url_for
from flask_admin import Admin, expose
from flask_admin.contrib.sqla.filters import (
    DateTimeBetweenFilter,
    FilterEqual,
    FilterLike,
)
from flask_babel import get_locale
from flask_login import current_user
from markupsafe import Markup

from admin_views import stored_files
from admin_views.base import ReadOnlyView
from admin_views.filters import fmt_datetime, fmt_exact
from admin_views.mail_filters import FILTERS
from ctm import exporting
from ctm.errors import CtmError, InvalidInput
from ctm.extensions import db
from ctm.i18n import _, _l, _lp
from ctm.mailing import sentmail
from ctm.mailing.listmail import progress, recipients
from ctm.mailing.subjects import subject_of
from ctm.models import Mailing, MailingKind, Message, MessageState
from ctm.permissions import Permission, allows, require, require_account

STATES = {
    MessageState.QUEUED: _l("to be sent"),
    MessageState.CLAIMED: _l("sending"),
    MessageState.DEFERRED: _l("put off"),
    MessageState.SENT: _l("sent"),
    MessageState.FAILED: _l("failed"),
    MessageState.UNCERTAIN: _l("to decide"),
    MessageState.SKIPPED: _l("left out"),
    MessageState.CANCELLED: _l("cancelled"),
}
_CLASSES = {
    MessageState.DEFERRED: "removed",
    MessageState.SENT: "sent",
    MessageState.FAILED: "failed",
    MessageState.UNCERTAIN: "undecided",
}


_MOMENTS = ("created_at", "attempted_at", "sent_at", "opened_at", "clicked_at", "removed_at")


MOST_ROWS = 10_000

EXPORTED = (
    "recipient",
    "to_address",
    "subject",
    "account.name",
    "state",
    "sent_at",
    "server_words",
)


def _recipient(_view: Any, _context: Any, mail: Message, _name: str) -> Any:
    name = mail.client.display_name if mail.client else mail.to_name
    target = url_for("clients.show", client_id=mail.client_id) if mail.client_id else None
    shown = Markup('<a href="{}">{}</a>').format(target, name) if target else name
    return Markup('{}<div class="sub">{}</div>').format(shown, mail.to_address)


def _subject(_view: Any, _context: Any, mail: Message, _name: str) -> Any:
    target = url_for("mails.details_view", id=mail.id)
    return Markup('<a href="{}">{}</a>').format(target, subject_of(mail))


def _outcome(_view: Any, _context: Any, mail: Message, _name: str) -> Any:
    state = MessageState(mail.state)
    word = STATES.get(state, mail.state)
    shown = Markup('<span class="tag {}">{}</span>').format(_CLASSES.get(state, "todo"), word)
    why = recipients.REASONS.get(mail.reason, "")
    return shown + Markup('<div class="sub">{}</div>').format(why) if why else shown


def _moment(_view: Any, _context: Any, mail: Message, name: str) -> Any:
    return fmt_datetime(getattr(mail, name))


def _exact(_view: Any, _context: Any, mail: Message, name: str) -> Any:
    return fmt_exact(getattr(mail, name))


class MailView(ReadOnlyView):
    """Who was written to, when, with which outcome and in which words of the server."""

    permission = Permission.VIEW_MAIL
    list_title = _l("Sent mail")
    empty_title = _l("No mail yet")
    empty_text = _l("Mails appear here as soon as a campaign starts.")
    column_list = ("recipient", "subject", "account.name", "state", "sent_at")
    column_list += ("server_words",)
    details_template = "mails/details.html"
    column_details_list = (
        *("recipient", "subject", "account.name", "state", "created_at"),
        *("attempted_at", "sent_at", "attempts", "server_code", "server_words", "message_id"),
        *("opened_at", "opens", "clicked_at", "clicks", "removed_at"),
    )
    column_labels = {
        "recipient": _l("Recipient"),
        "subject": _l("Subject"),
        "account.name": _l("SMTP account"),
        "state": _l("Outcome"),
        "created_at": _l("Queued"),
        "attempted_at": _l("Last attempt"),
        "sent_at": _lp("mail", "Sent"),
        "attempts": _l("Attempts"),
        "server_code": _l("Server's code"),
        "server_words": _l("Server's words"),
        "message_id": _l("Message-ID"),
        "opened_at": _l("First read"),
        "opens": _l("Openings"),
        "clicked_at": _l("First click"),
        "clicks": _l("Clicks"),
        "removed_at": _lp("mail", "Removed"),
        "to_address": _l("Address"),
    }
    column_formatters = {
        "recipient": _recipient,
        "subject": _subject,
        "state": _outcome,
        "sent_at": _moment,
    }
    column_formatters_detail = column_formatters | dict.fromkeys(_MOMENTS, _exact)
    export_types = ("csv", "xlsx")
    export_max_rows = 100_000
    column_sortable_list = ("state", "sent_at")
    column_default_sort = ("id", True)
    column_searchable_list = ("to_address", "to_name")
    search_placeholder_text = _l("Address or name")
    column_select_related_list = (Message.client, Message.mailing, Message.account)

    def search_placeholder(self) -> str:
        return str(self.search_placeholder_text)

    column_filters = (
        FilterEqual(
            Message.state,
            _l("Outcome"),
            options=[(state.value, word) for state, word in STATES.items()],
        ),
        FilterLike(Message.to_address, _l("Address")),
        FilterLike(Message.server_words, _l("Server's words")),
        DateTimeBetweenFilter(Message.sent_at, _lp("mail", "Sent")),
        *FILTERS,
    )

    def get_query(self) -> Any:
        """All mails, or with ``mailing`` in the address those of one sending."""
        asked = request.args.get("mailing", 0, type=int)
        query = super().get_query()
        if not asked:
            return query
        mailing = db.session.get(Mailing, asked) if asked < 2**31 else None
        return query.where(Message.mailing_id.in_(progress.together(mailing) if mailing else []))

    def content_of(self, mail: Message) -> sentmail.Content | str:
        """The mail as it was sent, or why it cannot be shown."""
        try:
            return sentmail.content(mail)
        except CtmError as error:
            return str(error)

    def may_retry(self, mail: Message) -> bool:
        """Whether the reader may send this one again."""
        failed = mail.state == MessageState.FAILED and mail.reason != "document"
        needed = Permission.USE_ACCOUNTS
        if mail.mailing.kind != MailingKind.LIST:
            needed = Permission.RUN_CAMPAIGNS
        return failed and allows(current_user, needed)

    def reason_of(self, mail: Message) -> object:
        return recipients.REASONS.get(mail.reason, "")

    def _mail(self, mail_id: int) -> Message:
        mail = db.session.get(Message, mail_id) if mail_id < 2**63 else None
        if mail is None:
            abort(404)
        return mail

    @expose("/<int:mail_id>/html")
    def html(self, mail_id: int) -> Any:
        """The HTML alone, for a sandboxed frame: what it shows counts as read by nobody."""
        html = sentmail.content(self._mail(mail_id)).html or ""
        g.csp = (
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
            "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'self'"
        )
        return Response(html, content_type="text/html; charset=utf-8")

    @expose("/<int:mail_id>/mail.eml")
    def eml(self, mail_id: int) -> Any:
        """The whole mail as the server got it."""
        answer = Response(sentmail.raw(self._mail(mail_id)), content_type="message/rfc822")
        answer.headers.set("Content-Disposition", "attachment", filename=f"mail-{mail_id}.eml")
        return answer

    @expose("/<int:mail_id>/files/<int:file_id>")
    def file(self, mail_id: int, file_id: int) -> Any:
        """A file of the mail; never shown as part of a page."""
        found = sentmail.attachment(self._mail(mail_id), file_id)
        return stored_files.give(found)

    @expose("/<int:mail_id>/retry", methods=("POST",))
    def retry(self, mail_id: int) -> Any:
        """Send one that failed again."""
        mail = self._mail(mail_id)
        list_mail = mail.mailing.kind == MailingKind.LIST
        require(current_user, Permission.USE_ACCOUNTS if list_mail else Permission.RUN_CAMPAIGNS)
        try:
            require_account(current_user, mail.account)
            progress.retry(mail)
            flash(_("The mail to %(to)s is tried again.", to=mail.to_address), "good")
        except CtmError as error:
            flash(str(error), "bad")
        return redirect(url_for("mails.details_view", id=mail_id))

    def _apply_pagination(self, query: Any, page: int | None, page_size: int | None) -> Any:
        """Pages up to ``MOST_ROWS``: who looks for older mails narrows the list."""
        last = MOST_ROWS // (page_size or self.page_size)
        return super()._apply_pagination(query, min(page or 0, last), page_size)

    @property
    def can_export(self) -> bool:
        return allows(current_user, Permission.EXPORT)

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Any:
        """The filtered list as CSV or XLSX; a filter that cannot be read is refused."""
        if not self.can_export:
            abort(403)
        if export_type not in exporting.CONTENT_TYPES:
            abort(404)
        asked = [name for name in request.args if name.startswith("flt")]
        args = self._get_list_extra_args()
        if len(args.filters or ()) != len(asked):
            raise InvalidInput(_l("The filter cannot be read. Choose it again."))
        column = self._get_column_by_idx(args.sort)
        _count, mails = self.get_list(
            0,
            column[0] if column else None,
            args.sort_desc,
            args.search,
            args.filters,
            execute=False,
            page_size=self.export_max_rows,
        )
        out = tempfile.TemporaryFile()  # noqa: SIM115 - sent and closed with the answer
        labels = [str(self.column_labels[name]) for name in EXPORTED]
        exporting.write(
            export_type, out, labels, map(_row, mails.yield_per(500)), str(get_locale())
        )
        out.seek(0)
        return send_file(
            out,
            mimetype=exporting.CONTENT_TYPES[export_type],
            as_attachment=True,
            download_name=f"mails.{export_type}",
        )


def _row(mail: Message) -> list[Any]:
    name = mail.client.display_name if mail.client else mail.to_name
    word = str(STATES.get(MessageState(mail.state), mail.state))
    subject, account = subject_of(mail), mail.account.name
    return [name, mail.to_address, subject, account, word, mail.sent_at, mail.server_words]


def register(_app: Flask, admin: Admin) -> None:
    admin.add_view(MailView(Message, name="Sent mail", endpoint="mails", url="/mails"))
