"""How much a paid service is used, by deal and month, as its supplier reports it (R-SET-1a)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.deals import Deal
from app.models.types import Instant, Labelled, enum_column


class UsageSource(Labelled):
    FORM = "form", "직접 입력"
    FILE = "file", "파일"


class UsageReport(Base):
    """The last report of a month counts; the trail keeps what was said before."""

    __tablename__ = "usage_report"

    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    """Its first day."""
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    logins: Mapped[int]
    last_used_on: Mapped[date | None] = mapped_column(Date)
    source: Mapped[UsageSource] = mapped_column(enum_column(UsageSource))
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reported_at: Mapped[Instant]
    deal: Mapped[Deal] = relationship()

    __table_args__ = (
        CheckConstraint("logins >= 0", name="logins"),
        CheckConstraint("extract(day from month) = 1", name="first_of_month"),
        Index("ix_usage_report_supplier_id", "supplier_id", "month"),
        Index("ix_usage_report_company_id", "company_id", "month"),
    )
