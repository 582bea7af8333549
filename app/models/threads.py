"""What the two sides of a deal write to each other, with files (R-DEAL-2a)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.types import Instant, Key, Labelled, LongText, enum_column


class DealSide(Labelled):
    COMPANY = "company", "수요기업"
    SUPPLIER = "supplier", "공급기업"


class DealMessage(Base):
    """One message of a deal's thread; never changed once it was sent."""

    __tablename__ = "deal_message"

    id: Mapped[Key]
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    side: Mapped[DealSide] = mapped_column(enum_column(DealSide))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    author_name: Mapped[str]
    text: Mapped[LongText]
    at: Mapped[Instant]
    files: Mapped[list[DealFile]] = relationship(order_by="DealFile.id", back_populates="message")

    __table_args__ = (Index("ix_deal_message_deal_id", "deal_id", "id"),)


class DealFile(Base):
    """A file sent with a message; both sides may open it, and the lead agency's readers (R-FILE-1)."""

    __tablename__ = "deal_file"

    id: Mapped[Key]
    message_id: Mapped[int] = mapped_column(ForeignKey("deal_message.id"))
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    message: Mapped[DealMessage] = relationship(back_populates="files")

    __table_args__ = (
        Index("ix_deal_file_message_id", "message_id"),
        CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="content_type"
        ),
    )
