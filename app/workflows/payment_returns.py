"""Money that a gateway took for a payment which failed here goes back, until that is known (R-PAY-4).

A press may reach its gateway after it was given up: so a payment that was given up is watched for a while,
and a call-back about any failed payment has it asked about again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app import clock
from app.db import db, lock, transaction
from app.gateways.errors import Refused
from app.gateways.payments import Approval, Cancellation, Cancelled, Failed, Found
from app.models.payments import NOT_FAILED, Payment, PaymentState, UnknownWhy
from app.models.vouchers import InstrumentKind
from app.policy import CLOCK
from app.workflows import cancellations, record
from app.workflows.reconciliation_orders import TAKEN_BACK_CODE, return_key

log = logging.getLogger(__name__)

TAKEN_BACK = Failed(TAKEN_BACK_CODE, "결제 기관에서 취소된 결제입니다. 다시 결제해 주세요.")
WATCH_FIRST = timedelta(seconds=60)
WATCHED_ENOUGH = 10
"""How often an order must not be known, or not be charged, before a payment that was given up is left alone:
with the growing pauses, more than half an hour."""
RETURNED = "결제되지 않은 '{name}' 건으로 결제 기관에서 승인된 금액을 모두 돌려드렸습니다."


@dataclass(frozen=True, kw_only=True)
class Case:
    """A payment as plain values: no transaction stays open while its gateway is asked."""

    payment_id: int
    order_id: str
    kind: InstrumentKind
    state: PaymentState
    total: int
    not_there: int
    """How often the gateway said so before."""
    claimed_until: datetime | None
    """What `ask_again_at` was when the case was taken: whatever else it says by then, a hint came."""
    next_turn: datetime | None
    is_turn: bool
    """Asked because its turn had come, and not because a person pressed for it."""


def watch(*, payment_id: int) -> None:
    """Go on asking about a payment that was given up because its gateway did not know the order.

    For use inside the transaction that gives it up.
    """
    failed = update(Payment).where(Payment.id == payment_id, Payment.state == PaymentState.FAILED)
    db.session.execute(failed.values(ask_again_at=clock.real_now() + WATCH_FIRST, not_there=0))


def look_again(case: Case, found: Found) -> UnknownWhy | None:
    """What the gateway says about a payment that is decided here; gives back a charge of a failed one.

    Why there is more to be asked, or None where all is well.
    """
    if case.state is not PaymentState.FAILED or _another_lives(case):
        _compare(case, found)
        return None
    match found:
        case Approval():
            return _give_back(case, found.payment_key, found.amount, return_key(case.payment_id))
        case Cancelled(balance=0):
            _enter(case, found.cancellations[-1] if found.cancellations else None)
            return None
        case Cancelled():
            key = f"{return_key(case.payment_id)}:{found.balance}"
            return _give_back(case, found.approval.payment_key, found.balance, key)
    if not isinstance(found, Failed) and case.not_there + 1 < WATCHED_ENOUGH:
        return UnknownWhy.NOT_THERE
    _stop(case)
    return None


def give_rest_back(case: Case, found: Cancelled) -> bool:
    """Whether nothing is left of a charge that was taken back in part, outside of the platform.

    Raises Unknown or Unavailable where this is not known.
    """
    if found.balance == 0:
        return True
    key = f"{return_key(case.payment_id)}:{found.balance}"
    try:
        _cancel(case, found.approval.payment_key, found.balance, key)
    except Refused:
        log.exception("the rest of a charge was not given back", extra={"payment_id": case.payment_id})
        return False
    return True


def _another_lives(case: Case) -> bool:
    lives = select(Payment.id).where(
        Payment.order_id == case.order_id, NOT_FAILED, Payment.id != case.payment_id
    )
    with transaction() as session:
        return session.execute(lives).first() is not None


def _compare(case: Case, found: Found) -> None:
    """What was decided stays so: a difference is found and named by the reconciliation."""
    taken = found.amount if isinstance(found, Approval) else getattr(found, "balance", 0)
    held = case.total if case.state is PaymentState.PAID else 0
    if case.state is not PaymentState.FAILED and taken != held:
        log.error("the gateway's book differs", extra={"payment_id": case.payment_id})
    _stop(case)


def _give_back(case: Case, payment_key: str, amount: int, key: str) -> UnknownWhy | None:
    log.error("charge of a failed payment", extra={"payment_id": case.payment_id})
    try:
        cancellation = _cancel(case, payment_key, amount, key)
    except Refused:
        log.exception("a charge was not given back", extra={"payment_id": case.payment_id})
        return UnknownWhy.RETURN_REFUSED
    _enter(case, cancellation)
    return None


def _cancel(case: Case, payment_key: str, amount: int, key: str) -> Cancellation:
    """The same key each time: whoever repeats it gives nothing back twice."""
    return cancellations.gateway_of(case.kind).cancel(
        payment_key=payment_key,
        amount=amount,
        reason=cancellations.REASON_FOR_GATEWAY,
        idempotency_key=key,
    )


def _enter(case: Case, cancellation: Cancellation | None) -> None:
    """Known to be back: put on record and told, once."""
    with transaction():
        payment = lock(Payment, case.payment_id)
        payment.ask_again_at = None
        if payment.state is not PaymentState.FAILED or payment.returned_at is not None:
            return
        payment.returned_at = cancellation.cancelled_at if cancellation else clock.now()
        record.write("payment", payment.id, "charge_returned", actor=CLOCK)
        message = record.Message(
            key=f"payment:{payment.id}:charge_returned",
            text=RETURNED.format(name=payment.deal.offering.name),
            company_id=payment.company_id,
            link="/payments",
        )
        record.tell([message])


def _stop(case: Case) -> None:
    """Nothing more to be asked, unless a call-back came meanwhile."""
    with transaction():
        db.session.execute(
            update(Payment)
            .where(Payment.id == case.payment_id, Payment.state == case.state)
            .where(Payment.ask_again_at == case.claimed_until)
            .values(ask_again_at=None)
        )
