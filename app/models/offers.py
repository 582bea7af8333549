"""Returned money, offered to those who wait for a budget, in their order (R-SCR-4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.applications import Application
from app.models.types import Instant, Key, KoreanInstant, Labelled, Won, enum_column


class OfferState(Labelled):
    OFFERED = "offered", "안내됨", "info"
    ACCEPTED = "accepted", "수락", "success"
    DECLINED = "declined", "사양", "neutral"
    LAPSED = "lapsed", "기한 경과", "neutral"
    USED = "used", "예산확정", "success"
    WITHDRAWN = "withdrawn", "철회", "neutral"


class BudgetOffer(Base):
    """A place in an agency's budget, kept for one application until its company answers."""

    __tablename__ = "budget_offer"

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    agency_budget_id: Mapped[int] = mapped_column(ForeignKey("agency_budget.id"))
    amount: Mapped[Won]
    """What is kept of the budget, won."""
    state: Mapped[OfferState] = mapped_column(enum_column(OfferState))
    offered_at: Mapped[Instant]
    due_at: Mapped[Instant]
    answered_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the company answered or the lead agency took it back; nothing where the deadline ended it."""
    reason: Mapped[str | None]
    """Of who declined or took it back."""
    application: Mapped[Application] = relationship()

    __table_args__ = (
        Index(
            "uq_budget_offer_open",
            "application_id",
            unique=True,
            postgresql_where=text("state IN ('offered', 'accepted')"),
        ),
        Index("ix_budget_offer_due", "due_at", "id", postgresql_where=text("state = 'offered'")),
        Index("ix_budget_offer_budget", "agency_budget_id", "state"),
        Index("ix_budget_offer_company_id", "company_id"),
    )
