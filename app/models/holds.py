"""A payment whose settlement waits until two people let it go (R-SET-4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.payments import Payment
from app.models.types import Instant, Key, KoreanInstant, Labelled, LongText, enum_column


class HoldSource(Labelled):
    """What it was held for; a payment is held once at a time for each."""

    SUSPICION = "suspicion", "의심 거래"
    RECONCILIATION = "reconciliation", "대사 차이"
    USAGE = "usage", "이용 중지"
    MANUAL = "manual", "담당자 보류"


class HoldState(Labelled):
    PLACED = "placed", "보류", "warning"
    ASKED = "asked", "해제 요청", "info"
    RELEASED = "released", "해제", "success"


class SettlementHold(Base):
    """Who held a payment back and why; released by another than who asked for it."""

    __tablename__ = "settlement_hold"

    id: Mapped[Key]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    source: Mapped[HoldSource] = mapped_column(enum_column(HoldSource))
    reason: Mapped[LongText]
    state: Mapped[HoldState] = mapped_column(enum_column(HoldState))
    placed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    placed_at: Mapped[Instant]
    release_reason: Mapped[str | None]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    released_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    payment: Mapped[Payment] = relationship()

    __table_args__ = (
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("(state = 'released') = (released_at IS NOT NULL)", name="released"),
        CheckConstraint("released_by_id IS NULL OR released_by_id <> asked_by_id", name="two_people"),
        Index(
            "uq_settlement_hold_open",
            "payment_id",
            "source",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
        Index("ix_settlement_hold_open", "id", postgresql_where=text("released_at IS NULL")),
        Index("ix_settlement_hold_payment_id", "payment_id"),
        Index("ix_settlement_hold_supplier_id", "supplier_id", "id"),
    )
