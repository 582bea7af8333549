"""The programme of a year with its settings, and the agencies that run it (R-ROLE-2, R-TIME-4, R-JOIN-7a)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.people import Account
from app.models.types import Instant, Key, KoreanInstant, Labelled, Won, enum_column


class VatMode(Labelled):
    """R-MONEY-2a"""

    INCLUDED = "included", "부가세 포함"
    BORNE = "borne", "부가세 기업 부담"


class SelectionOrder(Labelled):
    """By what a budget is given out while it lasts (R-JOIN-7a)."""

    ARRIVAL = "arrival", "접수 순서"
    SCORE = "score", "평가점수 순서"


class Agency(Base):
    __tablename__ = "agency"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    phones: Mapped[str]
    is_lead: Mapped[bool] = mapped_column(default=False)

    @property
    def agency_id(self) -> int:
        return self.id


class Programme(Base):
    """Settings are data (R-TIME-4, R-JOIN-7a). Amounts in won, shares in percent, fees in 1/10,000."""

    __tablename__ = "programme"

    id: Mapped[Key]
    year: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str]
    is_open: Mapped[bool] = mapped_column(default=True)
    cap: Mapped[Won]
    company_share_percent: Mapped[int]
    vat_mode: Mapped[VatMode] = mapped_column(enum_column(VatMode))
    consultation_days: Mapped[int] = mapped_column(default=2)
    consultation_business: Mapped[bool] = mapped_column(default=True)
    payment_days: Mapped[int] = mapped_column(default=2)
    payment_business: Mapped[bool] = mapped_column(default=False)
    first_payment_months: Mapped[int] = mapped_column(default=1)
    full_use_months: Mapped[int] = mapped_column(default=8)
    card_opens_on: Mapped[date | None] = mapped_column(Date)
    """The day on which the prepaid and the corporate check card open (R-INS-1)."""
    initial_password_days: Mapped[int] = mapped_column(default=90)
    settlement_use_days: Mapped[int] = mapped_column(default=10)
    settlement_fee_bp: Mapped[int] = mapped_column(default=0)
    settle_by_evaluation: Mapped[bool] = mapped_column(default=True, server_default="true")
    settle_by_usage: Mapped[bool] = mapped_column(default=True, server_default="true")
    settle_by_days: Mapped[bool] = mapped_column(default=True, server_default="true")
    """What counts as the use that a settlement waits for; one of them at least (R-SET-1)."""
    usage_idle_days: Mapped[int] = mapped_column(default=30, server_default="30")
    usage_idle_cancels: Mapped[bool] = mapped_column(default=False, server_default="false")
    usage_idle_months: Mapped[int] = mapped_column(default=3, server_default="3")
    usage_idle_stops: Mapped[bool] = mapped_column(default=True, server_default="true")
    usage_grace_days: Mapped[int] = mapped_column(default=14, server_default="14")
    """What is warned of for want of use, what follows, and how many days after the warning (R-SET-1a)."""
    category_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """The categories of this year; none named means all (R-JOIN-7a)."""

    excluded_industries: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Lines of business that cannot take part, as words of the company's 업종 (R-JOIN-7a)."""
    needs_employees: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether companies without employees are not eligible (2022)."""
    needed_documents: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict, server_default="{}")
    """When each kind of document is needed; a kind not named follows R-JOIN-2 and R-JOIN-5."""
    selection_order: Mapped[SelectionOrder] = mapped_column(
        enum_column(SelectionOrder), default=SelectionOrder.ARRIVAL, server_default="arrival"
    )
    promised_days: Mapped[int] = mapped_column(default=10, server_default="10")
    """Business days within which an agency promises its decision."""
    offer_days: Mapped[int] = mapped_column(default=3, server_default="3")
    """Business days within which a company answers an offer of returned money (R-SCR-4)."""

    __table_args__ = (
        CheckConstraint("cap > 0", name="cap_positive"),
        CheckConstraint("company_share_percent BETWEEN 0 AND 100", name="share_percent"),
        CheckConstraint("consultation_days > 0 AND payment_days > 0", name="days_positive"),
        CheckConstraint(
            "usage_idle_days > 0 AND usage_idle_months > 0 AND usage_grace_days >= 0", name="usage_positive"
        ),
        CheckConstraint("settle_by_evaluation OR settle_by_usage OR settle_by_days", name="settles_somehow"),
    )


class ClosingDay(Base):
    """A day that the programme declares closed: no business day (R-TIME-2)."""

    __tablename__ = "closing_day"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reason: Mapped[str]


class ClockStop(Base):
    """A period in which the programme's clocks stood still, for an outage or by decree (R-TIME-5a)."""

    __tablename__ = "clock_stop"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    """Exclusive."""
    reason: Mapped[str]
    declared_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    declared_at: Mapped[Instant]
    declared_by: Mapped[Account | None] = relationship()
    run: Mapped[ClockRun] = relationship(back_populates="stop")

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="period"),
        Index("ix_clock_stop_programme_id", "programme_id", "starts_at"),
    )


class ClockRun(Base):
    """The deadlines that a stop of the clocks or a closing day moves, while a job does so and afterwards."""

    __tablename__ = "clock_run"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    stop_id: Mapped[int | None] = mapped_column(ForeignKey("clock_stop.id"), unique=True)
    closed_on: Mapped[date | None] = mapped_column(Date)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    by_name: Mapped[str]
    """Who declared it, as each record's trail names them; also where it was a command."""
    by_ip: Mapped[str | None]
    rows: Mapped[int] = mapped_column(default=0)
    moved_deals: Mapped[int] = mapped_column(default=0)
    moved_vouchers: Mapped[int] = mapped_column(default=0)
    moved_offers: Mapped[int] = mapped_column(default=0)
    """Counted when all are done: what moved and was told."""
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    leased_until: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Until when whoever works on it counts as alive, in real time; each chunk moves it on."""
    tries: Mapped[int] = mapped_column(default=0)
    """How often a worker has taken it up since its last chunk."""
    stop: Mapped[ClockStop | None] = relationship(back_populates="run")

    __table_args__ = (
        CheckConstraint("num_nonnulls(stop_id, closed_on) = 1", name="cause"),
        ForeignKeyConstraint(["programme_id", "closed_on"], ["closing_day.programme_id", "closing_day.day"]),
        UniqueConstraint("programme_id", "closed_on"),
        # One at a time: what is moved from where it stands must not be moved by two at once.
        Index(
            "uq_clock_run_running", "programme_id", unique=True, postgresql_where=text("finished_at IS NULL")
        ),
    )


class ClockRunRow(Base):
    """One clock that ran when a run was declared; kept until the run is done."""

    __tablename__ = "clock_run_row"

    run_id: Mapped[int] = mapped_column(ForeignKey("clock_run.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    """Which clock of a record: a bill's is another than that of its consultation."""
    record_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    told: Mapped[bool | None]
    """None while it waits: its old deadline ends nothing. Then, whether it moved and was told."""

    __table_args__ = (
        Index(
            "ix_clock_run_row_waiting",
            "kind",
            "record_id",
            unique=True,
            postgresql_where=text("told IS NULL"),
        ),
    )


class AgencyBudget(Base):
    """One agency's part of a programme's budget. Its money lies in the ledger, under this row's id."""

    __tablename__ = "agency_budget"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    agency: Mapped[Agency] = relationship()

    __table_args__ = (UniqueConstraint("programme_id", "agency_id"),)
