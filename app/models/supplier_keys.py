"""Keys with which a supplier's system signs its requests, and what was answered to them (R-SET-1a)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import EncryptedText, Instant, Key, KoreanInstant


class SupplierKey(Base):
    """The secret is shown once, when it is issued."""

    __tablename__ = "supplier_key"

    id: Mapped[Key]
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    key_id: Mapped[str] = mapped_column(unique=True)
    """Public: by which a request says whose it is."""
    name: Mapped[str]
    """What its supplier calls the system that uses it."""
    secret: Mapped[str] = mapped_column(EncryptedText)
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    issued_at: Mapped[Instant]
    used_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When it last signed a request, to the minute."""
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    revoked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        CheckConstraint("name <> ''", name="name"),
        Index(
            "uq_supplier_key_name",
            "supplier_id",
            "name",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_supplier_key_supplier_id", "supplier_id", "id"),
    )


class SupplierRequest(Base):
    """What was answered to a request, for whoever asks the same once more; kept for a day."""

    __tablename__ = "supplier_request"

    key_id: Mapped[int] = mapped_column(ForeignKey("supplier_key.id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the method, the address and the body."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    at: Mapped[Instant]
    """In real time, as that of the request itself."""

    __table_args__ = (Index("ix_supplier_request_at", "at"),)
