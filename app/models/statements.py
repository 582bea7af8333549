"""The daily files of the card company and ZeroPay, and what does not match them (R-SET-3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.payments import Payment
from app.models.people import Account
from app.models.types import Instant, Key, KoreanInstant, Labelled, LongText, Won, enum_column


class StatementSystem(Labelled):
    """Whose book a file is; card and ZeroPay number their approvals each by itself."""

    CARD = "card", "신한카드"
    ZEROPAY = "zeropay", "제로페이"


class StatementState(Labelled):
    TAKEN = "taken", "대조 전", "info"
    MATCHED = "matched", "대조 완료", "success"


class Bucket(Labelled):
    """How the two books differ about a line, or about a payment that has none."""

    ONLY_OURS = "only_ours", "우리만 있음", "warning"
    ONLY_THEIRS = "only_theirs", "결제 기관만 있음", "danger"
    AMOUNT = "amount", "금액 차이", "danger"
    CANCEL_MISSING = "cancel_missing", "취소 미반영", "warning"
    DOUBLED = "doubled", "중복 승인", "danger"


class ItemState(Labelled):
    OPEN = "open", "미처리", "warning"
    PROPOSED = "proposed", "종결 확인 대기", "info"
    CLOSED = "closed", "종결", "success"


class ItemAction(Labelled):
    """What was done about a difference."""

    ASSIGN = "assign", "담당자 지정"
    ASK_GATEWAY = "ask_gateway", "결제 기관 재조회"
    HOLD = "hold", "정산 보류"
    ASK_SUPPLIER = "ask_supplier", "공급기업 문의"
    EVIDENCE = "evidence", "증빙 등록"
    MATCH = "match", "거래 연결 요청"
    PROPOSE = "propose", "종결 요청"
    CONFIRM = "confirm", "종결 확인"
    SEND_BACK = "send_back", "종결 반려"
    CLOSE = "close", "증빙으로 종결"
    SETTLE = "settle", "자동 해소"
    REOPEN = "reopen", "다시 열기"


class StatementFile(Base):
    """One day of one system: taken once, by its content and by its day."""

    __tablename__ = "statement_file"

    id: Mapped[Key]
    system: Mapped[StatementSystem] = mapped_column(enum_column(StatementSystem))
    day: Mapped[date] = mapped_column(Date)
    state: Mapped[StatementState] = mapped_column(enum_column(StatementState))
    file_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    rows: Mapped[int]
    """As its trailer says: the good and the bad."""
    charged: Mapped[Won]
    cancelled: Mapped[Won]
    fee: Mapped[Won]
    errors: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    """The rows that could not be read, each with its number, its text and why."""
    matched: Mapped[int] = mapped_column(default=0, server_default="0")
    """Lines that matched at the first going over; a later file may match more."""
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Nobody where the job fetched it."""
    taken_at: Mapped[Instant]
    matched_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    taken_by: Mapped[Account | None] = relationship()

    __table_args__ = (
        UniqueConstraint("system", "day"),
        CheckConstraint("(state = 'matched') = (matched_at IS NOT NULL)", name="matched"),
        Index("ix_statement_file_day", "day"),
    )


class StatementLine(Base):
    """A charge or a cancellation as the other side has it. Append-only by trigger."""

    __tablename__ = "statement_line"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("statement_file.id"))
    row: Mapped[int]
    """As a spreadsheet counts: the header is 1."""
    copy: Mapped[int] = mapped_column(SmallInteger)
    """How many lines like it stand before it in the file: the first has none."""
    is_cancel: Mapped[bool]
    approval_number: Mapped[str]
    amount: Mapped[Won]
    """Never negative: `is_cancel` says which way it went."""
    day: Mapped[date] = mapped_column(Date)
    """Of the transaction, which may lie before the file's."""
    at: Mapped[Instant]
    card: Mapped[str | None]
    """Masked by the card company."""
    order_id: Mapped[str | None]
    fee: Mapped[Won]
    deposit_on: Mapped[date | None] = mapped_column(Date)
    deposit: Mapped[Won]
    file: Mapped[StatementFile] = relationship()

    __table_args__ = (
        UniqueConstraint("file_id", "row"),
        CheckConstraint("amount > 0", name="amount"),
    )


class StatementMatch(Base):
    """A line that is accounted for: by a payment of ours, or by the line that took it back. Only ever added.

    Written by the hundred thousand for lines and payments that are never deleted: foreign keys would look up
    each of them, and cost more than the matching itself.
    """

    __tablename__ = "statement_match"

    line_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    payment_id: Mapped[int | None] = mapped_column(BigInteger)
    is_cancel: Mapped[bool]
    against_line_id: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("payment_id", "is_cancel"),
        CheckConstraint("(payment_id IS NULL) <> (against_line_id IS NULL)", name="one_side"),
    )


