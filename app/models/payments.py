"""Payments, their attempts at the card company and ZeroPay, and their slips (domain section 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, or_, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.deals import Deal
from app.models.types import Instant, Key, KoreanInstant, Labelled, Won, enum_column
from app.models.vouchers import InstrumentKind


class PaymentState(Labelled):
    """R-PAY-3; 취소중 is 결제대기's twin on the way back: the outcome of a cancellation is unknown."""

    PENDING = "pending", "결제대기", "info"
    PAID = "paid", "결제성공", "success"
    FAILED = "failed", "결제실패", "danger"
    CANCELLING = "cancelling", "취소중", "warning"
    CANCELLED = "cancelled", "결제취소", "neutral"


class UnknownWhy(Labelled):
    """Why an outcome is still unknown after its gateway was asked."""

    UNREACHABLE = "unreachable", "결제 기관에 연결되지 않습니다"
    NO_ANSWER = "no_answer", "결제 기관이 제때 답하지 않거나 읽을 수 없는 답을 보냅니다"
    TURNED_AWAY = "turned_away", "결제 기관이 조회를 거절합니다. 연결 설정(키)을 확인해 주세요"
    IN_PROGRESS = "in_progress", "결제 기관에서 아직 승인 전입니다"
    NOT_THERE = "not_there", "결제 기관에 아직 주문이 없습니다"
    AMOUNT = "amount", "결제 기관의 승인 금액이 청구 금액과 다릅니다. 결제 기관에서 취소해 주세요"
    NOT_CANCELLED = "not_cancelled", "결제 기관에서 아직 취소되지 않았습니다"
    CONTRADICTION = "contradiction", "결제 기관에 승인 기록이 없습니다. 결제 기관에 문의해 주세요"
    RETURN_REFUSED = "return_refused", "결제 기관이 환급을 거절합니다. 결제 기관에서 취소해 주세요"
    FAULT = "fault", "처리 중 오류가 났습니다. 시스템 관리자에게 알려 주세요"


class SlipKind(Labelled):
    """R-DOC-1"""

    RECEIPT = "receipt", "전표"
    STATEMENT = "statement", "거래명세서"
    CANCELLATION = "cancellation", "취소전표"
    SETTLEMENT = "settlement", "정산내역서"
    BILLING = "billing", "청구내역서"


