"""The papers of a payment, those too that are still being made (R-DOC-1).

A job numbers and draws them a moment after the payment: a payment says by its state which it will have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import clock
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.workflows import slips

PATIENCE = timedelta(minutes=10)
"""How long a page goes on asking for papers by itself."""

_PAID = (SlipKind.RECEIPT, SlipKind.STATEMENT)
EXPECTED: dict[PaymentState, tuple[SlipKind, ...]] = {
    PaymentState.PENDING: (),
    PaymentState.FAILED: (),
    PaymentState.PAID: _PAID,
    PaymentState.CANCELLING: _PAID,
    PaymentState.CANCELLED: (*_PAID, SlipKind.CANCELLATION),
}


@dataclass(frozen=True)
class Paper:
    kind: SlipKind
    id: int | None = None
    """Of the slip; None while there is none."""
    sha256: str | None = None


@dataclass(frozen=True)
class Papers:
    """In the order of the kinds: 전표, 거래명세서, 취소전표."""

    each: tuple[Paper, ...]
    since: datetime | None
    """When what they tell of happened."""

    def __iter__(self) -> Iterator[Paper]:
        return iter(self.each)

    def __len__(self) -> int:
        return len(self.each)

    @property
    def missing(self) -> bool:
        return any(paper.sha256 is None for paper in self.each)

    @property
    def making(self) -> bool:
        """Worth asking for again in a moment."""
        return self.missing and not self.late

    @property
    def late(self) -> bool:
        return self.missing and (self.since is None or clock.now() - self.since > PATIENCE)


def of(payments: Sequence[Payment]) -> dict[int, Papers]:
    """By payment, in one query. The caller has checked whose the payments are."""
    found = slips.for_payments([payment.id for payment in payments])
    return {payment.id: _papers(payment, found.get(payment.id, {})) for payment in payments}


def of_payment(payment: Payment) -> Papers:
    return of([payment])[payment.id]


def _papers(payment: Payment, found: dict[SlipKind, Slip]) -> Papers:
    expected = EXPECTED[payment.state]
    rows = (
        Paper(kind, found[kind].id, found[kind].sha256) if kind in found else Paper(kind)
        for kind in SlipKind
        if kind in found or kind in expected
    )
    return Papers(tuple(rows), payment.cancelled_at or payment.paid_at)
