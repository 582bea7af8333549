"""K-Startup files that were taken in (R-KST-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, enum_column


class IntakeState(Labelled):
    PREVIEWED = "previewed", "미리보기", "info"
    IMPORTED = "imported", "반영완료", "success"


class IntakeFile(Base):
    """A previewed file. What was refused is a list of places: nothing of a refused row is kept."""

    __tablename__ = "intake_file"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    file_name: Mapped[str]
    sha256: Mapped[str]
    state: Mapped[IntakeState] = mapped_column(enum_column(IntakeState))
    rows: Mapped[int]
    good: Mapped[int]
    already: Mapped[int]
    refused: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`[{"row", "column", "reason"}]`, rows as the spreadsheet counts them."""
    good_rows: Mapped[str | None] = mapped_column(EncryptedText)
    """The good rows as JSON, from the preview until they are imported."""
    previewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    previewed_at: Mapped[Instant]
    imported_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    imported_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    imported: Mapped[int | None]
