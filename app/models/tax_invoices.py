"""The supplier's electronic tax invoice of a payment by ZeroPay, kept by its number (R-SET-1)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.payments import Payment
from app.models.types import Instant, Key, KoreanInstant, Labelled, Won, enum_column


class InvoiceState(Labelled):
    MATCHED = "matched", "확인", "success"
    MISMATCH = "mismatch", "불일치", "danger"
    ACCEPTED = "accepted", "차이 인정", "secondary"
    VOIDED = "voided", "취소", "neutral"


class TaxInvoice(Base):
    """Its sums are compared with the payment's: only one that fits, or was accepted, ripens it.

    A cancelled payment has a second one with a reason code, whose sums are negative (계약의 해제: 4).
    """

    __tablename__ = "tax_invoice"

    id: Mapped[Key]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    number: Mapped[str]
    """국세청 승인번호, 24 digits."""
    issued_on: Mapped[date] = mapped_column(Date)
    supply: Mapped[Won]
    tax: Mapped[Won]
    modify_code: Mapped[int | None] = mapped_column(SmallInteger)
    original_id: Mapped[int | None] = mapped_column(ForeignKey("tax_invoice.id"))
    state: Mapped[InvoiceState] = mapped_column(enum_column(InvoiceState))
    note: Mapped[str | None]
    document_sha256: Mapped[str | None]
    document_name: Mapped[str | None]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    entered_at: Mapped[Instant]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    payment: Mapped[Payment] = relationship()

    __table_args__ = (
        CheckConstraint("number ~ '^[0-9]{24}$'", name="number"),
        CheckConstraint("(modify_code IS NULL) = (original_id IS NULL)", name="original"),
        Index("uq_tax_invoice_number", "number", unique=True, postgresql_where=text("state <> 'voided'")),
        Index(
            "uq_tax_invoice_payment",
            "payment_id",
            text("(modify_code IS NULL)"),
            unique=True,
            postgresql_where=text("state <> 'voided'"),
        ),
        Index("ix_tax_invoice_payment_id", "payment_id"),
        Index("ix_tax_invoice_supplier_id", "supplier_id", "id"),
        Index("ix_tax_invoice_open", "id", postgresql_where=text("state = 'mismatch'")),
    )

    @property
    def total(self) -> int:
        """Won."""
        return self.supply + self.tax
