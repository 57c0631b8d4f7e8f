"""People who use CTM, and what they did."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_login import UserMixin
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ctm.clock import utcnow
from ctm.models.base import Base, BigId


class Role(StrEnum):
    """What a user may do; see :mod:`ctm.permissions`."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"


class User(UserMixin, Base):  # type: ignore[misc]
    """A person with a login. ``session_stamp`` changes with the password and ends sessions."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str]
    session_stamp: Mapped[str] = mapped_column(String(32))
    totp_sealed: Mapped[str | None] = mapped_column(String(500))
    totp_last_step: Mapped[int | None]
    language: Mapped[str] = mapped_column(String(5), default="it")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_login_at: Mapped[datetime | None]

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        return f"{self.id}:{self.session_stamp}"

    def __str__(self) -> str:
        return self.name


class AuditEntry(Base):
    """Who did what to which record, and when. Rows are only added."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "at"), Index(None, "object_type", "object_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    user_name: Mapped[str] = mapped_column(default="")
    action: Mapped[str] = mapped_column(String(60))
    object_type: Mapped[str] = mapped_column(String(60), default="")
    object_id: Mapped[int | None] = mapped_column(BigId)
    object_label: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ip: Mapped[str] = mapped_column(String(45), default="")


class OfficeSetting(Base):
    """What the office decided at set-up and later: a name and a JSON value."""

    __tablename__ = "office_settings"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(default=dict)