class CardAuthentication(Base):
    """The card company's key to an SMS code. No number, expiry or code is kept (R-PAY-2)."""

    __tablename__ = "card_authentication"

    id: Mapped[Key]
    token: Mapped[str] = mapped_column(unique=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    order_id: Mapped[str] = mapped_column(unique=True)
    auth_key: Mapped[str]
    last4: Mapped[str]
    requested_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    """In real time: the card company knows no other."""


class Payment(Base):
    """One press of 결제: committed, and the money held, before the gateway is asked (R-PAY-4)."""

    __tablename__ = "payment"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    voucher_id: Mapped[int] = mapped_column(ForeignKey("voucher.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    instrument_kind: Mapped[InstrumentKind] = mapped_column(enum_column(InstrumentKind))
    state: Mapped[PaymentState] = mapped_column(enum_column(PaymentState))
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[str]
    grant_part: Mapped[Won]
    share_part: Mapped[Won]
    tax_part: Mapped[Won]
    """On top of the voucher, where the company bears it (R-MONEY-2a); won, like the two before."""
    pressed_at: Mapped[Instant]
    """The instant that counts (R-VOU-3), in the programme's time."""
    paid_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    payment_key: Mapped[str | None]
    approval_number: Mapped[str | None]
    card_last4: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_text: Mapped[str | None]
    ask_again_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the gateway is asked next, in real time: about an unknown outcome, or about a decided one, because
    the gateway told of a change or may still take money for what was given up."""
    asked: Mapped[int] = mapped_column(default=0)
    not_there: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often the gateway said that it does not know the order, or has not charged it."""
    asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When it was asked last, in real time."""
    unknown_why: Mapped[str | None]
    """Why it was not known after the last asking: a value of `UnknownWhy`."""
    returned_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the gateway gave back what it had taken for this payment, although it failed here."""
    cancel_key: Mapped[str | None] = mapped_column(unique=True)
    cancel_pressed_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    cancel_reason: Mapped[str | None]
    cancelled_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    invoice_state: Mapped[str | None]
    """The state in which it was last looked at for what tax invoice it wants (R-SET-1)."""
    deal: Mapped[Deal] = relationship()

    __table_args__ = (
        CheckConstraint("grant_part >= 0 AND share_part >= 0 AND tax_part >= 0", name="parts"),
        Index(
            "uq_payment_live",
            "deal_id",
            unique=True,
            postgresql_where=text("state IN ('pending', 'paid', 'cancelling')"),
        ),
        # A wrong code fails the payment, not the order at the gateway: the next press may use it again.
        Index(
            "uq_payment_order_id",
            "order_id",
            unique=True,
            postgresql_where=text("state <> 'failed'"),
        ),
        Index("ix_payment_order_failed", "order_id", postgresql_where=text("state = 'failed'")),
        # Of the ZeroPay payments only those that wait to be looked at: a handful.
        Index(
            "ix_payment_unasked",
            "id",
            postgresql_where=text(
                "instrument_kind = 'zeropay' AND state IN ('paid', 'cancelled')"
                " AND invoice_state IS DISTINCT FROM state"
            ),
        ),
        Index("ix_payment_company_id", "company_id", "state", "id"),
        Index("ix_payment_supplier_id", "supplier_id", "state", "id"),
        Index(
            "ix_payment_unknown",
            "ask_again_at",
            "id",
            postgresql_where=text("state IN ('pending', 'cancelling')"),
        ),
        # Those that are decided and yet asked about: a handful at most.
        Index(
            "ix_payment_watched",
            "ask_again_at",
            "id",
            postgresql_where=text("ask_again_at IS NOT NULL AND state NOT IN ('pending', 'cancelling')"),
        ),
        Index("ix_payment_voucher_id", "voucher_id"),
        # The payments of a day; a summary of blocks, which bears that a few rows of them are much older.
        Index(
            "ix_payment_paid_at",
            "paid_at",
            postgresql_using="brin",
            postgresql_ops={"paid_at": "timestamptz_minmax_multi_ops"},
            postgresql_with={"autosummarize": "on"},
        ),
        Index("ix_payment_cancelled_at", "cancelled_at", postgresql_where=text("state = 'cancelled'")),
        Index(
            "ix_payment_approval_number",
            "approval_number",
            postgresql_where=text("approval_number IS NOT NULL"),
        ),
    )

    @property
    def amount(self) -> int:
        """What the voucher pays, won."""
        return self.grant_part + self.share_part

    @property
    def total(self) -> int:
        """What the supplier gets, won: amount and the tax on top."""
        return self.amount + self.tax_part


UNDECIDED = (PaymentState.PENDING, PaymentState.CANCELLING)
"""Of which nobody knows yet how it ends: its gateway is being asked (R-PAY-4)."""
STILL_PAID = (PaymentState.PAID, PaymentState.CANCELLING)
"""취소중 is still paid: the cancellation is not known to have happened."""
# Written out, as the indexes say it: for a parameter no plan would use a partial index.
LIVE = text("payment.state IN ('pending', 'paid', 'cancelling')")
"""Neither failed nor cancelled: a deal has one such payment at most."""
NOT_FAILED = text("payment.state <> 'failed'")
WHATEVER_STATE = or_(NOT_FAILED, text("payment.state = 'failed'"))
"""For a look-up by order, which has an index for each of the two."""


class SlipNumber(Base):
    """The last number given per programme and kind: no gaps (R-DOC-1)."""

    __tablename__ = "slip_number"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    kind: Mapped[SlipKind] = mapped_column(enum_column(SlipKind), primary_key=True)
    last: Mapped[int]


class Slip(Base):
    """A numbered document with the data that it is drawn from; a job makes the file, kept unchanged."""

    __tablename__ = "slip"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    kind: Mapped[SlipKind] = mapped_column(enum_column(SlipKind))
    number: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    """By which anyone can check it on the public page."""
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_line.id"))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    issued_at: Mapped[Instant]
    edition: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    """Of the drawing: a later one may look otherwise, and a lost file is drawn again as it was."""
    content_key: Mapped[str | None] = mapped_column(unique=True)
    """Of a document that is asked for: the same rows asked for again are the same document."""
    sha256: Mapped[str | None]
    size: Mapped[int | None]
    leased_until: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Until when whoever draws it counts as alive, in real time."""
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("programme_id", "kind", "number"),
        Index("ix_slip_issued", "programme_id", "kind", "issued_at", "id"),
        UniqueConstraint("kind", "payment_id"),
        UniqueConstraint("kind", "line_id"),
        Index("ix_slip_payment_id", "payment_id"),
        Index("ix_slip_unmade", "id", postgresql_where=text("sha256 IS NULL")),
    )
