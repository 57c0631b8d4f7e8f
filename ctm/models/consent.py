"""Privacy purposes (finalità) and what each client agreed to, with proof."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base, BigId


class ConsentState(StrEnum):
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Purpose(Base):
    """What mail is sent for. ``marketing``: a recipient that removes itself withdraws it.

    Without ``needs_consent`` it is service mail, such as a contract's.
    """

    __tablename__ = "purposes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    needs_consent: Mapped[bool] = mapped_column(default=True)
    marketing: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)

    def __str__(self) -> str:
        return self.name


class Consent(Base):
    """Where a client stands towards a purpose now: the last of its events."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("client_id", "purpose_id"), Index(None, "purpose_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    purpose_id: Mapped[int] = mapped_column(ForeignKey("purposes.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]

    purpose: Mapped[Purpose] = relationship()


class ConsentEvent(Base):
    """Proof: when, how (``source``), by whom or from which address, under which wording."""

    __tablename__ = "consent_events"
    __table_args__ = (Index(None, "client_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    purpose_id: Mapped[int] = mapped_column(ForeignKey("purposes.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(default=utcnow)
    source: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    address: Mapped[str] = mapped_column(String(254), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    wording: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = mapped_column(default=utcnow)

    purpose: Mapped[Purpose] = relationship()
