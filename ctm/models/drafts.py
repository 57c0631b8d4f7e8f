"""Mails from a list while they are being written: whom to, what, and with which files."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base
from ctm.models.files import StoredFile
from ctm.models.mail import Mailing
from ctm.models.users import User


class MailDraft(Base):
    """A send form with what was typed into it (see :mod:`ctm.mailing.listmail`).

    ``row_ids`` are the ids of the ``module``'s rows as they were chosen; ``content`` the form's
    fields; ``mailing_id`` what it was sent as.
    """

    __tablename__ = "mail_drafts"
    __table_args__ = (Index(None, "owner_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    module: Mapped[str] = mapped_column(String(40))
    row_ids: Mapped[list[Any]]
    origin: Mapped[str] = mapped_column(String(2000), default="")
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    mailing_id: Mapped[int | None] = mapped_column(ForeignKey("mailings.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)

    owner: Mapped[User] = relationship()
    mailing: Mapped[Mailing | None] = relationship()
    attachments: Mapped[list["MailDraftFile"]] = relationship(
        cascade="all, delete-orphan", order_by="MailDraftFile.id"
    )


class MailDraftFile(Base):
    """A file that goes with every mail of a draft."""

    __tablename__ = "mail_draft_files"
    __table_args__ = (Index(None, "draft_id"), Index(None, "file_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("mail_drafts.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))

    file: Mapped[StoredFile] = relationship()
