"""The registry: clients, their contacts, filters saved over them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ctm.clock import utcnow
from ctm.models.base import Base
from ctm.models.users import User


class ClientKind(StrEnum):
    PROSPECT = "prospect"
    COMPANY = "company"
    PERSON = "person"
    SUPPLIER = "supplier"


class Client(Base):
    """One client (anagrafica). ``display_name`` and ``search_text`` are kept by ctm.clients."""

    __tablename__ = "clients"
    __table_args__ = (
        Index(None, "display_name", "id"),
        Index(None, "active", "kind", "display_name", "id"),
        Index(None, "tax_code"),
        Index(None, "vat_number"),
        Index(None, "email1", "id"),
        Index(None, "email2"),
        Index(None, "email3"),
        Index(None, "created_at", "id"),
        Index(None, "city", "id"),
        Index(None, "profession", "id"),
        Index(None, "kind", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(20), default=ClientKind.PERSON)
    active: Mapped[bool] = mapped_column(default=True)
    title: Mapped[str] = mapped_column(String(40), default="")
    first_name: Mapped[str] = mapped_column(String(120), default="")
    last_name: Mapped[str] = mapped_column(String(120), default="")
    company_name: Mapped[str] = mapped_column(String(200), default="")
    display_name: Mapped[str] = mapped_column(String(255), default="")
    search_text: Mapped[str] = mapped_column(Text, default="")
    tax_code: Mapped[str] = mapped_column(String(20), default="")
    vat_number: Mapped[str] = mapped_column(String(20), default="")
    birth_date: Mapped[date | None]
    birth_place: Mapped[str] = mapped_column(String(120), default="")
    sex: Mapped[str] = mapped_column(String(1), default="")
    profession: Mapped[str] = mapped_column(String(120), default="")
    email1: Mapped[str] = mapped_column(String(254), default="")
    email2: Mapped[str] = mapped_column(String(254), default="")
    email3: Mapped[str] = mapped_column(String(254), default="")
    pec: Mapped[str] = mapped_column(String(254), default="")
    website: Mapped[str] = mapped_column(String(200), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    phone2: Mapped[str] = mapped_column(String(40), default="")
    mobile: Mapped[str] = mapped_column(String(40), default="")
    fax: Mapped[str] = mapped_column(String(40), default="")
    street: Mapped[str] = mapped_column(String(200), default="")
    postcode: Mapped[str] = mapped_column(String(12), default="")
    city: Mapped[str] = mapped_column(String(120), default="")
    province: Mapped[str] = mapped_column(String(60), default="")
    country: Mapped[str] = mapped_column(String(60), default="")
    mail_street: Mapped[str] = mapped_column(String(200), default="")
    mail_postcode: Mapped[str] = mapped_column(String(12), default="")
    mail_city: Mapped[str] = mapped_column(String(120), default="")
    mail_province: Mapped[str] = mapped_column(String(60), default="")
    mail_country: Mapped[str] = mapped_column(String(60), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, onupdate=utcnow)

    contacts: Mapped[list["Contact"]] = relationship(
        back_populates="client", cascade="all, delete-orphan", order_by="Contact.id"
    )

    def __str__(self) -> str:
        return self.display_name


class Contact(Base):
    """A person at a client, with an address of its own (contatti, IND_TLM)."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "client_id"), Index(None, "email"))

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    first_name: Mapped[str] = mapped_column(String(120), default="")
    last_name: Mapped[str] = mapped_column(String(120), default="")
    position: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    mobile: Mapped[str] = mapped_column(String(40), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(default=True)

    client: Mapped[Client] = relationship(back_populates="contacts")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email


class SavedFilter(Base):
    """A search over a list, kept by name. ``query`` is what ctm.clients.filters reads."""

    __tablename__ = "saved_filters"
    __table_args__ = (Index(None, "module", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    module: Mapped[str] = mapped_column(String(40), default="clients")
    name: Mapped[str] = mapped_column(String(120))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    shared: Mapped[bool] = mapped_column(default=False)
    query: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    owner: Mapped[User] = relationship()

    def __str__(self) -> str:
        return self.name
