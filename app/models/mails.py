"""정산내역서 sent by mail (R-SET-2, R-MSG-1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.settlements import SettlementLine
from app.models.types import Instant, Key, KoreanInstant, Labelled


class MailState(Labelled):
    """What has become of a sending; read off its columns, and off its message in the outbox."""

    WAITING = "waiting", "메일 발송 중", "info"
    SENT = "sent", "메일 발송", "success"
    REFUSED = "refused", "메일 발송 실패", "danger"


class StatementMail(Base):
    """One sending of a line's statement to its supplier: the first by itself, further ones by a person."""

    __tablename__ = "statement_mail"

    id: Mapped[Key]
    line_id: Mapped[int] = mapped_column(ForeignKey("settlement_line.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    number: Mapped[int]
    """The first sending of a line's statement, the second, and so on."""
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Who sent it again; None for the sending that follows the payment."""
    asked_at: Mapped[Instant]
    sent_to: Mapped[str | None]
    """The address as it was when it was sent, masked."""
    sent_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    message_id: Mapped[str | None]
    """The mail gateway's."""
    refused_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    refused_text: Mapped[str | None]
    """Why it can never arrive, and what to do, in Korean."""
    line: Mapped[SettlementLine] = relationship()

    __table_args__ = (
        UniqueConstraint("line_id", "number"),
        CheckConstraint("sent_at IS NULL OR refused_at IS NULL", name="one_outcome"),
        CheckConstraint("(refused_at IS NULL) = (refused_text IS NULL)", name="refused"),
        Index("ix_statement_mail_supplier_id", "supplier_id", "id"),
    )

    @property
    def state(self) -> MailState:
        if self.sent_at is not None:
            return MailState.SENT
        return MailState.WAITING if self.refused_at is None else MailState.REFUSED
