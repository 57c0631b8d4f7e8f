"""Campaigns (motivi), list statuses, and where each client stands in a campaign."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.accounts import SmtpAccount
from ctm.models.base import Base, BigId
from ctm.models.clients import Client
from ctm.models.files import StoredFile


class CampaignState(StrEnum):
    """draft → (scheduled →) running ⇄ paused → finished | stopped; both may run again.

    ``overdue``: a scheduled start passed while the server was off; a person decides.
    ``deleting``: a deletion in steps has begun; nothing else happens to the campaign any more.
    """

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    OVERDUE = "overdue"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    DELETING = "deleting"


class Outcome(StrEnum):
    """What can happen to a client's mail and bring a list status (G3). Later outranks earlier."""

    FAILED = "failed"
    SENT = "sent"
    READ = "read"
    CLICKED = "clicked"
    REPLIED = "replied"
    BOUNCED = "bounced"
    REMOVED = "removed"


class ListStatus(Base):
    """Where a client can stand in a campaign (stato elenco)."""

    __tablename__ = "list_statuses"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    colour: Mapped[str] = mapped_column(String(20), default="todo")
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)

    def __str__(self) -> str:
        return self.name


class Campaign(Base):
    """A campaign with its E-Mailing settings (G2–G4).

    ``hours``: when its mails may leave, see :mod:`ctm.mailing.hours`; None: at any time.
    """

    __tablename__ = "campaigns"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(160), unique=True)
    notes: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(12), default=CampaignState.DRAFT)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("smtp_accounts.id"))
    from_email: Mapped[str] = mapped_column(String(254), default="")
    from_name: Mapped[str] = mapped_column(default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    bcc: Mapped[str] = mapped_column(String(254), default="")
    subject: Mapped[str] = mapped_column(String(500), default="")
    body_format: Mapped[str] = mapped_column(String(4), default="html")
    body_html: Mapped[str] = mapped_column(Text, default="")
    body_text: Mapped[str] = mapped_column(Text, default="")
    delay_seconds: Mapped[float] = mapped_column(default=0.0)
    hours: Mapped[dict[str, Any] | None]
    use_email1: Mapped[bool] = mapped_column(default=True)
    use_email2: Mapped[bool] = mapped_column(default=True)
    use_email3: Mapped[bool] = mapped_column(default=False)
    use_contacts: Mapped[bool] = mapped_column(default=False)
    track: Mapped[bool] = mapped_column(default=True)
    unsubscribe: Mapped[bool] = mapped_column(default=True)
    initial_status_id: Mapped[int | None] = mapped_column(ForeignKey("list_statuses.id"))
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    account: Mapped[SmtpAccount | None] = relationship()
    initial_status: Mapped[ListStatus | None] = relationship()
    outcome_statuses: Mapped[list["OutcomeStatus"]] = relationship(cascade="all, delete-orphan")
    attachments: Mapped[list["CampaignAttachment"]] = relationship(
        cascade="all, delete-orphan", order_by="CampaignAttachment.id"
    )

    def __str__(self) -> str:
        return self.name


class OutcomeStatus(Base):
    """The list status an outcome brings in a campaign (G3)."""

    __tablename__ = "outcome_statuses"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True
    )
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    list_status_id: Mapped[int] = mapped_column(ForeignKey("list_statuses.id"))

    list_status: Mapped[ListStatus] = relationship()


class CampaignAttachment(Base):
    """A file on every mail of a campaign; with ``content_id`` it is an inline image (cid:)."""

    __tablename__ = "campaign_attachments"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))
    content_id: Mapped[str] = mapped_column(String(120), default="")

    file: Mapped[StoredFile] = relationship()


class CampaignMember(Base):
    """A client in a campaign and its list status (G5).

    ``outcome`` is the highest outcome reached so far; ``by_hand`` says that an operator chose
    the status, which from then on only a removal moves.
    """

    __tablename__ = "campaign_members"
    __table_args__ = (
        UniqueConstraint("campaign_id", "client_id"),
        Index(None, "campaign_id", "list_status_id", "id"),
        Index(None, "campaign_id", "id"),
        Index(None, "client_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    list_status_id: Mapped[int | None] = mapped_column(ForeignKey("list_statuses.id"))
    outcome: Mapped[str] = mapped_column(String(12), default="")
    by_hand: Mapped[bool] = mapped_column(default=False)
    added_at: Mapped[datetime] = mapped_column(default=utcnow)
    changed_at: Mapped[datetime] = mapped_column(default=utcnow)

    client: Mapped[Client] = relationship()
    list_status: Mapped[ListStatus | None] = relationship()
    campaign: Mapped[Campaign] = relationship()


class CampaignCounter(Base):
    """Kept counters of a campaign, so that statistics are read and never counted.

    Names: ``total``, a message state (``queued``, ``sent`` …), ``read``, ``clicked``, ``removed``,
    ``machine_read``, ``machine_clicked``, and ``status:<list status id or 0>``.
    """

    __tablename__ = "campaign_counters"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
