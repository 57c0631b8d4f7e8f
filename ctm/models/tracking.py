"""Raw hits of recipients and machines, and the counts kept from them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base, BigId
from ctm.models.mail import Message, TrackedLink


class HitKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    REMOVE = "remove"


class Hit(Base):
    """One request from a mail. ``machine`` says why it is held to be no person's, if it is."""

    __tablename__ = "hits"
    __table_args__ = (Index(None, "message_id", "at"), Index(None, "campaign_id", "kind", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    kind: Mapped[str] = mapped_column(String(10))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    message_id: Mapped[int] = mapped_column(BigId, ForeignKey("messages.id", ondelete="CASCADE"))
    link_id: Mapped[int | None] = mapped_column(ForeignKey("tracked_links.id", ondelete="CASCADE"))
    method: Mapped[str] = mapped_column(String(10), default="GET")
    ip: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    machine: Mapped[str] = mapped_column(String(30), default="")

    message: Mapped[Message] = relationship()
    link: Mapped[TrackedLink | None] = relationship()


class LinkCounter(Base):
    """Requests per URL of a campaign (QUANTI). ``url`` is ``READ`` for the pixel."""

    __tablename__ = "link_counters"
    __table_args__ = (Index(None, "campaign_id", "url", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(String(2000))
    requests: Mapped[int] = mapped_column(default=0)
    people: Mapped[int] = mapped_column(default=0)
    machines: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime | None]
    last_client_id: Mapped[int | None] = mapped_column(
        ForeignKey("clients.id", ondelete="SET NULL")
    )


class HitBucket(Base):
    """People's opens and clicks of a campaign in ten-minute steps, for the chart."""

    __tablename__ = "hit_buckets"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)


class HitSpool(Base):
    """How far a spool of hits is in the database: its first ``settled`` bytes."""

    __tablename__ = "hit_spools"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    settled: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[datetime] = mapped_column(default=utcnow)
