"""Payments that look wrong, gathered by the two parties until a person decides (R-SET-4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.payments import Payment
from app.models.people import Account
from app.models.types import Instant, Key, KoreanInstant, Labelled, enum_column


class SuspicionState(Labelled):
    OPEN = "open", "확인 중", "warning"
    CLEARED = "cleared", "이상 없음", "success"
    CONFIRMED = "confirmed", "부정 확인", "danger"


class SignalKind(Labelled):
    """What looked wrong about a payment."""

    LOOKALIKE = "lookalike", "닮은 기업"
    FAST = "fast", "발급 직후 전액 사용"
    ADDRESS = "address", "같은 주소"
    ROUND_TRIP = "round_trip", "맞거래"
    REPORTED = "reported", "부정 신고"


class Suspicion(Base):
    """A case about one company and one supplier: its signals say why, a person says what it is."""

    __tablename__ = "suspicion"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    state: Mapped[SuspicionState] = mapped_column(enum_column(SuspicionState))
    score: Mapped[int]
    """The weights of its kinds of signals together: by which the queue is ordered, and nothing else."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    opened_at: Mapped[Instant]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    reason: Mapped[str | None]
    company: Mapped[Company] = relationship()
    supplier: Mapped[Supplier] = relationship()
    owner: Mapped[Account | None] = relationship(foreign_keys=[owner_id])
    signals: Mapped[list[SuspicionSignal]] = relationship(order_by="SuspicionSignal.id")

    __table_args__ = (
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("state = 'open' OR decided_by_id IS NOT NULL AND reason <> ''", name="by_a_person"),
        Index(
            "uq_suspicion_open",
            "company_id",
            "supplier_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_suspicion_queue", "state", "score", "id"),
    )


class SuspicionSignal(Base):
    """One thing that looked wrong about one payment, with what it was seen by. Without a case, too little."""

    __tablename__ = "suspicion_signal"

    id: Mapped[Key]
    suspicion_id: Mapped[int | None] = mapped_column(ForeignKey("suspicion.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    kind: Mapped[SignalKind] = mapped_column(enum_column(SignalKind))
    weight: Mapped[int]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What was found, without personal data in the clear."""
    at: Mapped[Instant]
    payment: Mapped[Payment] = relationship()

    __table_args__ = (
        CheckConstraint("weight BETWEEN 1 AND 5", name="weight"),
        UniqueConstraint("payment_id", "kind"),
        Index("ix_suspicion_signal_suspicion_id", "suspicion_id"),
        Index("ix_suspicion_signal_loose", "payment_id", postgresql_where=text("suspicion_id IS NULL")),
    )
