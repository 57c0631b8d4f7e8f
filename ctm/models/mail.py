"""The one outbox: mailings and their messages. "Sent mail" is this table, read."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.accounts import SmtpAccount
from ctm.models.base import Base, BigId
from ctm.models.campaigns import Campaign
from ctm.models.clients import Client
from ctm.models.consent import Purpose
from ctm.models.files import StoredFile
from ctm.models.templates import MailTemplate


class MailingKind(StrEnum):
    CAMPAIGN = "campaign"
    TEST = "test"
    LIST = "list"


class MailingState(StrEnum):
    """``queueing``: its mails are still being put in the queue, and none of them leaves."""

    QUEUEING = "queueing"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class MessageState(StrEnum):
    """queued → claimed → sending → sent | deferred | failed | uncertain | cancelled | skipped.

    ``claimed`` and ``sending`` are a worker's; its delivery journal tells one from the other.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


WAITING = (MessageState.QUEUED, MessageState.DEFERRED)
UNDER_WAY = (MessageState.CLAIMED, MessageState.SENDING)
PENDING = WAITING + UNDER_WAY


class Mailing(Base):
    """What the messages of one send share: the snapshot taken when it was started.

    ``options``: ``track``, ``unsubscribe``, ``language``, ``public_url`` as they were then.
    ``hours`` as in :class:`ctm.models.Campaign`. Of mail from a list: ``module`` names its merge
    module, ``documents`` the document templates as they were (see :mod:`ctm.documents`),
    ``sql_fields`` the queries of its ``{{name}}`` fields.
    """

    __tablename__ = "mailings"
    __table_args__ = (Index(None, "state"), Index(None, "campaign_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), default=MailingKind.CAMPAIGN)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("smtp_accounts.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(12), default=MailingState.RUNNING)
    priority: Mapped[int] = mapped_column(default=0)
    from_email: Mapped[str] = mapped_column(String(254))
    from_name: Mapped[str] = mapped_column(default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    bcc: Mapped[str] = mapped_column(String(254), default="")
    subject: Mapped[str] = mapped_column(String(500))
    html: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    delay_seconds: Mapped[float] = mapped_column(default=0.0)
    last_delivery_at: Mapped[datetime | None]
    hours: Mapped[dict[str, Any] | None]
    module: Mapped[str] = mapped_column(String(40), default="", server_default="")
    purpose_id: Mapped[int | None] = mapped_column(ForeignKey("purposes.id"))
    template_id: Mapped[int | None] = mapped_column(ForeignKey("mail_templates.id"))
    template_version: Mapped[int | None]
    cc: Mapped[str] = mapped_column(Text, default="", server_default="")
    read_receipt: Mapped[bool] = mapped_column(default=False, server_default=false())
    documents: Mapped[list[Any] | None]
    sql_fields: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]

    campaign: Mapped[Campaign | None] = relationship()
    account: Mapped[SmtpAccount] = relationship()
    purpose: Mapped[Purpose | None] = relationship()
    template: Mapped[MailTemplate | None] = relationship()
    attachments: Mapped[list["MailingAttachment"]] = relationship(
        cascade="all, delete-orphan", order_by="MailingAttachment.id"
    )
    links: Mapped[list["TrackedLink"]] = relationship(
        cascade="all, delete-orphan", order_by="TrackedLink.position"
    )


class MailingAttachment(Base):
    """A file on every mail of a mailing."""

    __tablename__ = "mailing_attachments"

    id: Mapped[int] = mapped_column(primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))
    content_id: Mapped[str] = mapped_column(String(120), default="")

    file: Mapped[StoredFile] = relationship()


class MessageFile(Base):
    """A document made for one mail."""

    __tablename__ = "message_files"
    __table_args__ = (Index(None, "message_id"), Index(None, "file_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(BigId, ForeignKey("messages.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))

    file: Mapped[StoredFile] = relationship()


