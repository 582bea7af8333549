"""서비스 문의: a company asks about a service, its supplier answers (R-CAT-3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Offering
from app.models.companies import Company
from app.models.types import Instant, Key, KoreanInstant, LongText


class Question(Base):
    """Asked once, answered once; an answer may be mended by its supplier, the trail keeps both."""

    __tablename__ = "question"

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    body: Mapped[LongText]
    is_private: Mapped[bool] = mapped_column(default=False)
    """Read by the two sides and the lead agency alone."""
    asked_at: Mapped[Instant]
    answer: Mapped[str | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    answered_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    hidden_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the lead agency took it off the public page, with its reason."""
    hidden_reason: Mapped[str | None]
    offering: Mapped[Offering] = relationship()
    company: Mapped[Company] = relationship()

    __table_args__ = (
        Index("ix_question_offering_id", "offering_id", "id"),
        Index("ix_question_company_id", "company_id", "id"),
        Index("ix_question_supplier_id", "supplier_id", "id"),
        Index(
            "ix_question_open",
            "supplier_id",
            "id",
            postgresql_where=text("answered_at IS NULL AND hidden_at IS NULL"),
        ),
    )
