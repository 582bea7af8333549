"""How each bank wants its transfer file and answers with its result (R-SET-2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Instant, Key


class BankFormat(Base):
    """A column map of the agency's own, or what became of a shipped one: `code` names which.

    A batch keeps the map that it was exported with, so that a change here alters no file that was made.
    """

    __tablename__ = "bank_format"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_open: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[Instant]
