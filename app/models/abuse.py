"""Reports of abuse, filed in private by anyone and followed by a number and a secret code (R-SET-4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.people import Account
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, enum_column


class AbuseState(Labelled):
    RECEIVED = "received", "접수", "info"
    LOOKING = "looking", "확인 중", "warning"
    ANSWERED = "answered", "답변", "secondary"
    CLOSED = "closed", "처리 완료", "success"


class AbuseCategory(Labelled):
    FALSE_USE = "false_use", "쓰지 않은 서비스를 쓴 것처럼 결제"
    KICKBACK = "kickback", "결제 대가로 돈이나 물품을 주고받음"
    SELF_DEALING = "self_dealing", "가족·관계 기업과의 거래"
    PROXY = "proxy", "대리 신청·명의 대여"
    OVERPRICE = "overprice", "부풀린 가격"
    OTHER = "other", "그 밖의 부정"


class AbuseReport(Base):
    """What somebody reported. Who they are is kept only where they say so, and encrypted."""

    __tablename__ = "abuse_report"

    id: Mapped[Key]
    code_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """Blind index of the secret code, which is shown once and kept nowhere."""
    category: Mapped[AbuseCategory] = mapped_column(enum_column(AbuseCategory))
    about: Mapped[str] = mapped_column(EncryptedText)
    """Whom it names, in the reporter's words."""
    body: Mapped[str] = mapped_column(EncryptedText)
    contact: Mapped[str | None] = mapped_column(EncryptedText)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    """Whom the office found it to be about."""
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    sha256: Mapped[str | None]
    """Of the sealed file in the store."""
    file_name: Mapped[str | None] = mapped_column(EncryptedText)
    file_type: Mapped[str | None]
    state: Mapped[AbuseState] = mapped_column(enum_column(AbuseState))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    company: Mapped[Company | None] = relationship()
    supplier: Mapped[Supplier | None] = relationship()
    owner: Mapped[Account | None] = relationship()
    replies: Mapped[list[AbuseReply]] = relationship(order_by="AbuseReply.id")

    __table_args__ = (
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        Index("ix_abuse_report_state", "state", "id"),
        Index("ix_abuse_report_company_id", "company_id"),
        Index("ix_abuse_report_supplier_id", "supplier_id"),
    )

    @property
    def number(self) -> str:
        """`A2020-000012`: guessable, and of no use without the code."""
        return f"A{self.at.year}-{self.id:06}"


class AbuseReply(Base):
    """A word from either side. Append-only."""

    __tablename__ = "abuse_reply"

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("abuse_report.id"))
    from_staff: Mapped[bool]
    body: Mapped[str] = mapped_column(EncryptedText)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[Instant]
    by: Mapped[Account | None] = relationship()

    __table_args__ = (
        CheckConstraint("from_staff = (by_id IS NOT NULL)", name="whose"),
        Index("ix_abuse_reply_report_id", "report_id", "id"),
    )
