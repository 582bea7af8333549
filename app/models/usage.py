"""How much a paid service is used, by deal and month, as its supplier reports it, and what no use brings
(R-SET-1a)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.deals import Deal
from app.models.payments import Payment
from app.models.types import Instant, Key, KoreanInstant, Labelled, enum_column


class UsageSource(Labelled):
    FORM = "form", "직접 입력"
    FILE = "file", "파일"
    API = "api", "시스템 연동"


class UsageReport(Base):
    """The last report of a month counts; the trail keeps what was said before."""

    __tablename__ = "usage_report"

    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    """Its first day."""
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    logins: Mapped[int]
    last_used_on: Mapped[date | None] = mapped_column(Date)
    source: Mapped[UsageSource] = mapped_column(enum_column(UsageSource))
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    key_id: Mapped[int | None] = mapped_column(ForeignKey("supplier_key.id"))
    """Of the supplier's system, where that reported it."""
    reported_at: Mapped[Instant]
    deal: Mapped[Deal] = relationship()

    __table_args__ = (
        CheckConstraint("logins >= 0", name="logins"),
        CheckConstraint("extract(day from month) = 1", name="first_of_month"),
        Index("ix_usage_report_supplier_id", "supplier_id", "month"),
        Index("ix_usage_report_company_id", "company_id", "month"),
    )


class WarningKind(Labelled):
    IDLE_DAYS = "idle_days", "결제 후 이용 없음", "warning"
    IDLE_MONTHS = "idle_months", "이용 없는 달 이어짐", "warning"


class WarningAct(Labelled):
    """What follows a warning, where the programme says so."""

    CANCEL = "cancel", "결제취소"
    STOP = "stop", "이용 중지"


class WarningEnd(Labelled):
    USED = "used", "이용 확인"
    EVALUATED = "evaluated", "평가로 확인"
    CLOSED = "closed", "거래 종료"


class WarningState(Labelled):
    """As the screens show it; worked out, not kept."""

    WARNED = "warned", "이용 경고", "warning"
    STOPPED = "stopped", "이용 중지", "danger"
    CANCELLING = "cancelling", "결제취소 진행", "danger"
    FAILED = "failed", "취소 실패, 확인 필요", "danger"
    ENDED = "ended", "해제", "success"


class UsageWarning(Base):
    """Both sides were told that a paid service is not used; kept when it is over."""

    __tablename__ = "usage_warning"

    id: Mapped[Key]
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    kind: Mapped[WarningKind] = mapped_column(enum_column(WarningKind))
    since: Mapped[date] = mapped_column(Date)
    """The day from which the service could be used; of idle months the first day of the first."""
    lasted: Mapped[int]
    """Days, or months, without use when it was told."""
    warned_at: Mapped[Instant]
    act: Mapped[WarningAct | None] = mapped_column(enum_column(WarningAct))
    grace_days: Mapped[int]
    act_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """From when on the programme acts, unless a use is known by then."""
    report_asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the supplier was told that nothing can be decided without its reports."""
    acted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Empty again where the cancellation failed, until it is tried once more."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was tried to cancel the payment in vain."""
    gave_up_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When it was tried for the last time in vain: from then on it is a person's to look at."""
    ended_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    ended: Mapped[WarningEnd | None] = mapped_column(enum_column(WarningEnd))
    deal: Mapped[Deal] = relationship()
    payment: Mapped[Payment] = relationship()

    __table_args__ = (
        CheckConstraint("(act IS NULL) = (act_at IS NULL)", name="act"),
        CheckConstraint("acted_at IS NULL OR act IS NOT NULL", name="acted"),
        CheckConstraint("(ended_at IS NULL) = (ended IS NULL)", name="ended"),
        CheckConstraint("gave_up_at IS NULL OR (acted_at IS NULL AND failures > 0)", name="gave_up"),
        Index(
            "uq_usage_warning_open",
            "deal_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_usage_warning_due",
            "act_at",
            postgresql_where=text("ended_at IS NULL AND acted_at IS NULL AND gave_up_at IS NULL"),
        ),
        Index("ix_usage_warning_deal_id", "deal_id", "id"),
        Index("ix_usage_warning_company_id", "company_id", "id"),
        Index("ix_usage_warning_supplier_id", "supplier_id", "id"),
    )

    @property
    def state(self) -> WarningState:
        if self.ended_at is not None:
            return WarningState.ENDED
        if self.gave_up_at is not None:
            return WarningState.FAILED
        if self.acted_at is None:
            return WarningState.WARNED
        return WarningState.STOPPED if self.act is WarningAct.STOP else WarningState.CANCELLING
