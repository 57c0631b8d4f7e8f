"""Templates users keep: of mails (A16), of documents (A9, A10, A23), and their SQL fields (A20)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base
from ctm.models.consent import Purpose
from ctm.models.files import StoredFile


class DocumentKind(StrEnum):
    PDF = "pdf"
    WORD = "word"
    EXCEL = "excel"


class DocumentTemplate(Base):
    """A document merged per recipient. ``module`` is a merge module's name.

    ``html`` is a PDF's content; ``options``: page, header and footer of a PDF, columns and styles
    of an Excel sheet; ``file`` is an uploaded .docx or .xlsx to be filled in. ``version`` counts
    the changes.
    """

    __tablename__ = "document_templates"
    __table_args__ = (Index(None, "module", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    module: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(160), unique=True)
    filename: Mapped[str] = mapped_column(String(200), default="")
    html: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_files.id"))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)

    file: Mapped[StoredFile | None] = relationship()

    def __str__(self) -> str:
        return self.name


class MailTemplate(Base):
    """A mail prepared for a module; ``name`` is never shown to the recipient."""

    __tablename__ = "mail_templates"
    __table_args__ = (Index(None, "module", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    module: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(160), unique=True)
    subject: Mapped[str] = mapped_column(String(500), default="")
    body_format: Mapped[str] = mapped_column(String(4), default="html")
    body_html: Mapped[str] = mapped_column(Text, default="")
    body_text: Mapped[str] = mapped_column(Text, default="")
    purpose_id: Mapped[int | None] = mapped_column(ForeignKey("purposes.id"))
    cc: Mapped[str] = mapped_column(Text, default="")
    bcc: Mapped[str] = mapped_column(Text, default="")
    read_receipt: Mapped[bool] = mapped_column(default=False)
    pdf_template_id: Mapped[int | None] = mapped_column(ForeignKey("document_templates.id"))
    excel_template_id: Mapped[int | None] = mapped_column(
        ForeignKey("document_templates.id", name="fk_mail_templates_excel_template_id")
    )
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    purpose: Mapped[Purpose | None] = relationship()
    pdf_template: Mapped[DocumentTemplate | None] = relationship(foreign_keys=[pdf_template_id])
    excel_template: Mapped[DocumentTemplate | None] = relationship(foreign_keys=[excel_template_id])
    attachments: Mapped[list["MailTemplateFile"]] = relationship(
        cascade="all, delete-orphan", order_by="MailTemplateFile.id"
    )

    def __str__(self) -> str:
        return self.name


class MailTemplateFile(Base):
    """A default attachment of a template; with ``content_id`` an inline image."""

    __tablename__ = "mail_template_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("mail_templates.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_files.id"))
    content_id: Mapped[str] = mapped_column(String(120), default="")

    file: Mapped[StoredFile] = relationship()


class MailTemplateVersion(Base):
    """A template as it was: ``content`` holds every field, so that an old one can be read."""

    __tablename__ = "mail_template_versions"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("mail_templates.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    user_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class SqlField(Base):
    """An extra merge field (A20): ``{{name}}`` in a template is what ``query`` gives for a row.

    ``query`` is kept as the user wrote it, with ``{{idt}}`` for the row's id. ``is_html``: its
    value goes into HTML as it is.
    """

    __tablename__ = "sql_fields"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    label: Mapped[str] = mapped_column(String(160), default="")
    query: Mapped[str] = mapped_column(Text)
    is_html: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    def __str__(self) -> str:
        return self.name
