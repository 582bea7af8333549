"""Evaluations, and the settlement of suppliers (domain section 9)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, LongText, Won, enum_column


class BatchState(Labelled):
    """R-SET-2"""

    DRAFTED = "drafted", "작성", "neutral"
    SUBMITTED = "submitted", "승인요청", "info"
    APPROVED = "approved", "승인", "secondary"
    EXPORTED = "exported", "이체요청", "warning"
    RECONCILED = "reconciled", "결과반영", "info"
    CLOSED = "closed", "마감", "success"
    DISCARDED = "discarded", "폐기", "neutral"


class LineState(Labelled):
    PLANNED = "planned", "지급예정", "neutral"
    PAID = "paid", "지급완료", "success"
    FAILED = "failed", "이체실패", "danger"
    CARRIED = "carried", "이월", "warning"
    HELD = "held", "지급보류", "warning"


class ResultState(Labelled):
    """What came of a result file: all its rows taken, some, or none."""

    COMPLETED = "completed", "전부 반영", "success"
    PARTIAL = "partial", "일부 반영", "warning"
    FAILED = "failed", "반영 실패", "danger"


class Evaluation(Base):
    """Five criteria from 1 to 5, once per paid deal, never changed (R-EVA-1)."""

    __tablename__ = "evaluation"

    id: Mapped[Key]
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    quality: Mapped[int]
    usability: Mapped[int]
    support: Mapped[int]
    price: Mapped[int]
    recommend: Mapped[int]
    comment: Mapped[LongText]
    at: Mapped[Instant]
    deal: Mapped[Deal] = relationship()

    CRITERIA = {
        "quality": "서비스 품질",
        "usability": "사용 편의성",
        "support": "고객 지원",
        "price": "가격 적정성",
        "recommend": "추천 의향",
    }

    __table_args__ = tuple(
        CheckConstraint(f"{name} BETWEEN 1 AND 5", name=f"{name}_range") for name in CRITERIA
    ) + (
        Index("ix_evaluation_offering_id", "offering_id", "id"),
        Index("ix_evaluation_company_id", "company_id", "id"),
        Index("ix_evaluation_supplier_id", "supplier_id", "id"),
    )

    @property
    def total(self) -> int:
        return self.quality + self.usability + self.support + self.price + self.recommend

    @property
    def average(self) -> str:
        """One decimal, rounded half up, in whole-number arithmetic."""
        tenths = (self.total * 10 * 2 + 5) // (5 * 2)
        return f"{tenths // 10}.{tenths % 10}"


class SettlementBatch(Base):
    __tablename__ = "settlement_batch"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[str] = mapped_column(unique=True)
    cutoff: Mapped[date] = mapped_column(Date)
    state: Mapped[BatchState] = mapped_column(enum_column(BatchState))
    drafted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    drafted_at: Mapped[Instant]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Who asked for the approval last, the drafter or another."""
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    closed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    reason: Mapped[str | None]
    bank_format: Mapped[str | None]
    """The code of the bank's format that the first export fixed; None before it."""
    bank_layout: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """That format as it was then: by it the file is drawn again, and the result read."""
    exported_sha256: Mapped[str | None]
    exported_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    exported_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    lines: Mapped[list[SettlementLine]] = relationship(
        order_by="SettlementLine.id", back_populates="batch", foreign_keys="SettlementLine.batch_id"
    )


class SettlementLine(Base):
    """What one supplier gets in one batch, won: net = gross + carried - fee - clawback."""

    __tablename__ = "settlement_line"

    id: Mapped[Key]
    batch_id: Mapped[int] = mapped_column(ForeignKey("settlement_batch.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    state: Mapped[LineState] = mapped_column(enum_column(LineState))
    gross: Mapped[Won]
    fee: Mapped[Won]
    clawback: Mapped[Won]
    carried: Mapped[Won]
    """From the lines whose transfer failed before (R-SET-2), won."""
    net: Mapped[Won]
    carried_into_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_line.id"))
    bank_code: Mapped[str]
    account_number: Mapped[str] = mapped_column(EncryptedText)
    account_holder: Mapped[str]
    result_code: Mapped[str | None]
    result_text: Mapped[str | None]
    paid_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    withheld: Mapped[Won] = mapped_column(default=0, server_default="0")
    """Of the net amount, what was kept back before it went to the bank (R-SET-4), won."""
    stayed: Mapped[Won] = mapped_column(default=0, server_default="0")
    """Of a transfer that failed, what was kept back afterwards, won."""
    batch: Mapped[SettlementBatch] = relationship(back_populates="lines", foreign_keys=[batch_id])
    supplier: Mapped[Supplier] = relationship()

    __table_args__ = (
        UniqueConstraint("batch_id", "supplier_id"),
        CheckConstraint("net = gross + carried - fee - clawback AND net > 0", name="net"),
        CheckConstraint("withheld >= 0 AND stayed >= 0 AND withheld + stayed <= net", name="kept_back"),
        Index("ix_settlement_line_supplier_id", "supplier_id", "id"),
        Index("ix_settlement_line_carried_into_id", "carried_into_id"),
    )

    @property
    def sent(self) -> int:
        """What the bank is asked to pay, won."""
        return self.net - self.withheld


class SettlementItem(Base):
    """A payment in a line. The payment is the key: no payment is settled twice."""

    __tablename__ = "settlement_item"

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.id"))
    amount: Mapped[Won]

    __table_args__ = (Index("ix_settlement_item_line_id", "line_id"),)


class WithheldItem(Base):
    """A held payment's part of a line, which stays behind when the line is paid or carried on (R-SET-4)."""

    __tablename__ = "settlement_withheld"

    id: Mapped[Key]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    line_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.id"))
    amount: Mapped[Won]
    """Less its fee, and never more than the line had left: the rest has made good what is taken back."""
    from_transfer: Mapped[bool]
    """Out of what was about to be sent; else out of what came back from the bank."""
    at: Mapped[Instant]
    into_line_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_line.id"))
    """The line that pays it, once nothing holds it any more."""
    line: Mapped[SettlementLine] = relationship(foreign_keys=[line_id])
    into: Mapped[SettlementLine | None] = relationship(foreign_keys=[into_line_id])

    __table_args__ = (
        UniqueConstraint("payment_id", "line_id"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_settlement_withheld_line_id", "line_id"),
        Index("ix_settlement_withheld_into_line_id", "into_line_id"),
    )


class ClawbackItem(Base):
    """A cancelled payment taken back from a later line (R-PAY-6); once."""

    __tablename__ = "clawback_item"

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.id"))
    of_line_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.id"))
    """The line that had paid it out, which this takes back."""
    amount: Mapped[Won]

    __table_args__ = (
        Index("ix_clawback_item_line_id", "line_id"),
        Index("ix_clawback_item_of_line_id", "of_line_id"),
    )


class BankResultFile(Base):
    """A result file of the bank, taken once (R-SET-2)."""

    __tablename__ = "bank_result_file"

    id: Mapped[Key]
    batch_id: Mapped[int] = mapped_column(ForeignKey("settlement_batch.id"))
    file_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    rows: Mapped[int]
    errors: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    """The rows that could not be taken, each with its number, its text and why."""
    state: Mapped[ResultState] = mapped_column(
        enum_column(ResultState), default=ResultState.COMPLETED, server_default="completed"
    )
    imported_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    imported_at: Mapped[Instant]
