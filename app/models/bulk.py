"""Bulk actions: previewed, run by a job in chunks, with a result for each row (R-SCR-3c)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.applications import Application
from app.models.people import Account
from app.models.types import Instant, Key, KoreanInstant, Labelled, enum_column


class BulkKind(Labelled):
    SCREEN = "screen", "심사확정"
    ASSIGN = "assign", "배정"
    CONFIRM = "confirm", "예산확정"
    SEND_BACK = "send_back", "반송"


class BulkState(Labelled):
    PREVIEWED = "previewed", "미리보기", "neutral"
    RUNNING = "running", "진행중", "info"
    STOPPED = "stopped", "중단", "warning"
    DONE = "done", "완료", "success"


class BulkOutcome(Labelled):
    WAITING = "waiting", "대기", "neutral"
    DONE = "done", "처리됨", "success"
    REFUSED = "refused", "처리하지 못함", "warning"


class BulkRun(Base):
    """One bulk action of one person. Its rows are decided when it is previewed, and again when it runs."""

    __tablename__ = "bulk_run"

    id: Mapped[Key]
    kind: Mapped[BulkKind] = mapped_column(enum_column(BulkKind))
    state: Mapped[BulkState] = mapped_column(enum_column(BulkState))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    """Of the operating agency whose cases these are; None at the lead agency."""
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """What the action needs beside the rows: the reason, the reviewers; and what it was started with: the
    sum that the preview found, the list that the rows were chosen from, the network address."""
    rows: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[Instant]
    started_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    finished_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    leased_until: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Until when whoever works on it counts as alive, in real time; each chunk moves it on."""
    tries: Mapped[int] = mapped_column(default=0)
    """How often a worker has taken it up since its last chunk."""
    note: Mapped[str | None]
    """Why it stopped by itself, in Korean."""
    created_by: Mapped[Account] = relationship()

    __table_args__ = (
        Index("ix_bulk_run_running", "id", postgresql_where=text("state = 'running'")),
        Index("ix_bulk_run_created_by_id", "created_by_id", "id"),
        Index("ix_bulk_run_agency_id", "agency_id", "id"),
    )


class BulkRow(Base):
    """One application of a bulk action, and what became of it."""

    __tablename__ = "bulk_row"

    run_id: Mapped[int] = mapped_column(ForeignKey("bulk_run.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    outcome: Mapped[BulkOutcome] = mapped_column(enum_column(BulkOutcome))
    reason: Mapped[str | None]
    """Why it cannot be, or could not, in Korean. While it waits: what is to be expected instead."""
    application: Mapped[Application] = relationship()

    __table_args__ = (
        UniqueConstraint("run_id", "application_id"),
        Index("ix_bulk_row_waiting", "run_id", "position", postgresql_where=text("outcome = 'waiting'")),
    )
