"""Who did what (R-AUD-1), and what must still be told or done (R-MSG-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Instant, Key, KoreanInstant, LongText


class AuditRow(Base):
    """One act on one record; the rows of a record form a chain of hashes. Append-only by trigger."""

    __tablename__ = "audit_row"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entity: Mapped[str]
    entity_id: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int]
    action: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str]
    ip: Mapped[str | None]
    at: Mapped[Instant]
    """The programme's time."""
    recorded_at: Mapped[Instant]
    """The real time."""
    reason: Mapped[str | None]
    change: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`{field: [before, after]}`; personal data masked."""
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint"))

    __table_args__ = (
        UniqueConstraint("entity", "entity_id", "seq"),
        Index("ix_audit_row_xid", "xid", "id"),
        Index("ix_audit_row_actor_id", "actor_id", "id", postgresql_where=text("actor_id IS NOT NULL")),
        # The decided waivers of the console: a handful among millions (R-VOU-2).
        Index(
            "ix_audit_row_waiver",
            "id",
            postgresql_where=text("entity = 'voucher' AND action IN ('decline_waiver', 'waive')"),
        ),
    )


class AuditAnchor(Base):
    """The Merkle root of all rows of a range of transactions, chained to the one before."""

    __tablename__ = "audit_anchor"

    id: Mapped[Key]
    from_xid: Mapped[int] = mapped_column(BigInteger)
    to_xid: Mapped[int] = mapped_column(BigInteger)
    """Exclusive."""
    rows: Mapped[int]
    root: Mapped[bytes] = mapped_column(LargeBinary)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[Instant]

    __table_args__ = (UniqueConstraint("from_xid"),)


class OutboxMessage(Base):
    """What must happen outside, committed with the change that asks for it. Its key makes it happen once."""

    __tablename__ = "outbox_message"

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Ids and texts without personal data: the recipient's number is looked up when it is sent."""
    created_at: Mapped[Instant]
    next_try_at: Mapped[Instant]
    """Real time."""
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    done_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    gave_up_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    error: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_outbox_message_open",
            "next_try_at",
            "id",
            postgresql_where=text("done_at IS NULL AND gave_up_at IS NULL"),
        ),
    )


_TO_COMPANIES = text("company_id IS NOT NULL")
_TO_SUPPLIERS = text("supplier_id IS NOT NULL")


class Notice(Base):
    """알림 in the platform, to a company or a supplier.

    Written with the change that it tells of, for the parties of that record, who are never deleted: foreign
    keys here would lock a company and a supplier for each of the thousands that a sweep tells.
    """

    __tablename__ = "notice"

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[int | None] = mapped_column(BigInteger)
    supplier_id: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[LongText]
    link: Mapped[str | None]
    at: Mapped[Instant]
    read_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        Index("ix_notice_company_id", "company_id", "id", postgresql_where=_TO_COMPANIES),
        Index("ix_notice_supplier_id", "supplier_id", "id", postgresql_where=_TO_SUPPLIERS),
    )
