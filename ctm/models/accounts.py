"""SMTP accounts: the addresses the office sends from."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base
from ctm.models.users import User


class Security(StrEnum):
    """How the connection is protected: TLS from the start, STARTTLS, or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


account_users = Table(
    "account_users",
    Base.metadata,
    Column("account_id", ForeignKey("smtp_accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
)


class SmtpAccount(Base):
    """An account of a provider (A1). The password is sealed; see :class:`ctm.keys.Vault`.

    ``limits`` is a list of ``[messages, seconds]``: at most so many in any window of that length.
    ``stopped_reason`` holds the server's words when the account was stopped by the engine.
    A ``practice`` account sends to the practice mailbox on this machine, whatever its host says.
    ``dns_report`` is the last check of the from-domain; see :mod:`ctm.sender`.
    """

    __tablename__ = "smtp_accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    provider: Mapped[str] = mapped_column(String(40), default="custom")
    host: Mapped[str] = mapped_column(default="")
    port: Mapped[int] = mapped_column(default=465)
    security: Mapped[str] = mapped_column(String(10), default=Security.TLS)
    username: Mapped[str] = mapped_column(default="")
    password_sealed: Mapped[str | None] = mapped_column(Text)
    from_email: Mapped[str] = mapped_column(String(254))
    from_name: Mapped[str] = mapped_column(default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    connections: Mapped[int] = mapped_column(default=2)
    limits: Mapped[list[Any]] = mapped_column(default=list)
    active: Mapped[bool] = mapped_column(default=True)
    practice: Mapped[bool] = mapped_column(default=False)
    stopped_at: Mapped[datetime | None]
    stopped_reason: Mapped[str] = mapped_column(Text, default="")
    retry_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(Text, default="")
    last_error_at: Mapped[datetime | None]
    tested_at: Mapped[datetime | None]
    test_ok: Mapped[bool | None]
    test_words: Mapped[str] = mapped_column(Text, default="")
    dkim_selector: Mapped[str] = mapped_column(String(63), default="", server_default="")
    dns_checked_at: Mapped[datetime | None]
    dns_report: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    users: Mapped[list[User]] = relationship(secondary=account_users, order_by=User.name)

    def __str__(self) -> str:
        return self.name
