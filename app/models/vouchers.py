"""Payment instruments and vouchers (domain section 5)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.companies import Company
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, Won, enum_column


class InstrumentKind(Labelled):
    """R-INS-1"""

    PERSONAL_CHECK = "personal_check", "신한개인체크카드"
    PREPAID = "prepaid", "신한선불형카드"
    CORPORATE_CHECK = "corporate_check", "신한법인체크카드"
    ZEROPAY = "zeropay", "제로페이 모바일 상품권"

    @property
    def is_card(self) -> bool:
        return self is not InstrumentKind.ZEROPAY


class InstrumentState(Labelled):
    CHOSEN = "chosen", "선택됨", "neutral"
    REQUESTED = "requested", "발급신청", "info"
    ISSUED = "issued", "발급완료", "success"


class VoucherState(Labelled):
    """R-VOU-1"""

    USABLE = "usable", "사용가능", "success"
    SPENT = "spent", "소진", "secondary"
    WAIVED = "waived", "포기", "neutral"
    REVOKED = "revoked", "회수", "danger"
    EXPIRED = "expired", "만료", "neutral"


class Instrument(Base):
    __tablename__ = "instrument"

    id: Mapped[Key]
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), unique=True)
    kind: Mapped[InstrumentKind] = mapped_column(enum_column(InstrumentKind))
    state: Mapped[InstrumentState] = mapped_column(enum_column(InstrumentState))
    chosen_at: Mapped[Instant]
    requested_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    issued_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    issuer_reference: Mapped[str | None]
    """The card company's issue id or ZeroPay's wallet id."""
    bank_code: Mapped[str | None]
    account_number: Mapped[str | None] = mapped_column(EncryptedText)
    """Of the verified person; the personal check card alone draws on an account (R-INS-4)."""
    account_holder: Mapped[str | None]
    company: Mapped[Company] = relationship()


class Voucher(Base):
    """What a company may spend. Its money lies in the ledger; amounts here are what was granted, in won."""

    __tablename__ = "voucher"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    agency_budget_id: Mapped[int] = mapped_column(ForeignKey("agency_budget.id"))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), unique=True)
    state: Mapped[VoucherState] = mapped_column(enum_column(VoucherState))
    granted_grant: Mapped[Won]
    """The government's part, won."""
    granted_share: Mapped[Won]
    """The company's own part, won."""
    selected_on: Mapped[date] = mapped_column(Date)
    first_payment_by: Mapped[Instant]
    full_use_by: Mapped[Instant]
    due_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """The next deadline that would end it: first payment, then full use; None once it ended."""
    remind_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the company is next reminded of `due_at` (R-VOU-4)."""
    waiver_requested_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    waiver_requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    waiver_reason: Mapped[str | None]
    company: Mapped[Company] = relationship()

    __table_args__ = (
        CheckConstraint("granted_grant >= 0 AND granted_share >= 0", name="granted"),
        Index("ix_voucher_due", "due_at", "id", postgresql_where=text("state = 'usable'")),
        Index("ix_voucher_remind", "remind_at", "id", postgresql_where=text("state = 'usable'")),
    )

    @property
    def granted(self) -> int:
        """The voucher's whole worth, won."""
        return self.granted_grant + self.granted_share
