"""The months of a programme's books (R-SET-3a)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.ledger import LedgerAccount
from app.models.types import Key, KoreanInstant, Labelled, Won, enum_column


class MonthState(Labelled):
    OPEN = "open", "열림", "info"
    CLOSED = "closed", "마감", "success"
    REOPENING = "reopening", "재개 요청", "warning"


NOT_OPEN = (MonthState.CLOSED, MonthState.REOPENING)


class AccountingMonth(Base):
    """A closed month takes no entries: the database dates what comes later into the first open one.

    A month without a row is open. Those that are closed follow one another without a gap, so that the last
    closed one says it for all before it.
    """

    __tablename__ = "accounting_month"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    month: Mapped[date] = mapped_column(Date)
    """Its first day."""
    state: Mapped[MonthState] = mapped_column(enum_column(MonthState))
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    last_journal_id: Mapped[int | None] = mapped_column(BigInteger)
    """The last entry of the books at the close: the month has none after it."""
    entries: Mapped[int | None] = mapped_column(BigInteger)
    """How many it has, counted once it was closed: no more come."""
    trial_sha256: Mapped[str | None]
    """Of the month's trial balance, kept as it was at the close."""
    reason: Mapped[str | None]
    """Why it is asked to be opened again."""
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    reopened_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reopened_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        UniqueConstraint("programme_id", "month"),
        CheckConstraint("extract(day FROM month) = 1", name="first_day"),
        CheckConstraint(
            "state = 'open' OR (closed_at IS NOT NULL AND last_journal_id IS NOT NULL)", name="closed"
        ),
        CheckConstraint("reopened_by_id IS NULL OR reopened_by_id <> asked_by_id", name="two_people"),
    )


class MonthBalance(Base):
    """What lay on an account, over all its owners, at the end of a month that is closed, won."""

    __tablename__ = "month_balance"

    month_id: Mapped[int] = mapped_column(ForeignKey("accounting_month.id"), primary_key=True)
    account: Mapped[LedgerAccount] = mapped_column(enum_column(LedgerAccount), primary_key=True)
    amount: Mapped[Won]
    arrived: Mapped[Won]
    """All that had arrived there by then, since the beginning; the rest of it has left."""
