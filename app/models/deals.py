"""A deal between a demand company and a supplier, from consultation to payment (domain section 7)."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Offering, Supplier
from app.models.companies import Company
from app.models.types import Instant, Key, KoreanInstant, Labelled, LongText, enum_column


class DealState(Labelled):
    CONSULTING = "consulting", "거래상담", "info"
    ACCEPTED = "accepted", "거래수락", "secondary"
    BILLED = "billed", "결제요청", "warning"
    PAID = "paid", "결제완료", "success"
    TURNED_DOWN = "turned_down", "반려", "neutral"
    LAPSED = "lapsed", "불가", "neutral"
    WITHDRAWN = "withdrawn", "취소", "neutral"
    PAYMENT_CANCELLED = "payment_cancelled", "결제취소", "danger"


class Deal(Base):
    __tablename__ = "deal"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("offering_version.id"))
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("deal.id"))
    asked_together: Mapped[uuid.UUID | None]
    """What the consultations that one request sent to several suppliers have in common."""
    state: Mapped[DealState] = mapped_column(enum_column(DealState))
    memo: Mapped[LongText]
    reason: Mapped[str | None]
    requested_at: Mapped[Instant]
    accepted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    billed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    closed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    due_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """The deadline of the present state (R-TIME-2, R-TIME-3); None where no clock runs."""
    remind_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When whoever must act is reminded of `due_at` (R-VOU-4); None once that is done."""
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    quantity: Mapped[int | None]
    amount: Mapped[int | None]
    """What the voucher pays, won: the whole price, or the supply value (R-MONEY-2a)."""
    tax: Mapped[int | None]
    """What the company pays on top, won; zero where the tax is inside the amount."""
    period_from: Mapped[date | None] = mapped_column(Date)
    period_to: Mapped[date | None] = mapped_column(Date)
    company: Mapped[Company] = relationship()
    supplier: Mapped[Supplier] = relationship()
    offering: Mapped[Offering] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0 AND tax >= 0 AND quantity > 0", name="amounts"),
        Index("ix_deal_company_id", "company_id", "state", "id"),
        Index("ix_deal_supplier_id", "supplier_id", "state", "id"),
        Index("ix_deal_offering_id", "offering_id"),
        Index(
            "ix_deal_asked_together", "asked_together", postgresql_where=text("asked_together IS NOT NULL")
        ),
        Index("ix_deal_previous_id", "previous_id", postgresql_where=text("previous_id IS NOT NULL")),
        Index("ix_deal_due", "due_at", "id", postgresql_where=text("state IN ('consulting', 'billed')")),
        Index(
            "ix_deal_remind", "remind_at", "id", postgresql_where=text("state IN ('consulting', 'billed')")
        ),
    )
