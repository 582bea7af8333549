"""The application of a demand company and its way through screening and budget (domain section 4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.companies import Company
from app.models.programme import Agency
from app.models.types import Instant, Key, KoreanInstant, Labelled, enum_column


class ApplicationState(Labelled):
    NOT_APPLIED = "not_applied", "신청 전", "neutral"
    SCREENING = "screening", "심사중", "info"
    ON_HOLD = "on_hold", "심사보류", "warning"
    SCREENED = "screened", "심사확정", "secondary"
    APPROVED = "approved", "승인", "success"
    REJECTED = "rejected", "심사탈락", "danger"


class Application(Base):
    __tablename__ = "application"

    id: Mapped[Key]
    receipt_number: Mapped[str] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    state: Mapped[ApplicationState] = mapped_column(enum_column(ApplicationState))
    created_at: Mapped[Instant]
    submitted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When it last entered the queue; waiting time counts from here (R-SCR-3)."""
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    screened_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    screened_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    reason: Mapped[str | None]
    """Of the hold, the rejection or the return that led to the present state."""
    marks: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    """The fields and documents that a hold names (R-SCR-3a)."""
    reason_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Of the hold or rejection that led to the present state; `reason` is their text and what was added."""
    score: Mapped[int | None]
    """Points of the screening, 0 to 100, where the programme selects by score (R-JOIN-7a)."""
    waitlisted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Since when it stands 심사확정 because its agency's budget had ended (R-SCR-4)."""
    flagged_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """An edit after 심사확정 that the agency should look at (R-SCR-2)."""
    company: Mapped[Company] = relationship()
    agency: Mapped[Agency] = relationship()

    __table_args__ = (
        Index("ix_application_queue", "agency_id", "state", "submitted_at", "id"),
        Index("ix_application_state", "state", "submitted_at", "id"),
        # Whose next case it is: one step of the index, whatever lies in others' hands (R-SCR-3b).
        Index("ix_application_hands", "agency_id", "state", "assigned_to_id", "submitted_at", "id"),
        Index(
            "ix_application_flagged",
            "agency_id",
            "flagged_at",
            postgresql_where=text("flagged_at IS NOT NULL"),
        ),
        Index(
            "ix_application_waitlist",
            "agency_id",
            "submitted_at",
            "id",
            postgresql_where=text("state = 'screened' AND waitlisted_at IS NOT NULL"),
        ),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
    )


class ScreeningCheck(Base):
    """A reviewer's tick on one field or document of a case (R-SCR-3): a note, no decision."""

    __tablename__ = "screening_check"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    """A field's name, or `document-<id>:<point>`: a file handed in anew is another document."""
    fits: Mapped[bool]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[Instant]


class ScreeningRound(Base):
    """One stay in an agency's queue, from arrival to decision: what waiting is measured by (R-SCR-5)."""

    __tablename__ = "screening_round"

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[int]
    """From 1; a second one followed a hold or a 반송."""
    entered_at: Mapped[Instant]
    decided_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decision: Mapped[str | None]
    """The action that ended it: hold, screen or reject."""
    reason_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    waited_days: Mapped[int | None]
    """Business days from arrival to decision."""

    __table_args__ = (
        Index(
            "uq_screening_round_open",
            "application_id",
            unique=True,
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_screening_round_decided", "agency_id", "decided_at", postgresql_include=["waited_days"]),
        Index(
            "ix_screening_round_again",
            "agency_id",
            "entered_at",
            postgresql_where=text("number > 1"),
        ),
        Index("ix_screening_round_application_id", "application_id"),
    )


class CaseView(Base):
    """Who has a case open at this moment (R-SCR-3b). Unlogged: it is forgotten when the server falls."""

    __tablename__ = "case_view"

    application_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seen_at: Mapped[Instant]
    """Real time of the last sign of life."""

    __table_args__ = {"prefixes": ["UNLOGGED"]}
