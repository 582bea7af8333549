"""Finance export: what was asked for and why, and the files that it consists of (R-DOC-2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.catalogue import Supplier
from app.models.payments import SlipKind
from app.models.people import Account
from app.models.programme import Agency
from app.models.types import Instant, Key, KoreanInstant, Labelled, LongText, Won, enum_column


class ExportForm(Labelled):
    PDF = "pdf", "PDF 한 파일로 묶기"
    ZIP = "zip", "ZIP (문서별 PDF, 엑셀 색인, 해시 목록)"


class ExportState(Labelled):
    RUNNING = "running", "만드는 중", "info"
    STOPPED = "stopped", "중단", "warning"
    DONE = "done", "완료", "success"
    CANCELLED = "cancelled", "취소", "neutral"
    EXPIRED = "expired", "기간만료", "neutral"


_ONCE = (SlipKind.RECEIPT, SlipKind.STATEMENT)


def counted_once(kinds: Collection[SlipKind]) -> bool:
    """Whether the sum over documents of these kinds counts no money twice.

    전표 and 거래명세서 are of the same payments, and 정산내역서 and 청구내역서 list them again: a transfer
    that failed stands on the next statement too, and a period can be billed more than once.
    """
    return len(set(kinds) - {SlipKind.CANCELLATION}) <= 1 and set(kinds) <= {*_ONCE, SlipKind.CANCELLATION}


class PaperExport(Base):
    """The documents of a period, an agency or a supplier, made into files once by a job.

    Which documents these are is settled at the start, by the last number of each kind: numbers are given in
    the order of commits, so that an export that was broken off goes on with the same ones.
    """

    __tablename__ = "paper_export"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    form: Mapped[ExportForm] = mapped_column(enum_column(ExportForm))
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Values of `SlipKind`, in the order in which the documents stand."""
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    """The last day, itself within."""
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    reason: Mapped[LongText]
    """Why these personal data leave the platform (R-AUD-0)."""
    state: Mapped[ExportState] = mapped_column(enum_column(ExportState))
    upto: Mapped[dict[str, int]] = mapped_column(JSONB)
    """By kind: the last number that there was at the start."""
    rows: Mapped[int]
    amount: Mapped[Won]
    """Sum of what the documents say, won, less what was cancelled; see `total`."""
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many documents lie in finished parts."""
    ahead: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many are in the part under way."""
    parts: Mapped[int] = mapped_column(default=0, server_default="0")
    place_kind: Mapped[str | None]
    place_number: Mapped[int | None] = mapped_column(BigInteger)
    """The last document of the last part: the next part begins after it."""
    note: Mapped[str | None]
    """Why it stopped by itself, in Korean."""
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    by_ip: Mapped[str | None]
    created_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    expires_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """From then on the files are no longer handed out, and are deleted."""
    leased_until: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Until when whoever works on it counts as alive, in real time."""
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often a worker has taken it up since its last part."""
    created_by: Mapped[Account] = relationship()
    agency: Mapped[Agency | None] = relationship()
    supplier: Mapped[Supplier | None] = relationship()

    __table_args__ = (
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("cardinality(kinds) > 0", name="kinds"),
        CheckConstraint("since <= until", name="period"),
        Index("ix_paper_export_running", "id", postgresql_where=text("state = 'running'")),
        Index("ix_paper_export_programme_id", "programme_id", "id"),
    )

    @property
    def slip_kinds(self) -> list[SlipKind]:
        return [SlipKind(value) for value in self.kinds]

    @property
    def total(self) -> int | None:
        """Won; None where the documents say the same money twice."""
        return self.amount if counted_once(self.slip_kinds) else None

    @property
    def made(self) -> int:
        """How far it is, in documents."""
        return self.done + self.ahead


class PaperExportPart(Base):
    """One file of an export. Its row stays when the file is gone: what was handed out can be proven."""

    __tablename__ = "paper_export_part"

    export_id: Mapped[int] = mapped_column(ForeignKey("paper_export.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    documents: Mapped[int]
    first_number: Mapped[str]
    last_number: Mapped[str]
    """`2020-R-000042`, as the papers say."""
    file_name: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[Instant]
    forgotten_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the file was deleted."""

    __table_args__ = (
        Index("ix_paper_export_part_kept", "sha256", postgresql_where=text("forgotten_at IS NULL")),
    )
