"""The office's portfolio: policies and the premium instalments that fall due on them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Amount, Base, BigId
from ctm.models.clients import Client


class PolicyState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class InstalmentState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"


class Policy(Base):
    """A policy (polizza) of a client. ``search_text`` is kept by :mod:`ctm.portfolio`."""

    __tablename__ = "policies"
    __table_args__ = (
        Index(None, "number", "id"),
        Index(None, "client_id", "id"),
        Index(None, "end_date", "id"),
        Index(None, "state", "id"),
        Index(None, "company", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(60))
    company: Mapped[str] = mapped_column(String(120), default="")
    branch: Mapped[str] = mapped_column(String(80), default="")
    product: Mapped[str] = mapped_column(String(160), default="")
    state: Mapped[str] = mapped_column(String(12), default=PolicyState.ACTIVE)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    premium: Mapped[Decimal | None] = mapped_column(Amount)
    frequency: Mapped[str] = mapped_column(String(20), default="")
    insured: Mapped[str] = mapped_column(String(255), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    search_text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    client: Mapped[Client] = relationship()

    def __str__(self) -> str:
        return self.number


class Instalment(Base):
    """A premium instalment falling due (titolo). ``client_id`` is its policy's client."""

    __tablename__ = "instalments"
    __table_args__ = (
        Index(None, "due_date", "id"),
        Index(None, "state", "due_date", "id"),
        Index(None, "client_id", "due_date", "id"),
        Index(None, "policy_id", "id"),
        Index(None, "number", "id"),
        Index(None, "amount", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    policy_id: Mapped[int] = mapped_column(BigId, ForeignKey("policies.id", ondelete="CASCADE"))
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(60), default="")
    due_date: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Amount, default=Decimal(0))
    state: Mapped[str] = mapped_column(String(12), default=InstalmentState.OPEN)
    paid_date: Mapped[date | None]
    notes: Mapped[str] = mapped_column(Text, default="")
    search_text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    policy: Mapped[Policy] = relationship()
    client: Mapped[Client] = relationship()

    def __str__(self) -> str:
        return self.number
