"""What the console shows of outcomes that nobody knows yet, and asking about one of them now (R-PAY-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict
from app.korean import way_mark
from app.models.deals import Deal
from app.models.payments import UNDECIDED, Payment, PaymentState, UnknownWhy
from app.models.types import Labelled
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Permission
from app.workflows import payment_resolution, record

LONG = timedelta(minutes=10)
"""From here on an outcome that is still unknown is worth a look: every order is closed by then."""


class Kind(Labelled):
    """What is waited for."""

    PAYING = "pending", "결제대기", "info"
    CANCELLING = "cancelling", "취소중", "warning"
    RETURNING = "returning", "실패 건 재확인", "danger"


CONDITIONS: dict[Kind, ColumnElement[bool]] = {
    Kind.PAYING: and_(payment_resolution.undecided(), Payment.state == PaymentState.PENDING),
    Kind.CANCELLING: and_(payment_resolution.undecided(), Payment.state == PaymentState.CANCELLING),
    # A payment that was given up is watched for a while: an order that is just not there worries nobody.
    Kind.RETURNING: and_(
        payment_resolution.watched(),
        Payment.state == PaymentState.FAILED,
        Payment.unknown_why.is_not(None),
        Payment.unknown_why != UnknownWhy.NOT_THERE.value,
    ),
}
EAGER = (
    joinedload(Payment.deal).options(
        joinedload(Deal.offering), joinedload(Deal.supplier), joinedload(Deal.company)
    ),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    payment: Payment
    kind: Kind
    since: datetime
    """The press of 결제 or of 결제취소, in the programme's time."""
    lasts: timedelta
    asked_ago: timedelta | None
    """Since the last asking; in real time, as is the next."""
    next_in: timedelta
    why: str

    @property
    def id(self) -> int:
        return self.payment.id

    @property
    def is_long(self) -> bool:
        return self.lasts >= LONG


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Of what the filters leave; won."""

    counts: dict[Kind, int]
    amount: int
    long: int
    """How many have been unknown for longer than `LONG`."""

    @property
    def count(self) -> int:
        return sum(self.counts.values())


def since() -> ColumnElement[Any]:
    """The press that nobody knows the outcome of."""
    return func.coalesce(Payment.cancel_pressed_at, Payment.pressed_at)


def unknown(kind: Kind | None = None, instrument: InstrumentKind | None = None) -> ColumnElement[bool]:
    found = CONDITIONS[kind] if kind else or_(*CONDITIONS.values())
    return found if instrument is None else and_(found, Payment.instrument_kind == instrument)


def listing(
    *,
    actor: Actor,
    kind: Kind | None = None,
    instrument: InstrumentKind | None = None,
    after: int | None = None,
    size: int = 20,
) -> list[Row]:
    """The oldest payment first, by keyset (`after` is a payment's id). Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    query = select(Payment).options(*EAGER).where(unknown(kind, instrument), Payment.id > (after or 0))
    return [_row(payment) for payment in db.session.execute(query.order_by(Payment.id).limit(size)).scalars()]


def _row(payment: Payment) -> Row:
    pressed = payment.cancel_pressed_at or payment.pressed_at
    real = clock.real_now()
    kind = {PaymentState.PENDING: Kind.PAYING, PaymentState.CANCELLING: Kind.CANCELLING}
    return Row(
        payment=payment,
        kind=kind.get(payment.state, Kind.RETURNING),
        since=pressed,
        lasts=clock.now() - pressed,
        asked_ago=real - payment.asked_at if payment.asked_at else None,
        next_in=max((payment.ask_again_at or real) - real, timedelta()),
        why=UnknownWhy(payment.unknown_why).label if payment.unknown_why else "",
    )


def sums(*, actor: Actor, instrument: InstrumentKind | None = None, kind: Kind | None = None) -> Sums:
    """Counts of each kind; the amount and the long ones of `kind` alone. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    total = func.coalesce(func.sum(Payment.grant_part + Payment.share_part + Payment.tax_part), 0)
    long = func.count().filter(since() <= clock.now() - LONG)
    counts, amounts, long_ones = {}, {}, {}
    for each in Kind:
        query = select(func.count(), total, long).where(unknown(each, instrument))
        counts[each], amounts[each], long_ones[each] = db.session.execute(query).one()
    shown = [kind] if kind else list(Kind)
    return Sums(
        counts=counts,
        amount=int(sum(amounts[each] for each in shown)),
        long=sum(long_ones[each] for each in shown),
    )


def ask_now(*, actor: Actor, payment_id: int) -> Payment:
    """Ask the gateway about one outcome now, whenever its turn would be; a press that is on record.

    Raises Denied, NotFound, or Conflict for a payment of which everything is known.
    """
    policy.require(actor, Permission.PAYMENT_RESOLVE)
    with transaction():
        payment = lock(Payment, payment_id)
        if payment.state not in UNDECIDED and payment.ask_again_at is None:
            raise Conflict(
                "payment.known",
                f"이미 '{payment.state.label}'{way_mark(payment.state.label)} 확인된 결제입니다. "
                "목록을 새로 고쳐 주세요.",
            )
        record.write("payment", payment_id, "ask_now", actor=actor)
    return payment_resolution.resolve_one(payment_id=payment_id)
