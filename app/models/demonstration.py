"""The demonstration's own time (R-TIME-7)."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Instant


class DemonstrationClock(Base):
    """At `real_at` it was `shown_at` in the demonstration; both run on alike. One row at most."""

    __tablename__ = "demonstration_clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    real_at: Mapped[Instant]
    shown_at: Mapped[Instant]

    __table_args__ = (CheckConstraint("id = 1", name="single"),)
