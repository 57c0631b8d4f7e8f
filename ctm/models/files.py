"""Files kept in the instance folder, addressed by content."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ctm.clock import utcnow
from ctm.models.base import Base


class StoredFile(Base):
    """A file under ``instance/files/<first two>/<sha256>``; ``size`` in bytes."""

    __tablename__ = "stored_files"
    __table_args__ = (Index(None, "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(127), default="application/octet-stream")
    size: Mapped[int]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    def __str__(self) -> str:
        return self.name
