"""The append-only double-entry ledger (R-MONEY-3, R-MONEY-4). Only `app.workflows.ledger` writes it.

The database itself refuses to update or delete, a journal that does not balance, and an overdrawn account:
see the triggers of the first migration.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.types import Instant, Key, Labelled, Won, enum_column


class LedgerAccount(Labelled):
    """Where a won lies. A posting moves it: minus where it leaves, plus where it arrives."""

    FUNDING = "funding", "정부 재원"
    PROGRAMME_BUDGET = "programme_budget", "사업 예산"
    AGENCY_BUDGET = "agency_budget", "운영기관 예산"
    PLEDGE = "pledge", "기업 자부담 약정"
    VOUCHER_GRANT = "voucher_grant", "바우처 정부지원금"
    VOUCHER_SHARE = "voucher_share", "바우처 자부담금"
    COMPANY_TAX = "company_tax", "기업 부담 부가세"
    HOLD = "hold", "결제 보류"
    PAYABLE = "payable", "공급기업 미지급금"
    TRANSFER = "transfer", "이체 중"
    PAID_OUT = "paid_out", "공급기업 지급완료"
    FEE = "fee", "수수료"


class JournalKind(Labelled):
    """R-MONEY-3"""

    ALLOCATION = "allocation", "예산 배정"
    APPROVAL = "approval", "예산확정"
    HOLD = "hold", "결제 보류"
    RELEASE = "release", "결제 보류 해제"
    PAYMENT = "payment", "결제"
    CANCELLATION = "cancellation", "결제취소"
    WAIVER = "waiver", "예산포기"
    EXPIRY = "expiry", "만료"
    REVOCATION = "revocation", "회수"
    SETTLEMENT = "settlement", "정산"
    TRANSFER = "transfer", "지급"
    TRANSFER_FAILURE = "transfer_failure", "지급 실패"
    CLAWBACK = "clawback", "환수"
    HOLD_BACK = "hold_back", "지급보류"


class Journal(Base):
    """One business event. Its key makes a repeat a no-op."""

    __tablename__ = "journal"

    id: Mapped[Key]
    event_key: Mapped[str] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    kind: Mapped[JournalKind] = mapped_column(enum_column(JournalKind))
    at: Mapped[Instant]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    belongs_to: Mapped[date | None] = mapped_column(Date)
    """The closed month for which it came too late, set by the database: `at` lies in the first open one."""
    postings: Mapped[list[Posting]] = relationship(order_by="Posting.id", viewonly=True)

    __table_args__ = (
        Index("ix_journal_programme_id", "programme_id", "id"),
        Index(
            "ix_journal_belongs_to",
            "programme_id",
            "belongs_to",
            "id",
            postgresql_where=text("belongs_to IS NOT NULL"),
        ),
        # A month of it; a summary of blocks, which costs the entries of payments nothing.
        Index("ix_journal_at", "at", postgresql_using="brin"),
    )


class Posting(Base):
    __tablename__ = "posting"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"))
    account: Mapped[LedgerAccount] = mapped_column(enum_column(LedgerAccount))
    owner_id: Mapped[int] = mapped_column(BigInteger)
    """The record whose account it is: which table, the chart of accounts says."""
    amount: Mapped[Won]

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_posting_account", "account", "owner_id", "id"),
        Index("ix_posting_journal_id", "journal_id"),
    )


class LedgerBalance(Base):
    """The sum of a guarded account's postings, kept by the database's trigger; never below zero (R-MONEY-4).

    Guarded are the accounts that could be overdrawn. A supplier's payable is summed instead: a row that
    every payment to a popular supplier had to lock would cost most of the throughput.
    """

    __tablename__ = "ledger_balance"

    account: Mapped[LedgerAccount] = mapped_column(enum_column(LedgerAccount), primary_key=True)
    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    amount: Mapped[Won]

    __table_args__ = (CheckConstraint("amount >= 0", name="not_overdrawn"),)


GUARDED = (
    LedgerAccount.PROGRAMME_BUDGET,
    LedgerAccount.AGENCY_BUDGET,
    LedgerAccount.VOUCHER_GRANT,
    LedgerAccount.VOUCHER_SHARE,
    LedgerAccount.TRANSFER,
)