class StatementWait(Base):
    """A payment of which nobody knew how it ends when a file was matched: it may yet be dated into a day that
    was gone through (R-PAY-4)."""

    __tablename__ = "statement_wait"

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True, autoincrement=False)


class StatementFetch(Base):
    """The last attempt to fetch a day's file that did not succeed: a day without a file says why."""

    __tablename__ = "statement_fetch"

    system: Mapped[StatementSystem] = mapped_column(enum_column(StatementSystem), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    tries: Mapped[int]
    error: Mapped[str]
    """Korean, for the day board."""
    tried_at: Mapped[Instant]


class ReconItem(Base):
    """A difference to clear: a line without a counterpart, or a payment without a line."""

    __tablename__ = "recon_item"

    id: Mapped[Key]
    system: Mapped[StatementSystem] = mapped_column(enum_column(StatementSystem))
    bucket: Mapped[Bucket] = mapped_column(enum_column(Bucket))
    state: Mapped[ItemState] = mapped_column(enum_column(ItemState))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("statement_line.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    """The payment that has no line, or that the line seems to be about."""
    is_cancel: Mapped[bool]
    ours: Mapped[Won]
    theirs: Mapped[Won]
    day: Mapped[date] = mapped_column(Date)
    opened_at: Mapped[Instant]
    opened_by_file_id: Mapped[int] = mapped_column(ForeignKey("statement_file.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    evidence_sha256: Mapped[str | None]
    """The newest; all of them stand with the acts."""
    with_item_id: Mapped[int | None] = mapped_column(ForeignKey("recon_item.id"))
    """The difference of the other side with which this one is to be matched by hand."""
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    settled_by_file_id: Mapped[int | None] = mapped_column(ForeignKey("statement_file.id"))
    """The file at whose matching the difference went away by itself."""
    note: Mapped[str | None]
    """Why it was closed."""
    line: Mapped[StatementLine | None] = relationship()
    payment: Mapped[Payment | None] = relationship()
    owner: Mapped[Account | None] = relationship(foreign_keys=[owner_id])
    closed_by: Mapped[Account | None] = relationship(foreign_keys=[closed_by_id])
    opened_by_file: Mapped[StatementFile] = relationship(foreign_keys=[opened_by_file_id])
    settled_by_file: Mapped[StatementFile | None] = relationship(foreign_keys=[settled_by_file_id])

    __table_args__ = (
        CheckConstraint("num_nonnulls(line_id, payment_id) >= 1", name="about_something"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("state <> 'closed' OR note <> ''", name="note"),
        CheckConstraint(
            "state <> 'closed' OR settled_by_file_id IS NOT NULL OR evidence_sha256 IS NOT NULL"
            " OR coalesce(closed_by_id <> proposed_by_id, false)",
            name="evidence_or_two_people",
        ),
        Index("uq_recon_item_line", "line_id", unique=True, postgresql_where=text("line_id IS NOT NULL")),
        Index(
            "uq_recon_item_ours",
            "payment_id",
            "is_cancel",
            unique=True,
            postgresql_where=text("line_id IS NULL"),
        ),
        Index("ix_recon_item_open", "id", postgresql_where=text("state <> 'closed'")),
        Index("ix_recon_item_payment_id", "payment_id"),
        Index("ix_recon_item_day", "day"),
        Index("ix_recon_item_opened_by_file_id", "opened_by_file_id"),
    )


class ReconAct(Base):
    """One thing that somebody did about a difference, with the note that it needs. Append-only by trigger."""

    __tablename__ = "recon_act"

    id: Mapped[Key]
    item_id: Mapped[int] = mapped_column(ForeignKey("recon_item.id"))
    action: Mapped[ItemAction] = mapped_column(enum_column(ItemAction))
    note: Mapped[LongText]
    answer: Mapped[str | None]
    """What came of it: the gateway's answer, the payment that is held."""
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    by_name: Mapped[str]
    at: Mapped[Instant]
    file_name: Mapped[str | None]
    content_type: Mapped[str | None]
    sha256: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("note <> ''", name="note"),
        CheckConstraint("num_nonnulls(file_name, content_type, sha256) IN (0, 3)", name="file"),
        Index("ix_recon_act_item_id", "item_id", "id"),
    )