class TrackedLink(Base):
    """A URL of a mailing's body and its kept counts: by people, by machines, distinct mails."""

    __tablename__ = "tracked_links"
    __table_args__ = (UniqueConstraint("mailing_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"))
    position: Mapped[int]
    url: Mapped[str] = mapped_column(Text)


class Message(Base):
    """One mail to one recipient.

    ``recipient_key`` is the folded address: with the mailing it is unique, so queueing twice
    is impossible. ``message_id`` is fixed when queued. ``merge_values`` are kept when sent.
    ``server_words`` is the server's last answer, as it was given. Of mail from a list: ``row_id``
    is the module's row it was made for (the client's, where rows are grouped) and ``to_others``
    the addresses that stand beside ``to_address`` in To, separated by commas.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("mailing_id", "recipient_key"),
        Index(
            "ix_messages_waiting",
            "mailing_id",
            "id",
            sqlite_where=text("state IN ('queued', 'deferred')"),
            postgresql_where=text("state IN ('queued', 'deferred')"),
        ),
        Index(
            "ix_messages_worker",
            "worker",
            sqlite_where=text("worker IS NOT NULL"),
            postgresql_where=text("worker IS NOT NULL"),
        ),
        Index(
            "ix_messages_uncertain",
            "id",
            sqlite_where=text("state = 'uncertain'"),
            postgresql_where=text("state = 'uncertain'"),
        ),
        Index(
            "ix_messages_opened_at",
            "campaign_id",
            "opened_at",
            "id",
            sqlite_where=text("opened_at IS NOT NULL"),
            postgresql_where=text("opened_at IS NOT NULL"),
        ),
        Index(
            "ix_messages_removed_at",
            "campaign_id",
            "removed_at",
            "id",
            sqlite_where=text("removed_at IS NOT NULL"),
            postgresql_where=text("removed_at IS NOT NULL"),
        ),
        Index(
            None,
            "account_id",
            "attempted_at",
            sqlite_where=text("attempted_at IS NOT NULL"),
            postgresql_where=text("attempted_at IS NOT NULL"),
        ),
        Index(None, "campaign_id", "state", "id"),
        Index(None, "client_id", "id"),
        Index(None, "member_id"),
        Index(None, "recipient_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("smtp_accounts.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    member_id: Mapped[int | None] = mapped_column(
        ForeignKey("campaign_members.id", ondelete="SET NULL")
    )
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id", ondelete="SET NULL"))
    recipient_key: Mapped[str] = mapped_column(String(254))
    to_address: Mapped[str] = mapped_column(String(254))
    to_name: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(String(20), default="email1")
    message_id: Mapped[str]
    merge_values: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(10), default=MessageState.QUEUED)
    reason: Mapped[str] = mapped_column(String(40), default="")
    priority: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(60))
    attempts: Mapped[int] = mapped_column(default=0)
    attempted_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    server_code: Mapped[int | None]
    server_words: Mapped[str] = mapped_column(Text, default="")
    size: Mapped[int | None]
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    opens: Mapped[int] = mapped_column(default=0)
    clicks: Mapped[int] = mapped_column(default=0)
    machine_hits: Mapped[int] = mapped_column(default=0)
    row_id: Mapped[int | None] = mapped_column(BigId)
    to_others: Mapped[str] = mapped_column(Text, default="", server_default="")
    receipt_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    mailing: Mapped[Mailing] = relationship()
    client: Mapped[Client | None] = relationship()
    account: Mapped[SmtpAccount] = relationship()

    def __str__(self) -> str:
        return self.to_address


class PastAttempt(Base):
    """When an account tried a mail that it has tried again since: it weighs on the windows."""

    __tablename__ = "past_attempts"
    __table_args__ = (Index(None, "account_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("smtp_accounts.id", ondelete="CASCADE"))
    at: Mapped[datetime]


class Suppression(Base):
    """An address that gets no more mail: removed itself, bounced, or entered by hand."""

    __tablename__ = "suppressions"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(254), unique=True)
    reason: Mapped[str] = mapped_column(String(20), default="removed")
    message_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("messages.id", ondelete="SET NULL")
    )
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
